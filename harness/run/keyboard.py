# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of a terminal, told one by one as they are pressed."""

import os
import select
import signal
import termios
import threading
import tty
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

LOOK = 0.2
"""Seconds between two looks at whether it is over."""


class Keyboard:
    """A context manager; the terminal is as it was at its end.

    `pressed` hears of each key.  Where `handle` is no terminal, of none.
    """

    def __init__(self, handle: int, pressed: Callable[[str], None]) -> None:
        self.handle = handle
        self.pressed = pressed
        self._before: list[Any] | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, name="keys", daemon=True)

    def __enter__(self) -> Self:
        if os.isatty(self.handle):
            self._before = termios.tcgetattr(self.handle)
            self._begin()
            # a shell has its own way while we are stopped
            signal.signal(signal.SIGCONT, lambda number, frame: self._begin())
            self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        if self._before is not None:
            self._thread.join()
            signal.signal(signal.SIGCONT, signal.SIG_DFL)
            with suppress(termios.error):  # the terminal is gone
                termios.tcsetattr(self.handle, termios.TCSADRAIN, self._before)

    def _begin(self) -> None:
        with suppress(termios.error):  # we are in the background
            tty.setcbreak(self.handle, termios.TCSADRAIN)  # what was typed stays

    def _read(self) -> None:
        while not self._over.is_set():
            if select.select([self.handle], [], [], LOOK)[0]:
                try:
                    data = os.read(self.handle, 1024)
                except OSError:
                    data = b""
                if not data:
                    self.pressed("")
                    return
                for key in data.decode(errors="replace"):
                    self.pressed(key)
