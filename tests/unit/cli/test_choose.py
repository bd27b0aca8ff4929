# SPDX-License-Identifier: GPL-3.0-or-later
"""The suite's name, left out where there is one alone."""

from types import SimpleNamespace
from typing import Any

import pytest

from harness.cli import testing


@pytest.mark.parametrize(
    ("suites", "word", "chosen", "words"),
    [
        (["tryton"], "", "tryton", ["-"]),
        (["tryton"], "tryton", "tryton", ["-"]),
        (["tryton"], "shop", "tryton", ["shop", "-"]),
        (["tryton"], "tests/test_a.py::T", "tryton", ["tests/test_a.py::T", "-"]),
        (["tryton"], "trytn", "trytn", ["-"]),
        (["tryton", "portal"], "shop", "shop", ["-"]),
        (["tryton", "portal"], "", "", ["-"]),
    ],
)
def test_the_only_suite(
    suites: list[str], word: str, chosen: str, words: list[str]
) -> None:
    config = SimpleNamespace(suite=dict.fromkeys(suites))
    context: Any = SimpleNamespace(config=config, graph={"shop": None})
    options: Any = SimpleNamespace(suite=word, words=["-"])
    testing._choose(context, options)
    assert (options.suite, options.words) == (chosen, words)
