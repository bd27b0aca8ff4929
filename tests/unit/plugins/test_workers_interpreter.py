# SPDX-License-Identifier: GPL-3.0-or-later
"""What an interpreter asks for, what a fork becomes, and how both end."""

import array
import os
import resource
import signal
import socket
import struct
from typing import Any

import pytest

from harness.plugins.workers import forks, interpreter

CREDENTIALS = interpreter.CREDENTIALS


class Link:
    """The other end of a unix socket has said `data` and handed `streams` over."""

    def __init__(
        self, data: bytes, streams: tuple[int, ...] = (7, 8, 9), user: int = -1
    ) -> None:
        self.data = data
        self.streams = streams
        self.user = os.getuid() if user < 0 else user

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        assert (level, option) == (socket.SOL_SOCKET, socket.SO_PEERCRED)
        return CREDENTIALS.pack(1, self.user, 0)

    def recvmsg(self, size: int, space: int) -> Any:
        handed = array.array("i", self.streams).tobytes()
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handed)]
        return self.recv(size), ancillary if self.streams else [], 0, None

    def recv(self, size: int) -> bytes:
        said, self.data = self.data[: min(size, 50)], self.data[min(size, 50) :]
        return said


def received(link: Link) -> forks.Order:
    return forks.receive(link)  # type: ignore[arg-type]


ARGUMENTS = ["-u", "-c", "import sys\n\ttext = 'ü='"]


def test_an_order_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDER_EMPTY", "")
    monkeypatch.setenv("ORDER_LINES", "a=b\nc=d")
    monkeypatch.setenv("ORDER_BYTES", os.fsdecode(b"caf\xe9"))
    order = received(Link(interpreter.order(ARGUMENTS)))
    assert order.streams == (7, 8, 9)
    assert order.arguments == ARGUMENTS
    assert order.directory == os.getcwd()
    assert order.environ == dict(os.environ)


def test_whoever_is_somebody_else_is_not_served() -> None:
    with pytest.raises(PermissionError):
        received(Link(interpreter.order(ARGUMENTS), user=os.getuid() + 1))


@pytest.mark.parametrize(
    ("cut", "streams"),
    [(0, (7, 8, 9)), (3, (7, 8, 9)), (40, (7, 8, 9)), (None, ()), (None, (7,))],
)
def test_half_an_order_is_none(cut: int | None, streams: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="order"):
        received(Link(interpreter.order(ARGUMENTS)[:cut], streams))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"A": "1"}, {"A": "1"}, {}),
        ({"A": "1"}, {"A": "2"}, {"A": "2"}),
        ({"A": "1"}, {}, {"A": None}),
        ({}, {"A": ""}, {"A": ""}),
    ],
)
def test_what_imports_have_done_to_the_environment(
    before: dict[str, str], after: dict[str, str], expected: dict[str, str | None]
) -> None:
    assert forks.changes(before, after) == expected


# -- the end -------------------------------------------------------------------------


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Signals that are reset or sent, in their order; none is."""
    done: list[tuple[str, int]] = []
    monkeypatch.setattr(
        signal, "signal", lambda number, handler: done.append(("reset", number))
    )
    monkeypatch.setattr(os, "kill", lambda pid, number: done.append(("kill", number)))
    monkeypatch.setattr(resource, "setrlimit", lambda *limits: done.append(("core", 0)))
    return done


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_an_exit_code_is_imitated(ends: list[tuple[str, int]], code: int) -> None:
    assert interpreter.imitate(code << 8) == code
    assert ends == []


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGINT, 40])
def test_a_signal_is_imitated_without_a_core(
    ends: list[tuple[str, int]], number: int
) -> None:
    interpreter.imitate(int(number) | 0x80)
    assert ends == [("core", 0), ("reset", number), ("kill", number)]


def test_a_kill_has_no_handler(ends: list[tuple[str, int]]) -> None:
    interpreter.imitate(signal.SIGKILL)
    assert ends == [("core", 0), ("kill", signal.SIGKILL)]


def test_what_is_said_to_the_controller_has_its_length() -> None:
    class Control:
        said = b""

        def sendall(self, data: bytes) -> None:
            self.said += data

    control: Any = Control()
    assert forks.tell(control, {"pid": 7})
    assert control.said == struct.pack("!I", 10) + b'{"pid": 7}'


def test_a_controller_that_is_gone_is_told_nothing() -> None:
    class Gone:
        def sendall(self, data: bytes) -> None:
            raise BrokenPipeError

    gone: Any = Gone()
    assert not forks.tell(gone, {"pid": 7})
