# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what builds do: a row for each, and a line per layer that took time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from harness.images.progress import BuildProgress, ImageStep
from harness.output import Console
from harness.quantities import duration
from harness.steps import ConsoleStep

SLOW: Final = 0.5
"""Seconds of a layer that are worth a line."""


class Board:
    """A listener of builds; `quiet` where the output is for programs."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self.console = console
        self.quiet = quiet
        self._now: dict[str, str] = {}
        self._live: ConsoleStep | None = None
        self._guard = threading.Lock()

    @contextmanager
    def shown(self, title: str) -> Iterator[None]:
        """Show what is heard during the block."""
        if self.quiet:
            yield
            return
        with self.console.step(title, ticker=True) as self._live:
            yield

    def __call__(
        self, service: str, progress: BuildProgress, layer: ImageStep | None
    ) -> None:
        """Hear of progress, from any thread."""
        live = self._live
        if live is None:
            return
        with self._guard:
            self._now[service] = progress.status()
            parts = [f"{name} {now}" for name, now in self._now.items() if now]
        live.update("  ".join(parts), parts)
        if layer and layer.instructs and layer.seconds >= SLOW:
            line = f"  {service} [{layer.place}] {layer.title}"
            self.console.info(f"{line}  {duration(layer.seconds)}")
