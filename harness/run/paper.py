# SPDX-License-Identifier: GPL-3.0-or-later
"""A terminal for the tests: what they write stands above the rows of the console."""

import codecs
import fcntl
import os
import select
import struct
import termios
import threading
from typing import BinaryIO, Final

from harness.output import Console

FRAME: Final = 0.2
"""Seconds between two looks: what was written meanwhile is drawn at once."""
CHUNK: Final = 1 << 18
"""Characters that are drawn at once, at most."""
REST: Final = 0.05
"""Seconds without a word after the end that mean that there is no more."""


class Paper:
    """What a child writes to `file` is shown by the console, until it is closed."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._master, self._slave = os.openpty()
        attributes = termios.tcgetattr(self._slave)
        attributes[1] &= ~termios.OPOST  # the real terminal makes \r\n of \n
        termios.tcsetattr(self._slave, termios.TCSANOW, attributes)
        self._fit()
        self.file: BinaryIO = os.fdopen(self._slave, "wb", buffering=0)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._copy, name="paper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Show the rest; a process that lives on writes to nobody."""
        self._ended.set()
        self._thread.join()
        self.file.close()
        os.close(self._master)

    def _copy(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while True:
            data = self._taken()
            if data:
                self.console.write_on(decoder.decode(data))
            elif self._ended.is_set():
                return
            self._fit()
            if not self._ended.is_set():
                self._ended.wait(FRAME)

    def _taken(self) -> bytes:
        """What there is, after a short wait for any."""
        data = b""
        wait = REST
        while len(data) < CHUNK and select.select([self._master], [], [], wait)[0]:
            data += os.read(self._master, CHUNK)
            wait = 0.0
        return data

    def _fit(self) -> None:
        """It is as large as the real one."""
        columns, lines = self.console.size
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, size)
