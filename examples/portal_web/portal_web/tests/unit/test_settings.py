# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings."""

import os
import shutil
import tempfile
import unittest
from pathlib import Path

from nose.exc import SkipTest
from nose.plugins.attrib import attr
from nose.tools import (
    assert_equal,
    assert_in,
    assert_not_equal,
    assert_raises,
    nottest,
    with_setup,
)

from portal_web.__main__ import read
from portal_web.settings import SettingsError, load

BASE = {"DB_NAME": "society"}
directory = None


def setUp():
    global directory
    directory = Path(tempfile.mkdtemp())


def tearDown():
    shutil.rmtree(directory)


class TestCascade:
    def test_defaults(self):
        settings = load({}, BASE)
        assert_equal(settings.service, "portal")
        assert_equal(settings.page_size, 20)

    def test_the_environment_is_read(self):
        settings = load({}, {**BASE, "PORTAL_URL": "https://a.test"})
        assert_equal(settings.url, "https://a.test")
        assert settings.secure

    def test_what_is_given_counts_more(self):
        settings = load(
            {"url": "http://b.test"}, {**BASE, "PORTAL_URL": "http://a.test"}
        )
        assert_equal(settings.url, "http://b.test")

    def test_empty_variables_are_none(self):
        assert_equal(load({}, {**BASE, "PORTAL_USER": ""}).user, "admin")

    def test_the_stack_says_it_in_other_words(self):
        environ = {
            "DATABASE_NAME": "a",
            "UPLOADS": "/b",
            "API_ORIGINS": "http://c http://d",
        }
        settings = load({}, environ)
        assert_equal(settings.database, "a")
        assert_equal(settings.files, Path("/b"))
        assert_equal(settings.api_origins, {"http://c", "http://d"})

    def test_mail_goes_to_files_if_there_is_no_server(self):
        settings = load({"files": Path("/a")}, BASE)
        assert_equal(settings.mail_dir, Path("/a/mail"))

    def test_a_secret_is_made_up_in_development(self):
        assert_not_equal(load({}, BASE).secret, load({}, BASE).secret)


@nottest
def refused(words, given=None, **environ):
    with assert_raises(SettingsError) as caught:
        load(given or {}, {**BASE, **environ})
    assert_in(words, str(caught.exception))


def test_refused():
    for words, given in [
        ("setting service: 'shop'", {"service": "shop"}),
        ("is not a number", {"page_size": "many"}),
        ("0 is not within 1 to 100", {"page_size": "0"}),
        ("101 is not within 1 to 100", {"page_size": 101}),
        ("setting environment", {"environment": "prod"}),
        ("no database", {"database": ""}),
        ("the secret needs", {"environment": "production", "files": "/a"}),
        ("the secret needs", {"environment": "staging", "secret": "x", "files": "/a"}),
        ("uploads have no place", {"environment": "production", "secret": "x" * 32}),
        (
            "mail has no way",
            {"environment": "staging", "secret": "x" * 32, "files": "/a"},
        ),
    ]:
        yield refused, words, given


@nottest
def refused_variable(variable, value, words):
    refused(words, None, **{variable: value})


def test_variables_are_named():
    yield refused_variable, "PORTAL_SERVICE", "shop", "PORTAL_SERVICE: 'shop'"
    yield refused_variable, "PORTAL_PAGE_SIZE", "x", "PORTAL_PAGE_SIZE: 'x'"
    yield refused_variable, "PORTAL_RETRIES", "99", "PORTAL_RETRIES: 99"


def test_the_api_sends_no_mail():
    given = {"environment": "staging", "secret": "x" * 32, "files": "/a"}
    assert_equal(load({**given, "service": "api"}, BASE).service, "api")


def write_secret():
    (directory / "secret").write_text("s" * 40 + "\n")


def remove_secret():
    (directory / "secret").unlink()


@with_setup(write_secret, remove_secret)
def test_a_secret_is_read_from_a_file():
    path = str(directory / "secret")
    for variable in ("PORTAL_SECRET_FILE", "SESSION_SECRET_FILE"):
        assert_equal(load({}, {**BASE, variable: path}).secret, "s" * 40)


@with_setup(write_secret, remove_secret)
def test_a_mail_server_in_a_file_wins_and_an_empty_one_does_not():
    path = directory / "secret"
    told = {**BASE, "PORTAL_SMTP": "smtp://plain", "PORTAL_SMTP_FILE": str(path)}
    assert_equal(load({}, told).smtp, "s" * 40)
    path.write_text("")
    assert_equal(load({}, told).smtp, "smtp://plain")


@with_setup(write_secret, remove_secret)
@attr("permissions")
def test_a_secret_that_cannot_be_read():
    if os.getuid() == 0:
        raise SkipTest("root can read all files")
    (directory / "secret").chmod(0)
    refused("PORTAL_SECRET_FILE", None, PORTAL_SECRET_FILE=str(directory / "secret"))


def test_a_secret_that_is_not_there():
    refused("PORTAL_SECRET_FILE", None, PORTAL_SECRET_FILE=str(directory / "nothing"))


class IniFile(unittest.TestCase):
    """A TestCase may have any name."""

    def setUp(self):
        self.path = directory / "portal.ini"

    def test_variables(self):
        self.path.write_text(
            "[app:main]\nuse = egg:portal_web\nfiles = %(HERE)s/files\n"
        )
        self.assertEqual(read(self.path, {"HERE": "/a"}), {"files": "/a/files"})

    def test_without_a_file(self):
        self.assertEqual(read(None, {}), {})

    def test_without_its_section(self):
        self.path.write_text("[server:main]\n")
        with self.assertRaisesRegex(SettingsError, "no section"):
            read(self.path, {})

    def test_that_is_not_there(self):
        with self.assertRaisesRegex(SettingsError, "No such file"):
            read(self.path.with_name("nothing"), {})

    def test_percent_signs_of_variables_are_kept(self):
        self.path.write_text("[app:main]\nsecret = %(SECRET)s\n")
        self.assertEqual(read(self.path, {"SECRET": "50%"}), {"secret": "50%"})
