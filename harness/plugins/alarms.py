# SPDX-License-Identifier: GPL-3.0-or-later
"""Interrupts what takes too long; what cannot be interrupted is ended, with its stacks.

No thread of this process keeps the time, but timers of the kernel: code in C that
never comes back to Python is ended too, a test that forks is no process of several
threads, and a suite may use SIGALRM, `signal.alarm` and faulthandler as it likes.
"""

from __future__ import annotations

import ctypes
import faulthandler
import signal
import sys
import threading
import traceback
from typing import Any, Callable

from harness.plugins import notes
from harness.plugins.unpatched import os

CLOCK_MONOTONIC = 1
SIGEV_THREAD_ID = 4
"""See timer_create(2)."""
SOFT = getattr(signal, "SIGRTMAX", 64) - 7
DUMP = SOFT - 1
"""Signals that hardly anybody else uses."""
LAST = 5.0
"""Seconds that a process gets to write its stacks, on a busy machine, until it is
killed."""
FRAMES = 60
"""Frames of a thread that are shown: the last ones."""


class _Event(ctypes.Structure):
    """``struct sigevent`` of Linux: 64 bytes."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("thread", ctypes.c_int),
        ("rest", ctypes.c_char * 44),
    )


class _Spec(ctypes.Structure):
    """``struct itimerspec``."""

    _fields_ = tuple(
        (name, ctypes.c_long) for name in ("every", "_every", "seconds", "nanoseconds")
    )


def _library() -> Any:
    """The C library, if it has timers that send a signal of our choice."""
    if not sys.platform.startswith("linux"):
        return None
    for name in (None, "librt.so.1"):
        try:
            found = ctypes.CDLL(name, use_errno=True)
            found.timer_create, found.timer_settime  # noqa: B018  (is it there?)
        except (OSError, AttributeError):
            continue
        return found
    return None


class _Timer:
    """A timer that sends this process a signal; not inherited by forks."""

    def __init__(self, library: Any, number: int) -> None:
        self._library = library
        self._id = ctypes.c_void_p()
        # To the main thread: only its system calls must be interrupted.
        event = _Event(signal=number, notify=SIGEV_THREAD_ID, thread=os.getpid())
        if library.timer_create(
            CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(self._id)
        ):
            raise OSError(ctypes.get_errno(), "no timer")

    def set(self, seconds: float) -> None:
        """Send it so many seconds from now on; 0: do not."""
        whole = int(seconds)
        spec = _Spec(seconds=whole, nanoseconds=int((seconds - whole) * 1e9))
        self._library.timer_settime(self._id, 0, ctypes.byref(spec), None)


def _timers(library: Any) -> list[_Timer]:
    """Those that interrupt, write stacks and kill; none where the kernel has none."""
    try:
        return [_Timer(library, one) for one in (SOFT, DUMP, signal.SIGKILL)]
    except OSError:
        return []


class Alarm:
    """Calls `over` in the main thread; kills the process where that is of no use.

    Before that the stacks of all threads are written to `path`, without it to the
    standard error that this process had when this module was imported.
    """

    def __init__(self, over: Callable[[], None], path: str) -> None:
        self._over = over
        self._pid = os.getpid()
        self._set: Callable[[float, float], None] = lambda soft, hard: None
        file = notes.opened(path) if path else STDERR
        file = STDERR if file < 0 else file
        library = _library()
        timers = library and _timers(library)
        if timers:
            self._by_kernel(timers, file)
        elif threading.current_thread() is threading.main_thread():
            self._by_thread(file)

    def set(self, seconds: float, grace: float) -> None:
        """In so many seconds; `grace` later nothing is spared."""
        if os.getpid() == self._pid:
            self._set(seconds, seconds + grace)

    def end(self, seconds: float) -> None:
        """Kill the process in so many seconds, with its stacks but uninterrupted."""
        if os.getpid() == self._pid:
            self._set(0, seconds)

    def clear(self) -> None:
        """Not any more."""
        if os.getpid() == self._pid:
            self._set(0, 0)

    def _by_kernel(self, timers: list[_Timer], file: int) -> None:
        interrupt, dump, kill = timers
        faulthandler.register(DUMP, file=file, all_threads=True)
        main = threading.current_thread() is threading.main_thread()
        if main:
            signal.signal(SOFT, self._called)

        def arm(over: float, last: float) -> None:
            if main:
                interrupt.set(over)
            dump.set(last)
            kill.set(last and last + LAST)

        self._set = arm

    def _by_thread(self, file: int) -> None:
        """Where there are no such timers (macOS); the thread is faulthandler's."""
        signal.signal(signal.SIGALRM, self._called)

        def arm(first: float, last: float) -> None:
            signal.setitimer(signal.ITIMER_REAL, first)
            if last:
                faulthandler.dump_traceback_later(last, exit=True, file=file)
            else:
                faulthandler.cancel_dump_traceback_later()

        self._set = arm

    def _called(self, number: int, frame: Any) -> None:
        __tracebackhide__ = True
        if os.getpid() == self._pid:
            self._over()


STDERR = notes.high(2)  # pytest's captures nothing yet


def stacks() -> str:
    """What each thread of this process does now, without frames of what runs tests."""
    frames = sys._current_frames()
    known = {one.ident: one.name for one in threading.enumerate()}
    main = threading.main_thread().ident
    blocks = []
    for number in sorted(frames, key=lambda one: one != main):
        found = traceback.extract_stack(frames[number])
        shown = [one for one in found if not notes.ours(one.filename)]
        if shown:
            lines = traceback.format_list(shown[-FRAMES:])
            name = known.get(number, f"thread {number}")
            blocks.append(f"{name}:\n{''.join(lines)}")
    return "\n".join(blocks)
