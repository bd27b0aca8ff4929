# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate's rows about coverage, from what its other parts measured."""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.ci import matrix
from harness.context import Context
from harness.errors import HarnessError
from harness.gate import parts
from harness.gate.base import Row, Status
from harness.gate.gather import Data
from harness.gate.parts import CHANGED, WHOLE, Part
from harness.selection import changes
from harness.selection.choice import Chosen


@dataclass(frozen=True, kw_only=True)
class GateRequest:
    """What the command line asks for."""

    since: str = ""
    full: bool = False
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    quick: bool = False
    fail_fast: bool = False
    event: object = None
    judge: tuple[Path, ...] = ()
    """Directories that the jobs of CI left; nothing is run."""


def judge(
    context: Context,
    asked: GateRequest,
    chosen: Chosen,
    made: Iterable[Part],
    ended: Mapping[str, Row],
    data: Data,
) -> dict[str, Row]:
    """The rows of coverage, as far as they are judged here."""
    commands = _wanted(context, asked)
    measuring = [part for part in made if part.measures]
    if not commands or not measuring:
        return {}
    red = [part.name for part in measuring if ended[part.name].red]
    if red:
        why = f"not judged: {', '.join(red)} not passed"
        return _all(commands, Status.STOPPED, why)
    started = time.monotonic()
    try:
        rows = _judged(context, chosen, measuring, commands, data)
    except HarnessError as error:
        return _all(commands, Status.FAILED, error.message)
    seconds = round(time.monotonic() - started, 2)
    return {row.name: replace(row, seconds=seconds) for row in rows}


def _wanted(context: Context, asked: GateRequest) -> dict[str, str]:
    """The rows to judge, each with the command that shows it again."""
    gate = context.config.gate
    least = {WHOLE: gate.coverage, CHANGED: gate.changed}
    return {
        name: _reproduce(context, asked, name)
        for name, value in least.items()
        if value and not asked.quick and name not in asked.skip
        if not asked.only or name in asked.only
    }


def _all(commands: Mapping[str, str], status: Status, why: str) -> dict[str, Row]:
    return {
        name: Row(name=name, status=status, why=why, command=command)
        for name, command in commands.items()
    }


def _judged(
    context: Context,
    chosen: Chosen,
    measuring: Sequence[Part],
    commands: Mapping[str, str],
    data: Data,
) -> list[Row]:
    from harness.gate import coverage  # only where something is judged

    root, gate = context.config.root, context.config.gate
    ran = {part.name for part in measuring}
    expected = parts.contributors(context.config, context.graph)
    roots = {name: None for part in measuring for name in part.measures}
    files = [file for part in measuring for file in data.files.get(part.name, ())]
    places = [place(context, name) for name in roots]
    measured = coverage.read(files, root, places, data.names)
    rows = []
    if WHOLE in commands:
        # Where only some of its tests were needed, a percentage says nothing.
        complete = [place(context, one) for one in roots if expected[one] <= ran]
        rows.append(
            coverage.whole(measured.below(complete), gate.coverage, commands[WHOLE])
            if complete
            else Row(name=WHOLE, status=Status.UNNEEDED, why="only some tests ran")
        )
    if CHANGED in commands:
        lines = changes.patch(context, chosen.base)
        texts = {name: text(root / name) for name in lines}
        rows.append(
            coverage.of_change(measured, lines, texts, gate.changed, commands[CHANGED])
        )
    return rows


def place(context: Context, name: str) -> str:
    """The directory of a source, or `name` itself, relative to the root."""
    source = context.sources.get(name)
    if source is None:
        return name
    return Path(os.path.relpath(source.path, context.config.root)).as_posix()


def text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _reproduce(context: Context, asked: GateRequest, name: str) -> str:
    words = ["gate", "--only", name]
    words += ["--full"] if asked.full else []
    words += ["--since", asked.since] if asked.since else []
    return matrix.line(context.config, words)
