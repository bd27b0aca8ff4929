# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail."""

import email
import email.policy
import shutil
import smtplib
import tempfile
from pathlib import Path

from nose.tools import (
    assert_equal,
    assert_in,
    assert_is_instance,
    assert_not_in,
    raises,
)

from portal_web import mailer
from portal_web.settings import load


def message(**more):
    values = {
        "sender": "a@b.test",
        "recipient": "c@d.test",
        "subject": "S",
        "text": "T",
    }
    return mailer.compose(**{**values, **more})


class TestFileMailer:
    def setup(self):
        self.directory = Path(tempfile.mkdtemp())
        self.mailer = mailer.FileMailer(self.directory / "mail")

    def teardown(self):
        shutil.rmtree(self.directory)

    def sent(self):
        paths = (self.directory / "mail").iterdir()
        policy = email.policy.default
        return [email.message_from_bytes(p.read_bytes(), policy=policy) for p in paths]

    def test_a_file_for_each(self):
        self.mailer.send(message(text="one"))
        self.mailer.send(message(text="two"))
        texts = sorted(one.get_content().strip() for one in self.sent())
        assert_equal(texts, ["one", "two"])

    def test_umlauts(self):
        self.mailer.send(message(subject="Bestätigung", text="Größe: 5 €\n"))
        (one,) = self.sent()
        assert_equal(one["Subject"], "Bestätigung")
        assert_in("Größe: 5 €", one.get_content())

    def test_nothing_is_left_half(self):
        self.mailer.send(message())
        names = [path.suffix for path in (self.directory / "mail").iterdir()]
        assert_equal(names, [".eml"])


class TestCompose:
    def test_a_subject_cannot_add_headers(self):
        one = message(subject="Hello\r\nBcc: victim@example.com")
        assert_not_in("Bcc", one)

    @raises(ValueError)
    def test_nor_can_a_recipient(self):
        message(recipient="c@d.test\nBcc: victim@example.com")

    def test_it_has_a_date_and_an_id(self):
        assert_in("Date", message())
        assert_in("Message-ID", message())


class FakeServer:
    """Records what is asked of it."""

    calls = []

    def __init__(self, host, port, timeout):
        self.calls.append(("connect", host, port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.calls.append(("quit",))

    def has_extn(self, name):
        return name == "starttls"

    def starttls(self):
        self.calls.append(("starttls",))

    def login(self, user, password):
        self.calls.append(("login", user, password))

    def send_message(self, one):
        self.calls.append(("send", one["To"]))


class TestSMTP:
    @classmethod
    def setupClass(cls):
        cls.original = smtplib.SMTP
        smtplib.SMTP = FakeServer

    @classmethod
    def teardownClass(cls):
        smtplib.SMTP = cls.original

    def setUp(self):
        FakeServer.calls.clear()

    def test_send(self):
        mailer.SMTPMailer("smtp://mail.test:2525").send(message())
        assert_equal(
            FakeServer.calls,
            [
                ("connect", "mail.test", 2525),
                ("starttls",),
                ("send", "c@d.test"),
                ("quit",),
            ],
        )

    def test_login_comes_after_tls(self):
        mailer.SMTPMailer("smtp://me:p%40ss@mail.test").send(message())
        assert_equal(FakeServer.calls[1:3], [("starttls",), ("login", "me", "p@ss")])


def test_choose():
    def check(given, kind):
        settings = load({"database": "a", "files": Path("/a"), **given}, {})
        assert_is_instance(mailer.choose(settings), kind)

    yield check, {}, mailer.FileMailer
    yield check, {"smtp": "smtp://mail.test"}, mailer.SMTPMailer
