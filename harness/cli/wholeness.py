# SPDX-License-Identifier: GPL-3.0-or-later
"""Which commands refuse half of a profile's sources, and which do without any.

A new command is in one of both: `tests/unit/cli/test_wholeness.py` holds that.
"""

import argparse
from collections.abc import Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from harness.context import Context


class Need(Enum):
    """The sources that matter to a command, of a profile that is taken."""

    ALL = auto()
    """It starts services, or makes something of all of them."""
    MODULES = auto()
    """It makes databases, or runs Tryton on them."""
    NAMED = auto()
    """Those of what it is given, which it looks at itself."""


NEEDS: Final[Mapping[str, Need]] = {
    **dict.fromkeys(
        (
            "up", "deploy", "run", "scale", "restart", "rollback", "stack export",
            "images lock",
        ),
        Need.ALL,
    ),
    **dict.fromkeys(
        (
            "template build", "template explain", "template verify", "template digest",
            "template export", "serve", "gate", "db create", "db rebuild",
            "db test-setup", "db demo-setup", "db update", "db copy", "db restore",
            "db console",
        ),
        Need.MODULES,
    ),
    **dict.fromkeys(("test", "watch", "build"), Need.NAMED),
}  # fmt: skip
DOES_WITHOUT: Final = frozenset({
    # what brings the rest, looks at what there is, or leaves it
    "config", "init", "update", "sources", "sources status", "sources diff",
    "sources checkout", "sources pull", "sources commit", "sources push",
    "sources merge", "sources promote", "doctor", "clean", "lint", "docs", "completion",
    "hooks install", "hooks remove", "durations", "report merge", "report list",
    "report show", "report open", "report compare", "ci generate", "ci matrix",
    "ci run-job", "ci refresh", "template list", "template import", "template prune",
    # images as they are, and what runs already
    "images base", "images list", "images pull", "images push", "images save",
    "images sbom", "images refresh", "down", "ps", "logs", "shell", "exec", "urls",
    "port", "pip-install", "pdb", "monitor", "secrets init", "db list", "db size",
    "db psql", "db delete", "db backup", "db verify", "db destroy",
})  # fmt: skip


def refuse_half(context: "Context", options: argparse.Namespace) -> None:
    """Raises `SourceError` where a command would take examples for what lacks.

    So it is with ``--dry-run``, whose lines would be as wrong.
    """
    from harness.sources import check_whole

    need, config = NEEDS.get(called(options.here)), context.config
    if need is Need.ALL:
        check_whole(config)
    elif need is Need.MODULES:
        check_whole(config, context.graph if config.profile else ())


def called(parser: argparse.ArgumentParser) -> str:
    """What a command is called, with those above it."""
    return parser.prog.partition(" ")[2]
