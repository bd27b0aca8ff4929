# SPDX-License-Identifier: GPL-3.0-or-later
"""The warm process's server: whom it forks for, and whom it tells how forks end."""

import json
import os
import signal
import struct
from typing import Any

import pytest

from harness.plugins.workers import forks, interpreter
from harness.plugins.workers.forks import Order, Server


class Link:
    """One end of a connection: `said` was sent, `heard` comes."""

    def __init__(self, heard: bytes = b"", *, gone: bool = False) -> None:
        self.heard = heard
        self.said = b""
        self.gone = gone
        self.closed = False

    def settimeout(self, seconds: float | None) -> None:
        pass

    def recv(self, size: int) -> bytes:
        data, self.heard = self.heard[:size], self.heard[size:]
        return data

    def sendall(self, data: bytes) -> None:
        if self.gone:
            raise BrokenPipeError
        self.said += data

    def close(self) -> None:
        self.closed = True


class Listener:
    """Where an interpreter has connected."""

    def __init__(self, link: Link) -> None:
        self.link = link

    def accept(self) -> tuple[Link, None]:
        return self.link, None


class Selector:
    """What is listened to."""

    def __init__(self) -> None:
        self.links: list[Any] = []
        self.register = lambda link, event: self.links.append(link)
        self.unregister = self.links.remove

    def get_map(self) -> dict[int, Any]:
        made = type("Key", (), {})
        keys = {n: made() for n, _ in enumerate(self.links)}
        for n, link in enumerate(self.links):
            keys[n].fileobj = link
        return keys


class World:
    """Processes that are forked, killed and waited for."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.next = 100
        self.killed: list[int] = []
        self.ended: list[tuple[int, int]] = []
        self.closed: list[int] = []
        self.control = Link()
        self.server = Server(Link(), self.control)  # type: ignore[arg-type]
        self.server.selector = self.selector = Selector()  # type: ignore[assignment]
        self.server.woken = Link()  # type: ignore[assignment]
        patch.setattr(os, "fork", self.fork)
        patch.setattr(os, "kill", self.kill)
        patch.setattr(os, "waitpid", self.waitpid)
        patch.setattr(os, "close", self.closed.append)
        patch.setattr(forks, "receive", self.receive)
        patch.setattr(forks, "_drain", lambda link: None)

    def fork(self) -> int:
        self.next += bool(self.next)
        return self.next

    def kill(self, pid: int, number: int) -> None:
        assert number == signal.SIGKILL
        self.killed.append(pid)

    def waitpid(self, pid: int, options: int) -> tuple[int, int]:
        assert (pid, options) == (-1, os.WNOHANG)
        return self.ended.pop(0) if self.ended else (0, 0)

    def receive(self, link: Link) -> Order:
        if link.recv(1) != b"w":
            raise ValueError("no order")
        return Order((7, 8, 9), ["-c", "pass"], "/", {})

    def ask(self, link: Link) -> Order | None:
        """An interpreter asks for a fork."""
        self.server.listener = Listener(link)  # type: ignore[assignment]
        return self.server._heard(self.server.listener)

    def answers(self) -> list[dict[str, Any]]:
        """What the controller was told."""
        data, found = self.control.said, []
        while data:
            (size,) = struct.unpack("!I", data[:4])
            found.append(json.loads(data[4 : 4 + size]))
            data = data[4 + size :]
        return found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_the_warm_process_goes_on_after_a_fork(world: World) -> None:
    link = Link(b"w")
    assert world.ask(link) is None
    assert world.closed == [7, 8, 9]
    assert [fork.pid for fork in world.server.forks] == [101]
    assert world.selector.links == [link]
    assert link.said == b""


def test_a_fork_says_itself_that_it_is_there(world: World) -> None:
    """The warm process may be stopped by then: nobody is to wait for two."""
    other = Link(b"w")
    world.ask(other)
    world.next = 0
    link = Link(b"w")
    order = world.ask(link)
    assert order is not None
    assert order.arguments == ["-c", "pass"]
    assert link.said == interpreter.FORKED
    assert link.closed
    assert other.closed


def test_a_fork_that_nobody_waits_for_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", leave)
    world.next = 0
    with pytest.raises(SystemExit, match="0"):
        world.ask(Link(b"w", gone=True))


def test_who_says_no_order_gets_no_fork(world: World) -> None:
    link = Link(b"x")
    assert world.ask(link) is None
    assert link.closed
    assert world.server.forks == []


def test_the_end_of_a_fork_is_told_to_its_interpreter(world: World) -> None:
    link = Link(b"w")
    world.ask(link)
    world.ended = [(101, 9)]
    world.server._heard(world.server.woken)
    assert link.said == struct.pack("!i", 9)
    assert link.closed
    assert world.selector.links == []
    assert world.server.forks == []


def test_an_interpreter_that_is_gone_ends_its_fork(world: World) -> None:
    link = Link(b"w", gone=True)
    world.ask(link)
    world.server._heard(link)
    assert world.killed == [101]
    world.ended = [(101, 9)]
    world.server._heard(world.server.woken)  # there is nobody to be told
    assert link.closed


def test_the_controller_is_told_when_it_is_known(world: World) -> None:
    world.ask(Link(b"w"))
    world.control.heard = struct.pack("!i", 101)
    world.server._heard(world.control)
    assert world.answers() == []
    world.ended = [(101, 256)]
    world.server._heard(world.server.woken)
    assert world.answers() == [{"pid": 101, "status": 256}]


def test_of_a_stranger_nothing_is_known(world: World) -> None:
    world.control.heard = struct.pack("!i", 5)
    world.server._heard(world.control)
    assert world.answers() == [{"pid": 5, "status": None}]


def test_without_a_controller_all_forks_end(world: World) -> None:
    for _ in range(2):
        world.ask(Link(b"w"))
    ready = [type("Key", (), {"fileobj": world.control})()]
    world.selector.select = lambda: [(ready[0], 1)]  # type: ignore[attr-defined]
    assert world.server.run() is None
    assert world.killed == [101, 102]


def test_without_a_broker_it_ends(world: World) -> None:
    with pytest.raises(EOFError):
        world.server._heard(Link())
