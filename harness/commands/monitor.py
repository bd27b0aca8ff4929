# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness monitor``: what all containers and embedded servers take, now."""

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.commands.stack import Stack, open_
from harness.context import Context
from harness.errors import ExitCode, HarnessError
from harness.monitor import containers, processes
from harness.monitor.base import MonitorRow, Sample, compared
from harness.monitor.prometheus import exposition
from harness.quantities import size

PROC = Path("/proc")
FIRST = 0.5
"""Seconds between the two looks that ``--once`` compares."""
HEADERS = (
    "service", "name", "state", "user", "system", "rss", "cache",
    "net in", "net out", "disk read", "written", "restarts",
)  # fmt: skip

Look = Callable[[], list[Sample]]


def run(
    context: Context,
    *,
    environment: str,
    once: bool,
    as_json: bool,
    prometheus: bool,
    interval: float,
) -> int:
    """Show the table, once or until Ctrl-C."""
    stack = open_(context, environment)
    with contextlib.ExitStack() as block:
        look = _looker(stack, block, quiet=as_json or prometheus)
        before = look()
        if prometheus:
            context.console.info("\n".join(exposition(before)))
            return ExitCode.OK
        time.sleep(min(FIRST, interval))
        if once:
            _print(context, rows(before, look()), as_json=as_json)
            return ExitCode.OK
        _follow(context, look, before, as_json=as_json, interval=max(0.2, interval))
    return ExitCode.OK


def _looker(stack: Stack, block: contextlib.ExitStack, *, quiet: bool) -> Look:
    """How to look: without an engine, at processes alone."""
    context = stack.context
    state = context.store.id
    places = [Path(context.store.path), *_servers(context.store.path)]
    known: containers.Containers | None = None
    try:
        stack.engine.require()
        known = block.enter_context(
            containers.Containers(stack.engine, project=stack.project.name, state=state)
        )
    except HarnessError as error:
        if not quiet:
            context.console.warn(f"no containers are shown: {error.message}")

    def look() -> list[Sample]:
        found = processes.look(PROC, places)
        return [*known.look(), *found] if known else found

    return look


def _servers(store: Path) -> list[Path]:
    """Where the data of embedded servers lie, if not in the state directory."""
    mark = store / "server"
    return [mark.resolve()] if mark.is_symlink() else []


def rows(before: Sequence[Sample], now: Sequence[Sample]) -> list[MonitorRow]:
    """What happened between two looks."""
    old = {one.name: one for one in before}
    return [compared(old.get(one.name), one) for one in now]


def _follow(
    context: Context,
    look: Look,
    before: list[Sample],
    *,
    as_json: bool,
    interval: float,
) -> None:
    """Until Ctrl-C: a board that is drawn anew, or one table (line) after the other."""
    shown: list[str] = []
    with contextlib.suppress(KeyboardInterrupt), context.console.showing(lambda: shown):
        while True:
            began = time.monotonic()
            now = look()
            found = rows(before, now)
            before = now
            if as_json:
                context.console.info(json.dumps([document(row) for row in found]))
            elif context.console.live:
                lines = context.console.aligned(cells(found), HEADERS, HEADERS[3:])
                shown[:] = [*lines, ""]  # the table is as wide as the terminal
            else:
                _print(context, found, as_json=False)
            time.sleep(max(0.1, interval - (time.monotonic() - began)))
    if shown:
        context.console.info("\n".join(shown[:-1]))


def _print(context: Context, found: Sequence[MonitorRow], *, as_json: bool) -> None:
    if as_json:
        documents = [document(row) for row in found]
        context.console.info(json.dumps(documents, indent=2))
    elif found:
        context.console.table(cells(found), HEADERS, HEADERS[3:])
    else:
        context.console.info("nothing of the harness runs here: harness up")


def cells(found: Sequence[MonitorRow]) -> list[tuple[str, ...]]:
    """The table's lines."""
    return [
        (
            row.sample.service,
            row.sample.name,
            row.sample.health or row.sample.state,
            f"{row.user:.1f} %",
            f"{row.system:.1f} %",
            size(row.sample.rss),
            size(row.sample.cache),
            _speed(row.received),
            _speed(row.sent),
            _speed(row.read),
            _speed(row.written),
            str(row.sample.restarts) if row.sample.kind == "container" else "–",
        )
        for row in found
    ]


def _speed(value: float | None) -> str:
    return "–" if value is None else f"{size(round(value))}/s"


def document(row: MonitorRow) -> dict[str, object]:
    """A row for a machine: counters, and under ``rates`` what they grew by a second."""
    values = dataclasses.asdict(row)
    counters = values.pop("sample")
    del counters["at"]
    return {**counters, "rates": values}
