# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of Nox, as anybody's noxfile adds them."""

import logging
from types import SimpleNamespace
from typing import Any

import nox
import pytest

from harness import sessions


class Session:
    """What a session is called with, and what it does."""

    def __init__(self, *words: str) -> None:
        self.posargs = [*words]
        self.ran: list[tuple[str, ...]] = []
        self.installed: list[tuple[str, ...]] = []

    def run(self, *words: str, **options: Any) -> None:
        assert options["interrupt_timeout"] == 10.0
        self.ran.append(words)

    def install(self, *words: str) -> None:
        self.installed.append(words)


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    made: dict[str, Any] = {}

    def session(*, name: str, **options: Any) -> Any:
        def add(function: Any) -> None:
            made[name] = SimpleNamespace(call=function, **options)

        return add

    monkeypatch.setattr(nox, "session", session)
    return made


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tryton", ("test", "tryton")),
        ("integration", ("test", "integration")),
        ("shop_tests", ("test", "shop")),
        ("gate", ("gate",)),
        ("manage", ()),
    ],
)
def test_a_session_hands_its_words_on(
    added: dict[str, Any], name: str, words: tuple[str, ...]
) -> None:
    sessions.add(name, here=True)
    session = Session("--list", "-k", "one")
    added[name].call(session)
    ((_, *ran),) = session.ran
    assert ran == ["-m", "harness", *words, "--list", "-k", "one"]
    assert session.installed == []
    assert added[name].venv_backend == "none"
    assert added[name].call.__doc__


def test_an_environment_is_made_where_it_must(added: dict[str, Any]) -> None:
    sessions.add("tryton", here=False)
    session = Session()
    added["tryton"].call(session)
    assert session.installed == [("--quiet", sessions.package())]
    assert session.ran[0][0] == "python"


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ('{"url": "file:///x.whl"}', " @ file:///x.whl"),
        (None, f"=={sessions.__version__}"),
    ],
)
def test_it_is_installed_from_where_this_one_came(
    monkeypatch: pytest.MonkeyPatch, said: str | None, given: str
) -> None:
    found = SimpleNamespace(read_text=lambda file: said)
    monkeypatch.setattr(sessions.metadata, "distribution", lambda name: found)
    assert sessions.package() == f"collecting-society-harness[cli]{given}"


def test_nox_alone_runs_what_ends_by_itself(added: dict[str, Any]) -> None:
    sessions.add("tryton", "shop_tests", "gate", "watch", "manage", here=True)
    tags = {name: one.tags for name, one in added.items()}
    suite = ["harness", "tests"]
    assert tags == {
        "tryton": suite, "shop_tests": suite, "gate": ["harness"], "watch": [],
        "manage": [],
    }  # fmt: skip
    assert all(bool(one.tags) == one.default for one in added.values())


def test_a_name_that_is_no_session(added: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="'portal' is no session"):
        sessions.add("portal")
    assert not added


@pytest.mark.parametrize(
    ("text", "shown"),
    [("uv binary not found", False), ("Session %s failed.", True)],
)
def test_nox_says_nothing_of_uv(text: str, *, shown: bool) -> None:
    """Wherever it is: the environment of these tests has one."""
    record = logging.LogRecord("nox", logging.WARNING, "", 0, text, (), None)
    assert bool(logging.getLogger("nox").filter(record)) is shown
