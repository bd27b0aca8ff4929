# SPDX-License-Identifier: GPL-3.0-or-later
"""When a pytest that nobody of ours has started gets databases."""

from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugins import alone, tryton
from harness.plugins.client import BROKER


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where a process was started; none is."""
    made: list[str] = []
    monkeypatch.setattr(alone, "Served", made.append)
    monkeypatch.setattr(tryton, "ALONE", [])
    monkeypatch.delenv(BROKER, raising=False)
    return made


def begin(**options: Any) -> list[str]:
    """The patterns of doctests, as a session begins."""
    known = SimpleNamespace(doctestglob=None, **options)
    alone.pytest_load_initial_conftests(
        SimpleNamespace(
            known_args_namespace=known,
            rootpath="/shop",
            pluginmanager=SimpleNamespace(register=lambda plugin, name: None),
        )  # type: ignore[arg-type]
    )
    return [*(known.doctestglob or [])]


def test_tests_that_are_run_have_databases(started: list[str]) -> None:
    assert begin(collectonly=False) == ["scenario_*.rst"]
    assert started == ["/shop"]
    assert tryton.ALONE


def test_nothing_is_started_to_list_tests(started: list[str]) -> None:
    assert begin(collectonly=True) == ["scenario_*.rst"]
    assert not started


def test_a_worker_asks_who_its_session_has_started(
    started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BROKER, "/somewhere")
    begin(collectonly=False)
    assert not started
