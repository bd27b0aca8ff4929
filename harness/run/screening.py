# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step shows while it runs, on a terminal that its tests do not need."""

import json
from contextlib import ExitStack
from functools import partial
from typing import BinaryIO, Final

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
        if console.live and not base.serial(step.options) and not shows(step.options):
            known = history.durations(context.store)
            board = RunBoard(console, notes, step.workers, known)
            self._stack.enter_context(console.showing(board.rows))
            paper = Paper(console)
            self._stack.callback(paper.close)
            self.file = paper.file
            self._stack.enter_context(every(LOOK, partial(self._look, board)))

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
        events = [json.loads(line) for line in whole.splitlines()]
        board.ended = any(event["kind"] == "session" for event in events)
        for event in events:
            board.hear(event)

    def close(self) -> None:
        """Show the rest of what was written, and no rows any more."""
        self._stack.close()
