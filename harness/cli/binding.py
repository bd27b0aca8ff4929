# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands options to commands: each keyword of a command is the option of that name.

`tests/unit/cli/test_binding.py` holds that all of them are there, and of the kind.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any, Final

from harness.cli.base import Words
from harness.cli.wholeness import refuse_half
from harness.errors import UsageError
from harness.output import Console

if TYPE_CHECKING:
    from harness.commands.db_make import Content
    from harness.commands.db_place import DatabaseRequest
    from harness.commands.db_saving import Leave
    from harness.commands.sources import Choice
    from harness.context import Context

OTHERWISE: Final = {"as_json": "json", "dry": "dry_run", "wanted_series": "series"}
"""Keywords whose option has another name."""


def command_of(call: str) -> Callable[..., int]:
    """The function that is called so, relative to ``harness.commands``."""
    module, _, name = call.rpartition(".")
    found: Callable[..., int] = getattr(
        import_module(f".{module}", "harness.commands"), name
    )
    return found


def given(function: Callable[..., int], options: argparse.Namespace) -> dict[str, Any]:
    """What a command takes beside the context."""
    _, *names = signature(function).parameters
    return {name: _value(name, options) for name in names}


def call(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    """Call the command of parsed options; the exit code.  `rest` are pytest's words."""
    refuse_half(context, options)
    if not isinstance(options.call, str):
        return int(options.call(context, options, rest))
    options.rest = rest
    function = command_of(options.call)
    if "apart" in options:
        context = apart(context, options)
    return function(context, **given(function, options))


def _value(name: str, options: argparse.Namespace) -> Any:
    if name in MADE:
        return MADE[name](options)
    value = getattr(options, OTHERWISE.get(name, name))
    return tuple(value) if isinstance(value, list) else value


def apart(context: "Context", options: argparse.Namespace) -> "Context":
    """With ``--json``, all words but the document go to stderr."""
    if not options.json:
        return context
    console = Console(sys.stderr, context.environ)
    return replace(context, console=console, answers=context.console)


def _choice(options: argparse.Namespace) -> "Choice":
    from harness.commands.sources import Choice

    return Choice(
        names=tuple(options.names),
        yes=getattr(options, "yes", False),
        dry=getattr(options, "dry_run", False),
        ask=_ask(options),
    )


def _leave(options: argparse.Namespace) -> "Leave":
    """What was allowed by the options of `asking`."""
    from harness.commands.db_saving import Leave

    return Leave(
        yes=options.yes,
        force=options.force,
        save=not options.no_backup,
        ask=_ask(options),
    )


def request(options: argparse.Namespace) -> "DatabaseRequest":
    """Where the database is looked for."""
    from harness.commands.db_place import DatabaseRequest

    return DatabaseRequest(
        on=options.on,
        environment=options.environment,
        dry=getattr(options, "dry_run", False),
    )


def _wanted(options: argparse.Namespace) -> "Content":
    from harness.commands.db_make import Content

    return Content(
        modules=options.modules,
        template=options.template,
        datasets=tuple(options.dataset),
        reclimit=options.reclimit,
        empty=getattr(options, "empty", False),
        filled=getattr(options, "filled", False),
    )


def _ask(options: argparse.Namespace) -> Callable[[str], str] | None:
    """How to ask the user; None where nobody is there."""
    return input if sys.stdin is not None and sys.stdin.isatty() else None


def _argv(options: argparse.Namespace) -> tuple[str, ...]:
    """A command for a service; raises `UsageError` where there is none."""
    words = options.words[options.words[:1] == ["--"] :]
    if not words:
        raise UsageError(
            "no command is given",
            remedy=f"harness {options.command} {options.service} COMMAND, or"
            " harness shell",
        )
    return tuple(words)


MADE: Final[Mapping[str, Callable[[argparse.Namespace], object]]] = {
    "argv": _argv,
    "ask": _ask,
    "choice": _choice,
    "content": _wanted,
    "encoding": lambda options: sys.stdout.encoding or "ascii",
    "leave": _leave,
    "terminal": lambda options: sys.stdin.isatty() and sys.stdout.isatty(),
    "wish": request,
}
"""Keywords that are made of several options, or of what is around."""
