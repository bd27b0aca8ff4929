# SPDX-License-Identifier: GPL-3.0-or-later
"""What staging and production must be told is said of all at once."""

from pathlib import Path
from typing import Any

import pytest

from harness.config import Config
from harness.errors import ConfigError
from harness.stack import project as projects
from harness.stack import settings

GOOD: dict[str, dict[str, str]] = {
    "portal": {
        "PORTAL_URL": "https://society.example",
        "API_URL": "https://api.society.example",
        "PORTAL_MAIL_FROM": "portal@society.example",
    },
    "api": {
        "PORTAL_URL": "https://society.example",
        "API_URL": "https://api.society.example",
        "API_ORIGINS": "https://society.example https://other.example",
    },
    "nginx": {
        "PORTAL_NAMES": "www.society.example society.example",
        "API_NAMES": "api.society.example",
    },
}
SERVER = "smtps://me:a+word@mail.example:465"


def problems(root: Path, server: str = SERVER, **changes: dict[str, str]) -> str:
    told = {name: {**known, **changes.get(name, {})} for name, known in GOOD.items()}
    project = projects.make(Config(root=root), "production")
    try:
        settings.require(project, told, server)
    except ConfigError as error:
        return error.message
    return ""


def test_what_goes_together_is_taken(tmp_path: Path) -> None:
    assert problems(tmp_path) == ""
    plain = {"PORTAL_SMTP": "smtp://mail.example"}
    assert problems(tmp_path, "", portal=plain) == ""
    assert settings.example(GOOD) == []


@pytest.mark.parametrize(
    ("server", "changes", "said"),
    [
        ("", {}, "mail has no way"),
        ("mail.example", {}, "begins with neither smtp://"),
        ("smtp://mail.example:99999", {}, "is no address"),
        ("smtp://", {}, "names no host"),
        ("", {"portal": {"PORTAL_SMTP": "smtp://me:hush@mail.example"}},
         "docker inspect"),
        (SERVER, {"portal": {"PORTAL_MAIL_FROM": ""}}, "have no sender"),
        (SERVER, {"portal": {"PORTAL_URL": "https://else.example"}},
         "portal: PORTAL_URL leads to else.example"),
        (SERVER, {"api": {"API_URL": "https://else.example"}}, "set API_NAMES"),
        (SERVER, {"api": {"API_URL": "society"}}, "is no address"),
        (SERVER, {"api": {"API_ORIGINS": "https://other.example"}},
         "lacks the portal's own pages: https://society.example"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    tmp_path: Path, server: str, changes: dict[str, Any], said: str
) -> None:
    found = problems(tmp_path, server, **changes)
    assert said in found
    assert "hush" not in found


def test_all_is_said_at_once(tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "portal": {"PORTAL_MAIL_FROM": ""}, "nginx": {"API_NAMES": "x.example"},
    }  # fmt: skip
    assert len(problems(tmp_path, "", **changes).splitlines()) == 5


def test_names_of_the_example_are_told() -> None:
    told = {"portal": {"API_URL": "http://api.repertoire.test:81"}, "api": {}}
    assert settings.example(told) == ["portal: API_URL"]


def test_addresses_lead_to_the_certificate_that_is_there(tmp_path: Path) -> None:
    place = tmp_path / "compose" / "secrets" / "production"
    plain: dict[str, Any] = {"portal": {"PORTAL_URL": "http://society.example"}}
    allowed: dict[str, Any] = {"api": {"API_ORIGINS": "http://society.example"}}
    assert problems(tmp_path, **plain, **allowed) == ""
    place.mkdir(parents=True)
    (place / "tls_certificate").touch()
    assert "there is a certificate: https" in problems(tmp_path, **plain, **allowed)
    assert problems(tmp_path) == ""
