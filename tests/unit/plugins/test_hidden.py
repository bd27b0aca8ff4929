# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets are in no report of a test and in no evidence."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugins import hidden
from harness.plugins.film import Film

SECRET = "correct horse"


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("PGPASSWORD", "s3cr3t-of-the-server")
    hidden.typed.clear()
    yield "s3cr3t-of-the-server"
    hidden.typed.clear()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password is s3cr3t-of-the-server!", "password is •••!"),
        ("postgresql://a:other@h/d", "postgresql://a:•••@h/d"),
        ("GET /login?user=a&Password=abc&x=1", "GET /login?user=a&Password=•••&x=1"),
        ("/?token=abc&api_key=d", "/?token=•••&api_key=•••"),
        ("nothing: a=b, http://h:80/", "nothing: a=b, http://h:80/"),
    ],
)
def test_texts(text: str, expected: str) -> None:
    assert hidden.clean(text) == expected
    assert hidden.clean(expected) == expected


@pytest.mark.parametrize(
    "field",
    [
        f'<input type="password" name="repeated" value="{SECRET}">',
        f"<INPUT value='{SECRET}' class=a TYPE=password>",
        "<input type=password value=correct>",
    ],
)
def test_the_source_of_a_page(field: str) -> None:
    made = hidden.page(f'<input type="text" value="shown">{field}')
    assert "correct" not in made
    assert 'value="shown"' in made
    assert 'value="•••"' in made


class Page:
    """A driver: one field, with a type."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.asked = 0

    def execute(self, name: str, given: Any) -> Any:
        if name == "findElement":
            return {"value": SimpleNamespace(id="1")}
        if name == "w3cExecuteScript":
            self.asked += 1
            if not self.kind:
                raise ValueError("stale")
            return {"value": self.kind}
        return {"value": None}


@pytest.mark.parametrize(
    ("kind", "secret"),
    [
        ("password new-password", True),
        ("text one-time-code", True),
        ("text current-password", True),
        ("", True),
        ("text ", False),
        ("email username", False),
    ],
)
def test_the_type_of_a_field_decides(kind: str, *, secret: bool) -> None:
    """Whatever its name is."""
    film, page = Film(), Page(kind)
    film.around(page.execute, "findElement", {"value": "#repeated"})
    for _ in range(2):
        film.around(page.execute, "sendKeysToElement", {"id": "1", "text": SECRET})
    words = film.shown()[0]["words"]
    assert words == f"type {'•••' if secret else repr(SECRET)} into #repeated"
    assert page.asked == 1
    assert (SECRET in hidden.clean(f"the server logs {SECRET}")) is not secret
