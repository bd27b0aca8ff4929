# SPDX-License-Identifier: GPL-3.0-or-later
"""Forks of the warm process: made for interpreters, and what they become."""

from __future__ import annotations

import array
import atexit
import contextlib
import errno
import io
import json
import os
import selectors
import signal
import socket
import struct
import sys
import types
from typing import Any, NamedTuple

from harness.plugins import lifeline
from harness.plugins.client import BROKER
from harness.plugins.workers import interpreter

HEAD = struct.Struct("!cI")
"""What is said begins with a byte that tells who speaks, and the length."""
COLLECTS = (50_000, 20, 50)  # there is much that lives, and little garbage


class Order(NamedTuple):
    """What a fork becomes."""

    streams: tuple[int, ...]
    arguments: list[str]
    directory: str
    environ: dict[str, str]


def tell(link: socket.socket, what: dict[str, Any]) -> bool:
    """Say something to the controller; whether it is still there."""
    data = json.dumps(what).encode()
    try:
        link.sendall(struct.pack("!I", len(data)) + data)
    except OSError:
        return False
    return True


class Fork:
    """A process that was forked, and the interpreter that it is for."""

    def __init__(self, pid: int, link: socket.socket) -> None:
        self.pid = pid
        self.link = link


class Server:
    """Forks for interpreters, and tells them and the controller how forks end."""

    def __init__(self, listener: socket.socket, control: socket.socket) -> None:
        self.listener = listener
        self.control = control
        self.forks: list[Fork] = []
        self.statuses: dict[int, int] = {}
        self.asked: list[int] = []

    def __enter__(self) -> Server:
        self.woken, self.waker = socket.socketpair()
        self.woken.setblocking(False)
        self.waker.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # each fork gets its own
        signal.set_wakeup_fd(self.waker.fileno(), warn_on_full_buffer=False)
        self.selector = selectors.DefaultSelector()
        for one in (self.listener, self.control, self.woken, *self._broker()):
            self.selector.register(one, selectors.EVENT_READ)
        return self

    def __exit__(self, *exc: object) -> None:
        signal.set_wakeup_fd(-1)
        self.selector.close()
        for one in (self.listener, self.control, self.woken, self.waker):
            one.close()

    def _broker(self) -> list[socket.socket]:
        """In a container the harness is not our parent: this link says it is gone."""
        path = os.environ.get(BROKER)
        if os.getppid() != 1 or not path:
            return []
        link = socket.socket(socket.AF_UNIX)
        link.connect(path)
        return [link]

    def run(self) -> Order | None:
        """Serve; in a fork, what it becomes; None at the end."""
        try:
            while True:
                for key, _ in self.selector.select():
                    order = self._heard(key.fileobj)
                    if order is not None:
                        return order
        except EOFError:
            for fork in self.forks:
                _kill(fork.pid)
            return None

    def _heard(self, link: Any) -> Order | None:
        if link is self.woken:
            _drain(link)
            self._reap()
        elif link is self.listener:
            return self._fork()
        elif link is self.control:
            self._asked()
        elif any(fork.link is link for fork in self.forks):
            self._left(link)
        else:
            raise EOFError  # the harness is gone
        return None

    def _asked(self) -> None:
        """The controller wants to know how a process has ended."""
        data = self.control.recv(4)
        if len(data) < 4:
            raise EOFError
        self.asked.append(struct.unpack("!i", data)[0])
        self._answer()

    def _answer(self) -> None:
        known = {fork.pid for fork in self.forks}
        for pid in [one for one in self.asked if one not in known]:
            self.asked.remove(pid)
            tell(self.control, {"pid": pid, "status": self.statuses.get(pid)})

    def _left(self, link: socket.socket) -> None:
        """An interpreter has been ended: so is its fork."""
        self.selector.unregister(link)
        fork = next(fork for fork in self.forks if fork.link is link)
        _kill(fork.pid)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            self._ended(pid, status)
        self._answer()

    def _ended(self, pid: int, status: int) -> None:
        self.statuses[pid] = status
        for fork in [one for one in self.forks if one.pid == pid]:
            self.forks.remove(fork)
            if fork.link in {key.fileobj for key in self.selector.get_map().values()}:
                self.selector.unregister(fork.link)
            try:
                fork.link.sendall(struct.pack("!i", status))
            except OSError:
                pass
            fork.link.close()

    def _fork(self) -> Order | None:
        link, _ = self.listener.accept()
        link.settimeout(interpreter.PATIENCE)
        try:
            order = receive(link)
        except (OSError, ValueError):
            link.close()
            return None
        link.settimeout(None)
        pid = os.fork()
        if pid == 0:
            try:
                link.sendall(interpreter.FORKED)
            except OSError:  # it was not waited for: there is another one by now
                os._exit(0)
            link.close()
            for fork in self.forks:
                fork.link.close()
            return order
        for stream in order.streams:
            os.close(stream)
        self.forks.append(Fork(pid, link))
        self.selector.register(link, selectors.EVENT_READ)
        return None


def _drain(link: socket.socket) -> None:
    try:
        while link.recv(4096):
            pass
    except BlockingIOError:
        pass


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def receive(link: socket.socket) -> Order:
    """An interpreter's order, with its streams.

    Raises `PermissionError` for somebody else's, `ValueError` for none.
    """
    if not interpreter.own(link):
        raise PermissionError(errno.EPERM, "it is somebody else's")
    streams = array.array("i")
    space = socket.CMSG_SPACE(3 * streams.itemsize)
    data, handed, _, _ = link.recvmsg(HEAD.size, space)
    for level, kind, content in handed:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            streams.frombytes(content[: len(content) // streams.itemsize * 4])
    if len(data) < HEAD.size or len(streams) != 3:
        raise ValueError("no order")
    _, size = HEAD.unpack(data)
    text = b""
    while len(text) < size:
        more = link.recv(size - len(text))
        if not more:
            raise ValueError("half an order")
        text += more
    words, directory, environ = text.decode("utf-8", "surrogateescape").split("\1", 2)
    pairs = (one.partition("=")[::2] for one in environ.split("\0"))
    return Order(tuple(streams), words.split("\0"), directory, dict(pairs))


def changes(before: dict[str, str], after: dict[str, str]) -> dict[str, str | None]:
    """What imports have done to the environment; None: removed."""
    changed: dict[str, str | None] = {
        name: value for name, value in after.items() if before.get(name) != value
    }
    return {**changed, **dict.fromkeys(before.keys() - after.keys())}


def become(order: Order, changed: dict[str, str | None]) -> int:
    """Be the interpreter that was asked for: streams, directory, environment, code."""
    lifeline.hold()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(order.streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = _text(0, "r")
    sys.stdout = sys.__stdout__ = _text(1, "w")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _text(2, "w")  # type: ignore[misc]
    os.chdir(order.directory)
    os.environ.clear()
    os.environ.update(order.environ)
    for name, value in changed.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    sys.dont_write_bytecode = sys.dont_write_bytecode or "-B" in order.arguments
    sys.argv = ["-c"]
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    code = order.arguments[order.arguments.index("-c") + 1]
    return _run(compile(code, "<string>", "exec"), main.__dict__)


def _text(number: int, mode: str) -> Any:
    return io.open(
        number, mode, encoding="utf-8", errors="backslashreplace", closefd=False
    )


def _run(code: Any, namespace: dict[str, Any]) -> int:
    """Run it as ``python -c`` would; the exit code."""
    try:
        exec(code, namespace)
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        sys.stderr.write(f"{error.code}\n")
        return 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def leave(code: int) -> None:
    """End the process with what a Python does at its end, but do not wait for it.

    A thread that a test has left is not waited for, and what lives is not torn down
    object by object.
    """
    atexit._run_exitfuncs()  # as `multiprocessing` must: there is no public way
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(code)
