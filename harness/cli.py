# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: the only reader of the environment, the error boundary."""

import argparse
import os
import shlex
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from harness import __version__
from harness.errors import ExitCode, HarnessError, Interrupted, UsageError
from harness.options import split
from harness.output import Console

if TYPE_CHECKING:
    from harness.commands.context import Context

EPILOG = """\
examples:
  harness test tryton collecting_society          the module's tests
  harness test tryton party account_invoice -k view
  harness test tryton --changed-since main        what a change touches
  harness test tryton --list --json               the plan, nothing starts
  harness template list                           finished template databases
exit codes: 0 ok, 1 tests failed, 2 usage or configuration, 3 nothing selected,
  4 something missing on the machine, 5 external command failed,
  7 database or template, 9 internal, 130 interrupted"""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are ours."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of ending the process."""
        raise UsageError(
            f"{self.prog}: {message}", remedy=f"look at {self.prog} --help"
        )


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
    _test(commands)
    _template(commands)
    one = _command(commands, "config", "print each setting with its source")
    one.add_argument("--json", action="store_true", help="as JSON")
    _command(commands, "sources", "list the sources: place, revision, series")
    return main_


Commands = argparse._SubParsersAction


def _command(commands: "Commands[Parser]", name: str, text: str) -> Parser:
    made = commands.add_parser(
        name, help=text, description=text.capitalize() + ".", allow_abbrev=False
    )
    made.add_argument(
        "--database",
        metavar="SERVER",
        default=argparse.SUPPRESS,
        help="auto, local, sqlite or postgresql://USER:PASSWORD@HOST:PORT/",
    )
    return made


def _test(commands: "Commands[Parser]") -> None:
    one = _command(commands, "test", "run a suite, each test in a database of its own")
    one.epilog = "All other options, and what follows --, go to pytest."
    one.add_argument("suite", help="a suite of the configuration, such as tryton")
    one.add_argument("modules", nargs="*", help="modules, or pytest's PATH::TEST")
    one.add_argument("--series", default="", help="Tryton series, such as 7.0")
    one.add_argument(
        "--isolation",
        choices=("test", "class", "module", "worker"),
        help="how long a test keeps its database",
    )
    one.add_argument("--in", dest="runner", choices=("venv",), help="where it runs")
    one.add_argument("--jobs", type=int, help="number of worker processes")
    one.add_argument(
        "--changed-since",
        default="",
        metavar="REV",
        help="the modules whose files changed, and all that depend on them",
    )
    one.add_argument("--keep", action="store_true", help="leave the server warm")
    one.add_argument(
        "--coverage", action="store_true", help="measure branch coverage of the sources"
    )
    one.add_argument(
        "--list", action="store_true", help="print the plan, start nothing"
    )
    one.add_argument("--json", action="store_true", help="the plan as JSON")


def _template(commands: "Commands[Parser]") -> None:
    one = _command(commands, "template", "finished databases that clones are made of")
    actions = one.add_subparsers(dest="action", metavar="ACTION", required=True)
    texts = {
        "list": "list all templates",
        "build": "build what is missing of a template",
        "explain": "say what a template is made of and what changed",
        "export": "write a template to a file",
        "import": "read a template from a file",
        "prune": "remove templates beyond the limits",
    }
    made = {name: _command(actions, name, text) for name, text in texts.items()}
    made["list"].add_argument("--json", action="store_true", help="as JSON")
    for name in ("build", "explain", "export"):
        made[name].add_argument(
            "names",
            nargs="+",
            metavar="MODULE|TEMPLATE",
            help="modules, or a template of the configuration",
        )
        made[name].add_argument("--series", default="", help="Tryton series")
    made["export"].add_argument(
        "-o", "--output", type=Path, required=True, help="the file to write"
    )
    made["import"].add_argument("file", type=Path, help="what export has written")
    made["prune"].add_argument("--all", action="store_true", help="remove all")
    made["prune"].add_argument("--dry-run", action="store_true", help="only say")


def main(argv: Sequence[str]) -> int:
    """Run a command; the exit code."""
    environ = dict(os.environ)
    console = Console(sys.stdout, environ)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        arguments, rest = split(argv)
        options = parser().parse_args(arguments)
        return _dispatch(options, rest, argv, console, environ)
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
        log.write(f"$ harness {shlex.join(argv)}\n\n{traceback.format_exc()}")
    return HarnessError(
        f"this is a defect of the harness: {type(error).__name__}: {error}",
        remedy=f"report it with the log {name}",
    )


def _dispatch(
    options: argparse.Namespace,
    rest: tuple[str, ...],
    argv: Sequence[str],
    console: Console,
    environ: Mapping[str, str],
) -> int:
    context = _context(options, argv, console, environ)
    if options.command == "test":
        return _run_test(context, options, rest)
    from harness.commands import show, template

    if options.command == "config":
        return show.config(context, as_json=options.json)
    if options.command == "sources":
        return show.sources(context)
    actions: dict[str, Callable[[], int]] = {
        "list": lambda: template.list_(context, as_json=options.json),
        "build": lambda: template.build(
            context, names=tuple(options.names), wanted_series=options.series
        ),
        "explain": lambda: template.explain(
            context, names=tuple(options.names), wanted_series=options.series
        ),
        "export": lambda: template.export(
            context,
            names=tuple(options.names),
            wanted_series=options.series,
            output=options.output,
        ),
        "import": lambda: template.import_(context, path=options.file),
        "prune": lambda: template.prune(
            context, everything=options.all, dry=options.dry_run
        ),
    }
    return actions[options.action]()


def _context(
    options: argparse.Namespace,
    argv: Sequence[str],
    console: Console,
    environ: Mapping[str, str],
) -> "Context":
    from harness import config
    from harness.commands.context import Context

    overrides: dict[str, tuple[object, str]] = {}
    for name, key in (("database", "database.server"), ("jobs", "jobs")):
        value = getattr(options, name, None)
        if value is not None:
            overrides[key] = (value, f"--{name}")
    if getattr(options, "keep", False):
        overrides["keep"] = (True, "--keep")
    root = config.find_root(Path.cwd())
    return Context(
        config=config.load(root, environ, overrides),
        environ=environ,
        console=console,
        line=f"harness {shlex.join(argv)}",
    )


def _run_test(
    context: "Context", options: argparse.Namespace, rest: tuple[str, ...]
) -> int:
    import difflib

    from harness.commands import test
    from harness.model import Isolation

    suites = context.config.suite
    if options.suite not in suites:
        near = difflib.get_close_matches(options.suite, list(suites), n=1)
        raise UsageError(
            f"there is no suite {options.suite!r}",
            checked=f"configured are {', '.join(suites) or 'none'}",
            remedy=f"did you mean {near[0]}?" if near else "harness config",
        )
    paths = tuple(one for one in options.modules if "/" in one or "::" in one)
    return test.run(
        context,
        suite=options.suite,
        modules=tuple(one for one in options.modules if one not in paths),
        options=rest,
        paths=paths,
        wanted_series=options.series,
        isolation=Isolation(options.isolation) if options.isolation else None,
        changed_since=options.changed_since,
        measure=options.coverage,
        show=options.list or options.json,
        as_json=options.json,
    )
