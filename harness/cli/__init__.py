# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: the only reader of the environment, the error boundary."""

import argparse
import os
import shlex
import signal
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from harness import __version__
from harness.cli import (
    clean,
    databases,
    doctor,
    gating,
    images,
    providers,
    repositories,
    services,
    stack,
    testing,
    tools,
)
from harness.cli.base import Parser
from harness.errors import ExitCode, HarnessError, Interrupted
from harness.masks import masked
from harness.options import split
from harness.output import Console

if TYPE_CHECKING:
    from harness.commands.context import Context

PARTS = (
    testing, gating, repositories, images, stack, services, databases, tools,
    providers, doctor, clean,
)  # fmt: skip
"""Modules that each add commands, in the order of the help."""

EPILOG = """\
examples:
  harness test tryton collecting_society          the module's tests
  harness test tryton party account_invoice -k view
  harness test tryton --changed-since main        what a change touches
  harness test tryton --list --json               the plan, nothing starts
  harness test tryton collecting_society --in image
  harness gate                                    what a merge needs, one verdict
  harness template list                           finished template databases
  harness update; harness sources status          the repositories of the sources
  harness build; harness up                       the images, the stack
  harness db backup; harness db demo-setup        databases, here or in the stack
  harness deploy portal --debug                   in this terminal, with an editor
  harness docs --open; harness lint               the documentation, the style
  harness doctor                                  what this machine lacks
exit codes: 0 ok, 1 tests failed, 2 usage or configuration, 3 nothing selected,
  4 something missing on the machine, 5 external command failed, 6 image,
  7 database or template, 8 gate (lint, docs, its verdict), 9 internal,
  130 interrupted"""


OVERRIDES = {
    "database": "database.server",
    "jobs": "jobs",
    "worker": "workers",
    "keep": "keep",
    "profile": "profile",
    "browser": "browser.server",
    "selenium": "browser.server",
    "headed": "browser.headed",
    "evidence": "browser.evidence",
}
"""Options of the command line that are settings."""


def parser() -> Parser:
    """The whole command line."""
    main_ = Parser(
        prog="harness",
        description="Builds, tests and maintains the collecting society stack.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    main_.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = main_.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for part in PARTS:
        part.add(commands)
    main_.set_defaults(parser=main_)  # harness completion describes it
    return main_


def main(argv: Sequence[str]) -> int:
    """Run a command; the exit code."""
    environ = dict(os.environ)
    console = Console(sys.stdout, environ)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        arguments, rest = split(argv)
        options = parser().parse_args(arguments)
        context = _context(options, argv, console, environ)
        return int(options.call(context, options, rest))
    except HarnessError as error:
        console.error(error)
        return error.code
    except KeyboardInterrupt:
        console.error(Interrupted("interrupted: everything that was begun is ended"))
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return ExitCode.COMMAND_FAILED
    except Exception as error:
        console.error(_unknown(error, argv))
        return ExitCode.INTERNAL


def _terminated(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _unknown(error: Exception, argv: Sequence[str]) -> HarnessError:
    """A defect: the log is written to a file that can be sent."""
    handle, name = tempfile.mkstemp(prefix="harness-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as log:
        log.write(f"harness {__version__} on Python {sys.version}\n")
        log.write(f"$ {_line(argv)}\n\n{masked(traceback.format_exc())}")
    return HarnessError(
        f"this is a defect of the harness: {type(error).__name__}: {error}",
        remedy=f"report it with the log {name}",
    )


def _line(argv: Sequence[str]) -> str:
    """What was typed, as reports may show it."""
    return f"harness {shlex.join(map(masked, argv))}"


def _context(
    options: argparse.Namespace,
    argv: Sequence[str],
    console: Console,
    environ: Mapping[str, str],
) -> "Context":
    from harness import config
    from harness.commands.context import Context

    overrides: dict[str, tuple[object, str]] = {}
    for name, key in OVERRIDES.items():
        value = getattr(options, name, None)
        if value is not None and value is not False:
            overrides[key] = (value, f"--{name}")
    root = config.find_root(Path.cwd())
    return Context(
        config=config.load(root, environ, overrides),
        environ=environ,
        console=console,
        line=_line(argv),
    )
