# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands get what their options say, and there is no option that nobody reads."""

import argparse
from collections.abc import Collection, Iterator
from inspect import signature
from typing import Any, get_origin

import pytest

from harness.cli import binding
from harness.cli.base import OVERRIDES
from tests.unit.test_docs import PARSERS

ELSEWHERE = {*OVERRIDES, "help", "profile", "series", "on", "environment"}
"""Options that are settings, or that more than the command reads."""
BOUND = {
    words: parser
    for words, parser in PARSERS.items()
    if isinstance(parser.get_default("call"), str)
}


class Options(argparse.Namespace):
    """Parsed options that note who is asked for."""

    def __init__(self, **values: object) -> None:
        self.__dict__["values"] = values
        self.__dict__["asked"] = set()

    def __getattr__(self, name: str) -> Any:
        self.asked.add(name)
        if name not in self.values:
            raise AttributeError(name)
        return self.values[name]


def defaults(words: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    """What is parsed of a command without options, of those above it, too."""
    for end in range(len(words) + 1):
        parser = PARSERS[words[:end]]
        for action in parser._actions:
            given = action.default
            if action.nargs == argparse.REMAINDER:
                given = ["x"]
            if given is not argparse.SUPPRESS:
                yield action.dest, given
        yield from parser._defaults.items()


@pytest.mark.parametrize("words", BOUND, ids=" ".join)
def test_keywords_are_options_and_options_are_keywords(words: tuple[str, ...]) -> None:
    parser = BOUND[words]
    options = Options(**dict(defaults(words)), rest=())
    function = binding.command_of(parser.get_default("call"))
    given = binding.given(function, options)
    for name, parameter in list(signature(function).parameters.items())[1:]:
        kind, value = parameter.annotation, given[name]
        assert (kind is bool) == isinstance(value, bool), name
        if isinstance(value, tuple):
            assert issubclass(get_origin(kind), Collection), name
    own = {action.dest for action in parser._actions if not _commands(action)}
    if "json" in own and parser.get_default("apart"):
        own.remove("json")
    assert own - ELSEWHERE <= options.asked


def _commands(action: argparse.Action) -> bool:
    return isinstance(action, argparse._SubParsersAction)


def test_most_commands_are_bound() -> None:
    leaves = [one for one in PARSERS.values() if one.get_default("call")]
    assert len(BOUND) > len(leaves) * 4 // 5
