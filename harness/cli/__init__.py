# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: the only reader of the environment, the error boundary."""

import argparse
import contextlib
import os
import signal
import stat
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from harness import __version__
from harness.cli import (
    binding,
    clean,
    databases,
    doctor,
    failures,
    gating,
    images,
    initial,
    providers,
    repositories,
    services,
    stack,
    templates,
    testing,
    tools,
    watching,
    words,
)
from harness.cli.base import Parser, of_environment, overrides
from harness.errors import ExitCode, HarnessError, Interrupted
from harness.options import TESTING, split
from harness.output import Console

if TYPE_CHECKING:
    from harness.config.cascade import Overrides
    from harness.context import Context

PARTS = (
    testing, watching, templates, initial, gating, repositories, images, stack,
    services, databases, tools, providers, doctor, clean,
)  # fmt: skip
"""Modules that each add commands, in the order of the help."""

EPILOG = """\
examples:
  harness test                                    in a Tryton module's repository
  harness test tryton collecting_society          the module's tests
  harness test tryton party account_invoice -k view
  harness test tryton --changed-since main        what a change touches
  harness watch portal                            the tests that each save concerns
  harness test tryton --list --json               the plan, nothing starts
  harness test tryton collecting_society --in image
  harness report open; harness report compare A B the last page; what changed
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


UNTOUCHED: Final = {"PYTHONDONTWRITEBYTECODE": "1", "GIT_OPTIONAL_LOCKS": "0"}
"""With these, Python and git write nothing into a repository."""


@cache
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
    # harness completion describes the one, the other says what nobody takes
    main_.set_defaults(parser=main_, here=main_)
    return main_


ANSWERS: Final = frozenset({"--json", "--list", "--list-tests", "--help", "-h"})
"""Options of ``test`` whose output is read by programs."""
BARE: Final = 1
"""The exit code of ``harness`` alone: that of ``git``."""


def main(argv: Sequence[str]) -> int:
    """Run a command; the exit code."""
    environ = dict(os.environ)
    console = Console(sys.stdout, environ)
    _listen()
    try:
        if not argv:
            console.info(parser().format_help().rstrip())
            return BARE
        if argv[0] in TESTING:
            console.hint(
                f"{words.line(argv)} ...", stays=not ANSWERS.intersection(argv)
            )
        arguments, rest = split(argv)
        main_ = parser()
        words.require_directory()
        words.check(argv, arguments, main_, environ)
        options = main_.parse_args(arguments)
        context = _context(options, argv, console, environ)
        return binding.call(context, options, rest)
    except HarnessError as error:
        error.remedy = of_environment(error.remedy, argv, parser())
        return _tell(console, error)
    except KeyboardInterrupt:
        text = "interrupted: everything that was begun is ended"
        return _tell(console, Interrupted(text))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return ExitCode.COMMAND_FAILED
    except Exception as error:
        return _tell(console, failures.explained(error, words.line(argv)))


def _tell(console: Console, error: HarnessError) -> int:
    """Print an error, elsewhere if standard output takes no more; its exit code."""
    try:
        console.error(error)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        with contextlib.suppress(OSError):
            Console(sys.stderr, {}).error(error)
    return error.code


ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


def _listen() -> None:
    """Tidy up when a signal ends us; who was told to outlive the terminal does."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _terminated)


def _terminated(number: int, frame: object) -> NoReturn:
    """One is enough: a terminal that closes sends several, and we are tidying up."""
    for one in ENDING:
        signal.signal(one, lambda number, frame: None)
    if number == signal.SIGHUP:
        _mute()
    raise KeyboardInterrupt


def _mute() -> None:
    """Nobody reads any more, and who writes to a terminal that is gone fails."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for handle in (1, 2):
        if stat.S_ISCHR(os.fstat(handle).st_mode):
            os.dup2(nowhere, handle)


def _context(
    options: argparse.Namespace,
    argv: Sequence[str],
    console: Console,
    environ: Mapping[str, str],
) -> "Context":
    from harness import config
    from harness.context import Context

    root = config.find_root(Path.cwd())
    if root is None:
        return _found(options, argv, console, environ, overrides(options))
    return Context(
        config=config.load(root, environ, overrides(options)),
        environ=environ,
        console=console,
        line=words.line(argv),
    )


def _found(
    options: argparse.Namespace,
    argv: Sequence[str],
    console: Console,
    environ: Mapping[str, str],
    overrides: "Overrides",
) -> "Context":
    """What a repository says without a configuration; nothing is written into it."""
    from harness import config, discovery, store
    from harness.context import Context

    describes = options.command == "init"
    release = getattr(options, "series", "")
    found = discovery.look(Path.cwd(), release=release, lenient=describes)
    place = found.root if found else None
    if found is None and options.command == "test":
        from harness.commands import application

        place = application.of(Path.cwd())
    if place is None and not describes:
        raise config.nothing(Path.cwd())
    root = place or Path.cwd()
    table = found.table() if found else {}
    state = environ.get("HARNESS_STATE") or store.default(environ)
    home = root / Path(state).expanduser()
    table["reports"] = str(home / "reports" / store.named(root))
    return Context(
        config=config.load(root, environ, overrides, found=table),
        environ={**environ, **UNTOUCHED} if found else environ,
        console=console,
        line=words.line(argv),
        found=found,
        application=not found,
    )
