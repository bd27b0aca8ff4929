# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a warm process is started, and which process needs what tests need."""

from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugins import isolation
from harness.plugins.workers import __main__ as program


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("", False),
        ("tests -x", False),
        ("-n 2", True),
        ("-n2 tests", True),
        ("--numprocesses=auto", True),
        ("-n 2 -n 0", False),
        ("-n 0 tests -n 3", True),
        ("-n 2 --harness-cold", False),
    ],
)
def test_workers_that_start_warm(line: str, wanted: bool) -> None:
    assert program.parallel(line.split()) is wanted


def config(*, collectonly: bool = False, **more: Any) -> Any:
    option = SimpleNamespace(collectonly=collectonly)
    dist = more.pop("dist", "no")
    return SimpleNamespace(option=option, getoption=lambda *name: dist, **more)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (config(), True),
        (config(workerinput={}), True),
        (config(workerinput={}, dist="load"), True),
        (config(dist="load"), False),
        (config(collectonly=True), False),
        (config(collectonly=True, workerinput={}), False),
    ],
    ids=["alone", "worker", "own dist", "controller", "collects", "worker collects"],
)
def test_who_runs_tests(config: Any, expected: bool) -> None:
    assert isolation.runs_tests(config) is expected
