# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of browsers that end with the harness, however it ends."""

import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from harness import proc
from harness.browsers import base
from harness.errors import BrowserError

GUARD: Final = Path(__file__).parents[1] / "plugins" / "guard.py"
PORT: Final = re.compile(r"(?:successfully on port |Listening on [\d.]+:)(\d+)")
"""What chromedriver and geckodriver say when they have a port."""


class Guarded:
    """A command under guard, its log, and the directory that goes with it."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        directory: Path,
        others: Sequence[Path] = (),
    ) -> None:
        """`directory` is removed when the command ends; the log lies beside it.

        So are the `others`.
        """
        self.log = directory.with_suffix(".log")
        command = [sys.executable, "-I", str(GUARD), "--remove"]
        command += map(str, (directory, *others))
        with self.log.open("ab") as log:
            self.child = proc.Child(
                [*command, "--", *argv],
                env=env,
                stdin=proc.PIPE,
                stdout=log,
                stderr=proc.STDOUT,
            )

    def words(self) -> str:
        """What it has said."""
        return self.log.read_text("utf-8", errors="replace")

    def ended(self) -> bool:
        """Whether it is over."""
        return self.child.process.poll() is not None

    def port(self, *, timeout: float) -> int:
        """The port that the driver has chosen; raises `BrowserError`."""
        deadline = time.monotonic() + timeout
        while True:
            over = self.ended()
            found = PORT.search(self.words())
            if found:
                return int(found[1])
            if over or time.monotonic() > deadline:
                raise BrowserError(
                    "the driver of the browser did not start",
                    checked=f"its log:\n{self.words()[-2000:].strip()}",
                    remedy="harness doctor; or choose another one: --browser docker",
                )
            time.sleep(0.01)

    def ready(self, url: str, *, timeout: float) -> None:
        """Wait until it answers; raises `BrowserError`."""
        base.wait(url, timeout=timeout, ended=self.ended, words=self.words)

    def end(self) -> None:
        """End it, and all that came of it."""
        self.child.end()
