# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate's rows about coverage, from what its other parts measured."""

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness import changes, matrix
from harness.commands.context import Context
from harness.commands.selecting import Chosen
from harness.errors import HarnessError
from harness.gate import coverage, parts
from harness.gate.base import Row, Status
from harness.gate.parts import CHANGED, WHOLE, Part


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line asks for."""

    since: str = ""
    full: bool = False
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    quick: bool = False
    fail_fast: bool = False
    event: object = None


def judge(
    context: Context,
    asked: Asked,
    chosen: Chosen,
    made: Iterable[Part],
    ended: Mapping[str, Row],
) -> dict[str, Row]:
    """The rows of coverage, as far as they are judged here."""
    gate = context.config.gate
    least = {WHOLE: gate.coverage, CHANGED: gate.changed}
    wanted = [
        name
        for name, value in least.items()
        if value and not asked.quick and name not in asked.skip
        if not asked.only or name in asked.only
    ]
    measuring = [part for part in made if part.measures]
    if not wanted or not measuring:
        return {}
    commands = {name: _reproduce(context, asked, name) for name in wanted}
    red = [part.name for part in measuring if ended[part.name].red]
    if red:
        why = f"not judged: {', '.join(red)} not passed"
        return {
            name: Row(name=name, status=Status.STOPPED, why=why, command=commands[name])
            for name in wanted
        }
    started = time.monotonic()
    try:
        rows = _judged(context, chosen, measuring, least, commands)
    except HarnessError as error:
        return {
            name: Row(
                name=name,
                status=Status.FAILED,
                why=error.message,
                command=commands[name],
            )
            for name in wanted
        }
    seconds = round(time.monotonic() - started, 2)
    return {row.name: replace(row, seconds=seconds) for row in rows}


def _judged(
    context: Context,
    chosen: Chosen,
    measuring: list[Part],
    least: Mapping[str, int],
    commands: Mapping[str, str],
) -> list[Row]:
    root = context.config.root
    ran = {part.name for part in measuring}
    expected = parts.contributors(context.config, context.graph)
    complete = [
        _place(context, name)
        for name in {name: None for part in measuring for name in part.measures}
        if expected.get(name, frozenset()) <= ran
    ]
    data = [part.data for part in measuring if part.data]
    measured = coverage.read(data, root, complete)
    rows = []
    if WHOLE in commands:
        row = coverage.whole(measured, least[WHOLE], commands[WHOLE])
        if not complete:
            why = "of nothing all tests ran"
            row = Row(name=WHOLE, status=Status.UNNEEDED, why=why)
        rows.append(row)
    if CHANGED in commands:
        changed = changes.patch(context, chosen.base)
        rows.append(
            coverage.of_change(
                measured,
                changed,
                {name: text(root / name) for name in changed},
                least[CHANGED],
                commands[CHANGED],
            )
        )
    return rows


def _place(context: Context, name: str) -> str:
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


def _reproduce(context: Context, asked: Asked, name: str) -> str:
    words = ["gate", "--only", name]
    words += ["--full"] if asked.full else []
    words += ["--since", asked.since] if asked.since else []
    return matrix.line(context.config, words)
