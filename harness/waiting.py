# SPDX-License-Identifier: GPL-3.0-or-later
"""What this process waits for, told by whoever waits, for whoever asks why."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

Look = Callable[[], tuple[object, list[str]]]
"""What is another thing after each progress, and what is waited for now."""

_guard: Final = threading.Lock()
_waits: Final[dict[object, tuple[str, float]]] = {}
_looks: Final[dict[object, Look]] = {}


@contextmanager
def on(what: str) -> Iterator[None]:
    """The block waits for `what`."""
    key = object()
    with _guard:
        _waits[key] = (what, time.monotonic())
    try:
        yield
    finally:
        with _guard:
            del _waits[key]


@contextmanager
def on_others(look: Look) -> Iterator[None]:
    """The block waits for other processes; `look` is asked what they do."""
    key = object()
    with _guard:
        _looks[key] = look
    try:
        yield
    finally:
        with _guard:
            del _looks[key]


def now() -> tuple[object, list[tuple[str, float]], list[str]]:
    """A sign that changes with each progress; what is waited for, since when; more."""
    with _guard:
        waits = list(_waits.items())
        looks = list(_looks.values())
    seen = [look() for look in looks]
    sign = (tuple(key for key, _ in waits), tuple(one for one, _ in seen))
    return (
        sign,
        [wait for _, wait in waits],
        [line for _, lines in seen for line in lines],
    )


@contextmanager
def every(seconds: float, call: Callable[[], None]) -> Iterator[None]:
    """Call again and again during the block, in a thread of its own."""
    ended = threading.Event()

    def go() -> None:
        while not ended.wait(seconds):
            call()

    thread = threading.Thread(target=go, name=f"every {seconds:g} s", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
