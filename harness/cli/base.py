# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parsers of all commands share.

A parser ends in ``set_defaults(call=…)``: the name of its command, called as
`harness.cli.binding` says, or a function that takes the context, the parsed options and
pytest's words, where there is more to do.
"""

import argparse
import errno
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from harness.errors import UsageError
from harness.options import meant

if TYPE_CHECKING:
    from harness.context import Context


OVERRIDES = {
    "database": "database.server",
    "jobs": "jobs",
    "timeout": "timeout",
    "worker": "workers",
    "with": "requirements",
    "exact": "exact",
    "keep": "keep",
    "profile": "profile",
    "browser": "browser.server",
    "selenium": "browser.server",
    "headed": "browser.headed",
    "evidence": "browser.evidence",
}
"""Options of the command line that are settings."""


def overrides(options: argparse.Namespace) -> dict[str, tuple[object, str]]:
    """The settings among parsed options, each with where it was given."""
    found: dict[str, tuple[object, str]] = {}
    for name, key in OVERRIDES.items():
        value = getattr(options, name, None)
        if value is not None and value is not False:
            found[key] = (value, f"--{name}")
    return found


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are ours, and say what may have been meant."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of ending the process."""
        raise UsageError(
            f"{self.prog}: {message}", remedy=f"look at {self.prog} --help"
        )

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: None = None
    ) -> argparse.Namespace:
        """Parse all words; raises `UsageError` for those that nobody takes."""
        found, rest = self.parse_known_args(args, namespace)
        if rest:
            raise found.here.unknown(rest)
        return found

    def unknown(self, words: Sequence[str]) -> UsageError:
        """The error for words that this parser does not take."""
        option = next((one for one in words if one.startswith("-")), "")
        if not option:
            text = f"{self.prog}: nothing takes {' '.join(words)!r}"
            return UsageError(text, remedy=f"look at {self.prog} --help")
        name = option.partition("=")[0]
        return UsageError(
            f"{self.prog} has no option {name}",
            remedy=meant(name, self._option_string_actions)
            or f"look at {self.prog} --help",
        )

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        choices = list(map(str, action.choices or ()))
        if action.choices is None or value in action.choices:
            return
        commands_ = isinstance(action, argparse._SubParsersAction)
        what = "/".join(action.option_strings) or str(action.metavar or action.dest)
        raise UsageError(
            f"{self.prog} has no command {value!r}"
            if commands_
            else f"{self.prog}: {value!r} is no value of {what}",
            checked="" if commands_ else f"it is one of {', '.join(choices)}",
            remedy=meant(str(value), choices) or f"look at {self.prog} --help",
        )


Commands = argparse._SubParsersAction
Words = tuple[str, ...]
Call = str | Callable[["Context", argparse.Namespace, Words], int]
"""A command below ``harness.commands``, or what calls one (`harness.cli.binding`)."""


def command(commands: "Commands[Parser]", name: str, text: str) -> Parser:
    """A command with its help text."""
    made = commands.add_parser(
        name, help=text, description=text.capitalize() + ".", allow_abbrev=False
    )
    made.set_defaults(here=made)  # who says what it does not take
    made.add_argument(
        "--profile",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help="a profile of the configuration, or none",
    )
    return made


def actions(parser: Parser) -> "Commands[Parser]":
    """The commands below a command."""
    return parser.add_subparsers(dest="action", metavar="ACTION", required=True)


def with_database(parser: Parser) -> Parser:
    """Adds ``--database``."""
    parser.add_argument(
        "--database",
        metavar="SERVER",
        default=argparse.SUPPRESS,
        help="auto, docker, local, sqlite or postgresql://USER:PASSWORD@HOST:PORT/",
    )
    return parser


def as_json(parser: Parser) -> Parser:
    """Adds ``--json``."""
    parser.add_argument("--json", action="store_true", help="as JSON")
    return parser


def trusting(parser: Parser) -> Parser:
    """Adds ``--trusted``."""
    text = "restore it with our own rights: its code may then do whatever we may"
    parser.add_argument("--trusted", action="store_true", help=text)
    return parser


def identified(parser: Parser) -> Parser:
    """Adds ``--identity``."""
    text = "the secret key of an encrypted backup; <(ssh HOST cat FILE) leaves it there"
    parser.add_argument("--identity", type=Path, metavar="FILE", help=text)
    return parser


def written(text: str) -> Path:
    """The type of an option that names a file to write.

    Raises `UsageError` where none can be written, before anything has begun.
    """
    path = Path(text)
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a directory")
        if text != "-":
            tempfile.TemporaryFile(dir=path.absolute().parent).close()
    except OSError as error:
        raise UsageError(
            f"{text} cannot be written: {error.strerror}",
            checked="making a file in its directory",
            remedy="name a file in a directory that is there and can be written",
        ) from error
    return path


def dry_run(parser: Parser) -> Parser:
    """Adds ``--dry-run``."""
    parser.add_argument(
        "--dry-run", action="store_true", help="print the lines, run nothing"
    )
    return parser


def asking(parser: Parser) -> Parser:
    """Adds what the user may allow beforehand where data are lost."""
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--force", action="store_true", help="also in production")
    parser.add_argument(
        "--no-backup", action="store_true", help="without a backup of what is lost"
    )
    return parser


WHICH: Final = "--environment"
LINE: Final = re.compile(
    r"\bharness (?P<first>[a-z][a-z-]*)(?: (?P<second>[a-z][a-z-]*)\b)?"
)
SAID: Final = re.compile(rf"[^;:,()\n]*{WHICH}")


def of_environment(text: str, argv: Sequence[str], main_: Parser) -> str:
    """The commands in a text for the environment that was asked for in a line."""
    words = " ".join(argv).replace(f"{WHICH} ", f"{WHICH}=").split()
    asked = [word for word in words if word.startswith(f"{WHICH}=")]
    takers = _taking(main_, "", asked[0].partition("=")[2]) if asked else set()

    def told(match: "re.Match[str]") -> str:
        names = (match["first"], f"{match['first']} {match['second']}")
        name = next((one for one in names if one in takers), "")
        if not name or SAID.match(text, match.start()):
            return match[0]
        rest = match[0].removeprefix(f"harness {name}")
        return f"harness {name} {asked[0].replace('=', ' ')}{rest}"

    return LINE.sub(told, text)


def _taking(main_: argparse.ArgumentParser, prefix: str, value: str) -> set[str]:
    """The commands that are for this environment; none where there is no such one."""
    found: set[str] = set()
    for action in main_._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, one in action.choices.items():
                found |= _taking(one, f"{prefix}{name} ", value)
        elif WHICH in action.option_strings and value in (action.choices or ()):
            found.add(prefix.strip())
    return found
