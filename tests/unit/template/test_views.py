# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether views pass their check: each content is asked about once."""

from pathlib import Path

import pytest

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
