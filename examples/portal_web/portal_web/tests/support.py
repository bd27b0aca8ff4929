# SPDX-License-Identifier: GPL-3.0-or-later
"""What the suites of the portal and the API share.

The applications are made once in a process, when they are first asked for; what
they write into the database is put back by whoever gives the database.
"""

from __future__ import annotations

import atexit
import email
import email.policy
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from trytond.pool import Pool
from webtest import TestApp

from portal_web import make
from portal_web.models import web_user
from portal_web.settings import Settings, load
from portal_web.tdb import Work

PASSWORD = "correct horse battery"
ADA = "ada@example.com"
BELA = "bela@example.com"
CARLA = "carla@example.com"
SECRET = "a secret of tests, which is long enough"
ISOLATED = "HARNESS_SUITE" in os.environ
"""Whether somebody puts the database back."""

_numbers = itertools.count(1)


def unique(text: str) -> str:
    """A text that no other test has."""
    return f"{text} {os.getpid()}-{next(_numbers)}"


@lru_cache
def _directory(process: int) -> Path:
    path = Path(tempfile.mkdtemp(prefix="portal-tests-"))
    atexit.register(lambda: os.getpid() == process and shutil.rmtree(path, True))
    return path


@lru_cache
def _settings(process: int, service: str) -> Settings:
    given = {"service": service, "environment": "testing", "secret": SECRET}
    if not os.environ.get("PORTAL_FILES"):
        given["files"] = str(_directory(process) / "files")
    if not os.environ.get("PORTAL_MAIL_DIR"):
        files = given.get("files") or os.environ["PORTAL_FILES"]
        given["mail_dir"] = f"{files}/mail"
    return load(given, os.environ)


def settings(service: str = "portal") -> Settings:
    """The settings of an application in this process."""
    return _settings(os.getpid(), service)


@lru_cache
def _application(process: int, service: str) -> Any:
    return make(settings(service))


def application(service: str = "portal") -> Any:
    """An application, the same all the time in a process."""
    return _application(os.getpid(), service)


def browser(service: str = "portal", who: str | None = None) -> TestApp:
    """A browser with no cookies, or with those of somebody who is logged in."""
    made = TestApp(application(service))
    if who:
        log_in(made, who)
    return made


def member(name: str) -> str:
    """The address of a new member, of whom no other test knows."""
    address = f"{unique(name).replace(' ', '.')}@example.com".lower()
    with transaction():
        made = web_user.register(
            email=address, password=PASSWORD, name=name, language="en"
        )
        web_user.verify(made.email_token)
    return address


def log_in(app: TestApp, who: str, password: str = PASSWORD) -> Any:
    """Log in by the form; the response."""
    form = app.get("/login").forms["form"]
    form["email"] = who
    form["password"] = password
    return form.submit(status="*")


@contextmanager
def transaction(*, readonly: bool = False) -> Iterator[Work]:
    """A transaction like that of a request."""
    with application().registry.tdb.transaction(readonly=readonly) as work:
        yield work


def get(name: str) -> Any:
    """A model of the society's module."""
    return Pool().get(f"collecting_society.{name}")


def user(who: str = ADA) -> Any:
    """A web user, in a transaction."""
    (found,) = Pool().get("web.user").search([("email", "=", who)])
    return found


def number(model: str, name: str, field: str = "title") -> int:
    """The id of the one record with a name."""
    with transaction(readonly=True):
        (found,) = get(model).search([(field, "=", name)])
        return int(found.id)


def count(model: str, *domain: Any) -> int:
    """How many records there are."""
    with transaction(readonly=True):
        return int(get(model).search(list(domain), count=True))


def mails(recipient: str) -> list[Any]:
    """What was sent to somebody, the last one last."""
    directory = settings().mail_dir
    assert directory
    paths = sorted(directory.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    parsed = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in paths
    ]
    return [message for message in parsed if message["To"] == recipient]


def fill(form: Any, **values: Any) -> Any:
    """A form of a page with these values."""
    for name, value in values.items():
        form[name] = value
    return form


def flac(length: int = 1000, mark: bytes = b"x") -> bytes:
    """Something that begins like FLAC."""
    return b"fLaC" + mark * length
