# SPDX-License-Identifier: GPL-3.0-or-later
import os
import subprocess
import sys

import pytest

from collecting_society_worker import settings
from collecting_society_worker.errors import ConfigurationError


@pytest.fixture
def environ(tmp_path):
    return {
        "PROCESSING_FILES": str(tmp_path),
        "PROCESSING_URI": "http://server:8000/society/",
    }


def test_defaults(environ, tmp_path):
    found = settings.load(environ)
    assert found.files == str(tmp_path)
    assert (found.interval, found.user, found.lossless) == (10.0, "admin", False)


def test_environment_wins_over_the_file(environ, tmp_path):
    ini = tmp_path / "worker.ini"
    ini.write_text("[processing]\ninterval = 3\nminimum = 2.5\nlossless = yes\n")
    found = settings.load({**environ, "PROCESSING_INTERVAL": "4"}, str(ini))
    assert (found.interval, found.minimum, found.lossless) == (4.0, 2.5, True)
    assert settings.load({**environ, "PROCESSING_CONFIG": str(ini)}).interval == 3.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[processing]\nintervall = 3\n", "did you mean interval?"),
        ("[other]\n", r"no section \[processing\]"),
        ("interval = 3\n", "no section headers"),
        ("[processing]\ninterval = soon\n", "interval = 'soon': not a number"),
        ("[processing]\ninterval = nan\n", "not a number"),
        ("[processing]\nminimum = 0\n", "not a number"),
        ("[processing]\nlossless = perhaps\n", "neither yes nor no"),
        ("[processing]\nminimum = 9\nmaximum = 8\n", "more than maximum"),
    ],
)
def test_a_bad_file_is_named(environ, tmp_path, text, said):
    ini = tmp_path / "worker.ini"
    ini.write_text(text)
    with pytest.raises(ConfigurationError, match=said) as caught:
        settings.load(environ, str(ini))
    assert "more than" in said or str(ini) in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"PROCESSING_FILES": ""}, "PROCESSING_FILES is not set"),
        ({"PROCESSING_FILES": "/nowhere"}, "is it mounted?"),
        ({"PROCESSING_URI": ""}, "no database"),
        ({"PROCESSING_URI": "", "DB_NAME": "society"}, "no database"),
        ({"PROCESSING_URI": "server:8000"}, "must look like"),
        ({"PROCESSING_URI": "http://server:8000/"}, "must look like"),
        ({"PROCESSING_CONFIG": "/nowhere/worker.ini"}, "/nowhere/worker.ini: No such"),
    ],
)
def test_a_bad_environment_is_named(environ, changed, said):
    with pytest.raises(ConfigurationError, match=said):
        settings.load({**environ, **changed})


def test_address(environ, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("p@ss/word\n")
    found = settings.load({**environ, "PROCESSING_PASSWORD_FILE": str(secret)})
    assert found.address() == "http://admin:p%40ss%2Fword@server:8000/society/"
    given = {**environ, "PROCESSING_URI": "https://who:what@server/society"}
    assert settings.load(given).address() == "https://who:what@server/society/"


def test_missing_password_file_is_named(environ):
    found = settings.load({**environ, "PROCESSING_PASSWORD_FILE": "/nowhere"})
    with pytest.raises(ConfigurationError, match="PROCESSING_PASSWORD_FILE"):
        found.address()


def test_nothing_is_read_at_import():
    modules = "settings, records, worker, recovery, audio, __main__"
    code = f"from collecting_society_worker import {modules}"
    env = {"PATH": os.environ["PATH"], "PROCESSING_CONFIG": "/nowhere"}
    subprocess.run([sys.executable, "-W", "error", "-c", code], env=env, check=True)
