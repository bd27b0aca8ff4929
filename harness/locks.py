# SPDX-License-Identifier: GPL-3.0-or-later
"""Advisory locks on files; the kernel releases them with the process."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from harness import waiting


class Lock:
    """An advisory lock on a file; the kernel releases it with the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def acquire(self, *, shared: bool = False, wait: float | None = None) -> bool:
        """Take the lock; False when `wait` seconds were not enough.

        `wait` None waits without end, 0 does not wait.
        """
        mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        deadline = None if wait is None else time.monotonic() + wait
        while True:
            if self._handle is None:
                self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
                os.set_inheritable(self._handle, False)
            try:
                fcntl.flock(self._handle, mode | fcntl.LOCK_NB)
            except BlockingIOError:
                if deadline is not None and time.monotonic() >= deadline:
                    return False
                with waiting.on(f"{self.path.name}, a lock held by {self.holder()}"):
                    self._sleep(mode, deadline)
            else:
                if self._in_place():
                    return True
                self.release()

    def _sleep(self, mode: int, deadline: float | None) -> None:
        """Until the lock may be had, or the deadline is over; it is not kept."""
        assert self._handle is not None
        if deadline is None:
            fcntl.flock(self._handle, mode)
            return
        while time.monotonic() < deadline:
            time.sleep(0.02)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._handle, mode | fcntl.LOCK_NB)
                return

    def holder(self) -> str:
        """Who holds it, as far as the kernel tells (Linux)."""
        try:
            inode = f":{self.path.stat().st_ino} "
            lines = Path("/proc/locks").read_text("ascii").splitlines()
        except OSError:
            return "another process"
        found = [one.split()[4] for one in lines if inode in one and " -> " not in one]
        return f"process {', '.join(found)}" if found else "another process"

    def _in_place(self) -> bool:
        """Whether the file is still the one that has the name."""
        assert self._handle is not None
        try:
            there = os.stat(self.path)
        except FileNotFoundError:
            return False
        mine = os.fstat(self._handle)
        return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    @property
    def taken(self) -> bool:
        """Whether another process holds it."""
        probe = Lock(self.path)
        free = probe.acquire(wait=0)
        probe.release()
        return not free


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock on `path` for the block."""
    lock = Lock(path)
    lock.acquire(shared=shared)
    try:
        yield
    finally:
        lock.release()
