# SPDX-License-Identifier: GPL-3.0-or-later
"""What was typed, before anything takes it: words that cannot be meant."""

import argparse
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from harness.cli.base import Parser
from harness.errors import UsageError
from harness.masks import masked
from harness.options import TESTING, lacking, slip


def require_directory() -> None:
    """Raises `UsageError` where the shell's own directory was removed."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise UsageError(
            "the directory that this was called in is gone",
            remedy="change to one that is there: cd",
        ) from None


INSIDE: Final = ("exec", "run")
"""Commands whose words are another program's."""


def check(
    argv: Sequence[str], words: Sequence[str], main_: Parser, environ: Mapping[str, str]
) -> None:
    """Raises `UsageError` for what cannot be meant: options that nobody has or before
    the command, no command, an empty one among our own words."""
    name, remedy = slip(argv) if argv[0] in TESTING else ("", "")
    if name:
        raise UsageError(
            f"harness {argv[0]} has no option {name}, nor has pytest",
            remedy=f"{remedy} A plugin's option is given after --: -- {name}",
        )
    if argv[0] in TESTING and (name := lacking(argv)):
        raise UsageError(
            f"{name} needs a value, and there is none", remedy=f"write it behind {name}"
        )
    if "" in words and argv[0] not in INSIDE:
        raise UsageError(
            "a word of the command line is empty",
            checked=line(argv),
            remedy="leave it out; a variable of the shell may not be set",
        )
    names = known(main_)
    if argv[0] in names or argv[0] in ("-h", "--help", "--version"):
        return
    if not argv[0].startswith("-"):
        _refuse(argv, main_, environ)
        return
    place = next((at for at, word in enumerate(argv) if word in names), None)
    if place is None:
        raise main_.unknown(argv)
    words = (argv[place], *argv[:place], *argv[place + 1 :])
    raise UsageError(
        f"options follow the command, {argv[0]} is before it", remedy=line(words)
    )


INSTEAD: Final = {"help": "--help", "version": "--version"}
"""Commands of other programs that are options here."""


def _refuse(argv: Sequence[str], main_: Parser, environ: Mapping[str, str]) -> None:
    """Raises `UsageError` where a word is no command, but is known otherwise."""
    from harness import config  # takes its time

    word, *rest = argv
    words = ["test", *argv]
    if word in INSTEAD:
        words = [*rest, INSTEAD[word]]
    else:
        root = config.find_root(Path.cwd())
        suites = config.load(root, environ, {}).suite if root else {}
        if word not in suites:
            if f"--{word}" not in _parsers(main_)["test"]._option_string_actions:
                return
            words = ["test", f"--{word}", *rest]
    text = f"harness has no command {word!r}"
    raise UsageError(text, remedy=f"did you mean {line(words)}?")


def known(main_: Parser) -> set[str]:
    """The names of all commands."""
    return set(_parsers(main_))


def _parsers(main_: Parser) -> dict[str, Parser]:
    return {
        name: one
        for action in main_._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, one in action.choices.items()
    }


def line(argv: Sequence[str]) -> str:
    """What was typed, as reports may show it: it rules no terminal."""
    text = f"harness {shlex.join(map(masked, argv))}"
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
