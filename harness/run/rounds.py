# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids of tests that were run several times: ``test_a[2/20]`` is ``test_a``."""

import re
from collections.abc import Iterable
from typing import Final

from harness.context import Context
from harness.errors import HarnessError
from harness.reports import record

ROUND: Final = re.compile(r"\[\d+/\d+\]$")


def without(context: Context, words: Iterable[str]) -> tuple[str, ...]:
    """The words without the round that the last report says they end in.

    A parameter may look like one: only what the report has as a round is one.
    """
    words = tuple(words)
    if not any(map(ROUND.search, words)):
        return words
    try:
        directory = context.config.root / context.config.reports / "latest"
        tests = record.load(directory).tests
    except HarnessError:
        return words
    rounds = {test.id for test in tests if not ROUND.search(test.key)}
    return tuple(
        ROUND.sub("", word) if any(_is(word, one) for one in rounds) else word
        for word in words
    )


def _is(word: str, id_: str) -> bool:
    """Whether a word is an id, from wherever it was written."""
    return word == id_ or word.endswith(f"/{id_}") or id_.endswith(f"/{word}")
