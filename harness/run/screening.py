# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step shows while it runs, on a terminal that its tests do not need."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, BinaryIO, Final

from harness import history
from harness.context import Context
from harness.options import shows
from harness.plan import Step
from harness.run.board import RunBoard
from harness.run.paper import Paper
from harness.run.progress import Notes
from harness.runners import base
from harness.waiting import every

LOOK: Final = 0.4
"""Seconds between two looks at the results."""


class StepScreen:
    """Rows of a board below what the tests' process writes to `file`."""

    def __init__(
        self, context: Context, step: Step, notes: Notes, files: base.Files
    ) -> None:
        self.file: BinaryIO | None = None
        """None: it writes to the terminal itself."""
        self.results = files.results(step)
        self._read = 0
        self._stack = ExitStack()
        console = context.console
        if not console.live or base.serial(step.options) or shows(step.options):
            return
        try:
            paper = Paper(console)
        except OSError:  # no terminal is to be had: the tests get the real one
            return
        board = RunBoard(console, notes, step.workers, history.durations(context.store))
        self._stack.enter_context(console.showing(board.rows))
        self._stack.callback(paper.close)
        self._stack.enter_context(every(LOOK, partial(self._look, board)))
        self.file = paper.file

    def _look(self, board: RunBoard) -> None:
        """Read what the results have grown by."""
        try:
            with self.results.open("rb") as file:
                file.seek(self._read)
                text = file.read()
        except OSError:
            return
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        events = list(_events(whole))
        board.ended = any(event["kind"] == "session" for event in events)
        for event in events:
            board.hear(event)

    def close(self) -> None:
        """Show the rest of what was written, and no rows any more."""
        self._stack.close()


def _events(text: bytes) -> Iterator[dict[str, Any]]:
    """What the lines say; a full disk damages one."""
    for line in text.splitlines():
        with suppress(ValueError):
            yield json.loads(line)
