# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands whose output is read while they run, and that can be ended from outside."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness import proc


class Streams:
    """Runs commands, from any thread; `end` ends all of them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self._running: set[proc.Child] = set()
        self._guard = threading.Lock()
        self._ended = False

    def run(
        self,
        argv: Sequence[str | Path],
        listener: Callable[[str], None],
        *,
        env: Mapping[str, str] | None = None,
    ) -> int:
        """Run a command; `listener` hears each line of its output; its exit code."""
        with self._guard:
            if self._ended:
                return -1
            child = proc.Child(
                argv,
                env={**self.environ, **(env or {})},
                stdout=proc.PIPE,
                stderr=proc.STDOUT,
            )
            self._running.add(child)
        try:
            assert child.process.stdout is not None
            for line in child.process.stdout:
                listener(line.decode(errors="replace").rstrip("\n"))
            return child.code()
        finally:
            with self._guard:
                self._running.discard(child)
            child.end(grace=20)

    def end(self) -> None:
        """End what runs, and start nothing any more."""
        with self._guard:
            self._ended = True
            running = list(self._running)
        for child in running:
            child.interrupt(grace=20)
