# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers in containers of their own, for suites whose names and ports are fixed.

The harness starts the session once more in each further container, a *lane*.  There
it collects, then waits at a unix socket for the session that hands out the tests,
and forks a worker whenever that one asks for it.  From then on such a worker is like
any other; its own ports, directories and neighbours are those of its container.
"""

from __future__ import annotations

import json
import os
import socket
import time
from typing import Any

import pytest

from harness.plugins import child, worker, workers

LANES = "HARNESS_LANES"
"""Sockets of all lanes, for the session that hands out tests."""
LANE = "HARNESS_LANE"
"""The socket of a lane, for the session in it."""
PATIENCE = 10.0
"""Seconds that the session waits for a lane that has not even begun."""


def connect(place: str, name: str, session: Any) -> socket.socket | None:
    """A link to a new worker in a lane; None where the lane is gone.

    It may still collect: what is sent is read when it is ready.
    """
    deadline = time.monotonic() + PATIENCE
    link = socket.socket(socket.AF_UNIX)
    order = {"name": name, "tests": [item.nodeid for item in session.items]}
    while True:
        try:
            link.connect(place)
            link.sendall(json.dumps(order).encode() + b"\n")
            return link
        except ConnectionRefusedError:
            break
        except OSError:
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
    link.close()
    return None


class Lane:
    """The session in a lane's container."""

    def __init__(self, config: pytest.Config, path: str) -> None:
        self.config = config
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(4)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Serve workers until the container is ended."""
        for prepare in workers.BEFORE:
            prepare(session)
        own = {item.nodeid: item for item in session.items}
        while True:
            link, _ = self.listener.accept()
            order = json.loads(_line(link))
            session.items[:] = [own[name] for name in order["tests"]]
            self._work(session, link, order["name"])

    def _work(self, session: pytest.Session, link: socket.socket, name: str) -> None:
        pid = os.fork()
        if pid == 0:
            self.listener.close()
            child.Child(self.config, session, link, name).run()
        _, status = os.waitpid(pid, 0)
        ended = {"kind": "ended", "code": os.waitstatus_to_exitcode(status)}
        try:
            link.sendall(json.dumps(ended).encode() + b"\n")
        except OSError:
            pass
        link.close()


def _line(link: socket.socket) -> bytes:
    """The first line, and not a byte more: the rest is the worker's."""
    line = b""
    while not line.endswith(b"\n"):
        byte = link.recv(1)
        if not byte:
            return b'{"name": "", "tests": []}'
        line += byte
    return line


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Be a lane, or know of those that there are."""
    path = os.environ.get(LANE, "")
    if path:
        config.pluginmanager.register(Lane(config, path), "harness-lane")
    else:
        worker.PLACES[:] = filter(None, os.environ.get(LANES, "").split(os.pathsep))
        worker.CONNECT[:] = [connect]
