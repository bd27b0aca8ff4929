# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether views pass their check: each content is asked about once."""

import io
import subprocess
from pathlib import Path
from typing import Any, Self

import pytest

from harness import proc
from harness.store import Store
from harness.template.views import Views

FACT = "view form src/alpha/view/form.xml"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What trytond was asked about; it takes what has no ``wrong``."""
    found: list[tuple[str, str]] = []

    def passes(self: Views, views: list[tuple[str, str]]) -> bool:
        found.extend(views)
        return not any("wrong" in text for _, text in views)

    monkeypatch.setattr(Views, "_passes", passes)
    return found


@pytest.fixture
def views(tmp_path: Path) -> Views:
    (tmp_path / "src/alpha/view").mkdir(parents=True)
    store = Store(tmp_path / "state")
    site = tmp_path / "site"
    site.mkdir()
    return Views(store=store, root=tmp_path, python=Path("python"), site=site, env={})


def write(views: Views, text: str) -> None:
    (views.root / "src/alpha/view/form.xml").write_text(text)


def test_each_content_is_asked_about_once(
    views: Views, asked: list[tuple[str, str]]
) -> None:
    for text in ("<a/>", "<b/>", "<a/>", "<b/>"):
        write(views, text)
        assert views([FACT])
    assert asked == [("form", "<a/>"), ("form", "<b/>")]
    assert views([FACT.replace("form ", "tree ")])
    assert asked[2:] == [("tree", "<b/>")]


def test_what_fails_is_not_remembered(
    views: Views, asked: list[tuple[str, str]]
) -> None:
    write(views, "<wrong/>")
    assert not views([FACT])
    assert not views([FACT])
    assert len(asked) == 2


def test_what_cannot_be_read_does_not_pass(
    views: Views, asked: list[tuple[str, str]]
) -> None:
    assert not views([FACT])
    (views.root / "src/alpha/view/form.xml").write_bytes(b"\xff")
    assert not views([FACT])
    assert asked == []


class Slow:
    """A check that does not end."""

    def __init__(self, argv: list[str], **more: Any) -> None:
        self.process = self
        self.stdin = io.BytesIO()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def communicate(self, given: bytes, *, timeout: float) -> None:
        raise subprocess.TimeoutExpired("python", timeout)

    def ended(self, *, within: float) -> bool:
        return False


def test_a_check_that_takes_too_long_is_none_that_passes(
    views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proc, "Child", Slow)
    write(views, "<a/>")
    assert not views([FACT])
