# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness hooks``: git runs the quick part of the gate before a push."""

import os
import shlex
import stat
import sys
from pathlib import Path
from typing import Final

from harness.context import Context
from harness.errors import ExitCode, HarnessError, UsageError
from harness.reports.files import replace
from harness.selection.changes import ChangedRepository

MARK: Final = "# Made by: harness hooks install"
NAME: Final = "pre-push"
NOTHING: Final = ExitCode.NOTHING_SELECTED


def install(context: Context) -> int:
    """Write the hook, or the newest form of it; never over somebody else's."""
    path = _path(context)
    line = command(context)
    if path.is_symlink() or (path.exists() and not _ours(path)):
        raise UsageError(
            f"there is a {NAME} hook already, and it is not the harness's",
            checked=str(path),
            remedy=f"add this line to it: {_line(line)}",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, script(line))
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    context.console.info(f"{path}: before each push, {line}")
    return ExitCode.OK


def remove(context: Context) -> int:
    """Remove the hook, if it is ours."""
    path = _path(context)
    if not path.exists():
        context.console.info(f"there is no {NAME} hook")
    elif _ours(path):
        path.unlink()
        context.console.info(f"{path}: removed")
    else:
        raise UsageError(
            f"the {NAME} hook is not the harness's",
            checked=str(path),
            remedy="remove the harness's line from it by hand",
        )
    return ExitCode.OK


def _line(line: str) -> str:
    """The same for a hook of somebody else."""
    return f"{line} || [ $? -eq {NOTHING:d} ] || exit 1"


def script(line: str) -> str:
    """The hook; what git sets for its hooks must not lead other commands astray."""
    return (
        f"#!/bin/sh\n{MARK}\n"
        "# Once without it: git push --no-verify\n"
        "unset $(git rev-parse --local-env-vars)\n"
        f"{line}\n"
        "code=$?\n"
        f"# {NOTHING:d}: nothing of it was needed\n"
        f'[ "$code" -eq {NOTHING:d} ] || exit "$code"\n'
    )


def command(context: Context) -> str:
    """What the hook runs; git starts it at the top of the checkout.

    Not through nox, which would hide the exit code, nor by a name on PATH.
    """
    root = context.config.root
    top = Path(ChangedRepository(root, context.environ).toplevel() or root)
    inside = os.path.relpath(root.resolve(), top.resolve())
    line = f"{shlex.quote(sys.executable)} -m harness gate --quick"
    return line if inside == "." else f"(cd {shlex.quote(inside)} && {line})"


def _path(context: Context) -> Path:
    """Where git looks for the hook; raises `UsageError` where that is shared."""
    repository = ChangedRepository(context.config.root, context.environ)
    try:
        hooks = repository.git("rev-parse", "--git-path", "hooks").strip()
        common = repository.git("rev-parse", "--git-common-dir").strip()
    except HarnessError as error:
        raise UsageError(
            f"{context.config.root} is in no git repository",
            checked=error.message,
            remedy="git init",
        ) from error
    root = context.config.root
    directory = (root / hooks).resolve()
    top = Path(repository.toplevel()).resolve()
    own = (top, (root / common).resolve())
    if not any(directory.is_relative_to(one) for one in own):
        raise UsageError(
            "git takes its hooks from outside of this repository",
            checked=f"core.hooksPath is {directory}",
            remedy="add to its pre-push hook, for this repository:"
            f" {_line(command(context))}",
        )
    return directory / NAME


def _ours(path: Path) -> bool:
    return MARK in path.read_text("utf-8", "replace").splitlines()
