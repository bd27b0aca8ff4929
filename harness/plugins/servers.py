# SPDX-License-Identifier: GPL-3.0-or-later
"""The applications that run beside a worker's tests, on the worker's lease."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from typing import Any, Iterable, Mapping

import pytest

from harness.plugins import guard, serving
from harness.plugins.client import Way, client
from harness.plugins.keeper import Keeper

TAIL = 4000
"""Characters of a log that are shown."""
ANSWER = 20.0
"""Seconds that a server gets to drop its caches before it is started anew."""


class SuiteServer:
    """One application: a child process under guard."""

    def __init__(self, name: str, given: Mapping[str, Any], scratch: str) -> None:
        self.name = name
        self.given = given
        self.scratch = scratch
        self.log = os.path.join(scratch, f"{name}-{client.worker}.log")
        self.url = ""
        self.trouble = ""
        """Why it does not start: said to each test, tried once."""
        self.ready = False
        self._process: subprocess.Popen[bytes] | None = None
        self._link: Any = None
        self._listener: socket.socket | None = None
        self._frozen = False

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, keeper: Keeper) -> str:
        """Its address; started now if it does not run.

        Fails the test with the end of the log if it does not come up.
        """
        if self.trouble:
            pytest.fail(self.trouble, pytrace=False)
        self.launch(keeper)
        if not self.ready:
            self._wait()
            self.ready = True
        return self.url

    def launch(self, keeper: Keeper) -> None:
        """Let it come up; `start` waits for it."""
        if self.alive or self.trouble:
            return
        if self._process is not None and self.ready:
            self._note("it has ended, and is started again")
        if self._process is None or self.ready:
            self.ready = False
            self._launch(keeper)

    def _launch(self, keeper: Keeper) -> None:
        lease = keeper.ensure()
        self.url = keeper.fill(f"http://{{host}}:{{port:{self.name}}}")
        self._near = keeper.fill(f"{{bind}}:{{port:{self.name}}}")
        argv = shlex.split(keeper.fill(self.given["command"]))
        env = dict(os.environ)
        env.pop("HARNESS_COVERAGE", None)
        for key, text in self.given["environment"].items():
            env[key] = keeper.fill(text)
        if os.path.basename(argv[0]).startswith("python"):
            argv = [sys.executable, "-m", serving.__name__, *argv[1:]]
            env |= {
                serving.SOCKET: self._listen(),
                serving.DATABASE: lease.database,
                serving.FILES: lease.files,
            }
        else:
            env["DB_NAME"] = lease.database
        env["TRYTOND_DATABASE__PATH"] = lease.files
        env["PATH"] = f"{os.path.dirname(sys.executable)}{os.pathsep}{env['PATH']}"
        guarded = [sys.executable, "-I", guard.__file__, "--", *argv]
        self._note(shlex.join(argv))
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                guarded,
                env=env,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _note(self, text: str) -> None:
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"-- {text}\n")

    def _listen(self) -> str:
        path = os.path.join(self.scratch, f"{self.name}-{client.worker}")
        if os.path.exists(path):
            os.unlink(path)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(1)
        return path

    def _wait(self) -> None:
        deadline = time.monotonic() + self.given["timeout"]
        while not self._healthy():
            over = not self.alive
            if over or time.monotonic() > deadline:
                how = "ended" if over else f"was not ready in {self.given['timeout']} s"
                self.trouble = (
                    f"the server {self.name} {how}\n"
                    f"checked: http://{self._near}{self.given['health']}\n"
                    f"its log:\n{self.words()[-TAIL:]}"
                )
                self.stop()
                pytest.fail(self.trouble, pytrace=False)
            time.sleep(0.02)

    def _healthy(self) -> bool:
        connection = http.client.HTTPConnection(self._near, timeout=5)
        try:
            connection.request("GET", self.given["health"])
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def words(self, since: int = 0) -> str:
        """What its log says from a place on."""
        try:
            with open(self.log, "rb") as file:
                file.seek(since)
                return file.read().decode(errors="replace")
        except OSError:
            return ""

    def size(self) -> int:
        """The place where the log ends now."""
        return os.path.getsize(self.log) if os.path.exists(self.log) else 0

    def hold(self) -> None:
        """Begin no transaction until `put_back`; what cannot be told is frozen."""
        if self.alive and not (self.ready and self._say({"hold": True})):
            self._frozen = True
            self._signal(signal.SIGSTOP)

    def put_back(self, keeper: Keeper, way: Way) -> None:
        """The database was put back, or is another one, or nothing was written.

        A server whose session had to be ended would try again what it was at.
        """
        if not self.alive:
            return
        if way.left:
            self._signal(signal.SIGKILL)
        elif self._frozen:
            self._signal(signal.SIGCONT)
        lease = keeper.ensure()
        fresh = way.how == "exchanged"
        said = {"fresh": fresh, "database": lease.database, "files": lease.files}
        if way.how == "clean" and not way.left:
            if not self._frozen and not self._say({"hold": False}):
                self.stop()
        elif way.left or not self.ready or not self._say(said):
            self.stop()  # and started when it is asked for
        self._frozen = False

    def _signal(self, number: int) -> None:
        """To all processes of the application; the guard itself goes on."""
        assert self._process is not None
        for pid in guard.descendants(self._process.pid):
            with contextlib.suppress(OSError):
                os.kill(pid, number)

    def _say(self, said: Mapping[str, Any]) -> bool:
        if self._listener is None:
            return False
        try:
            if self._link is None:
                self._listener.settimeout(ANSWER)
                connection, _ = self._listener.accept()
                connection.settimeout(ANSWER)
                self._link = connection.makefile("rwb")
                connection.close()
            self._link.write(json.dumps(said).encode() + b"\n")
            self._link.flush()
            answer = json.loads(self._link.readline())
        except (OSError, ValueError):
            return False
        return bool(answer["ok"])

    def stop(self) -> None:
        """End it, and all that came of it."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait()
            self._process = None
        for one in (self._link, self._listener):
            if one is not None:
                one.close()
        self._link = self._listener = None


class Servers:
    """All servers of a worker, each started when it is first asked for."""

    def __init__(self, keeper: Keeper, given: Mapping[str, Any], scratch: str) -> None:
        self.keeper = keeper
        self.given = given
        self.scratch = scratch
        self._servers: dict[str, SuiteServer] = {}
        self._pid = os.getpid()
        self._places: dict[str, int] = {}
        for name, one in given.items():
            if one.get("port"):
                keeper.settle(name, one["port"])
        keeper.before.append(self.hold)
        keeper.after.append(self.put_back)

    @property
    def all(self) -> dict[str, SuiteServer]:
        """By name; a fork has its own."""
        if self._pid != os.getpid() or not self._servers:
            self._pid = os.getpid()
            self._servers = {
                name: SuiteServer(name, one, self.scratch)
                for name, one in self.given.items()
            }
        return self._servers

    def url(self, name: str) -> str:
        """The address of a server, running."""
        if name not in self.all:
            known = ", ".join(self.all) or "none"
            pytest.fail(
                f"there is no server {name!r}; the suite's are: {known}\n"
                "to mend it: name it in the suite's `servers`",
                pytrace=False,
            )
        return self.all[name].start(self.keeper)

    def prepare(self, names: Iterable[str]) -> None:
        """Let servers come up that a test will ask for."""
        for name in names:
            if name in self.all:
                self.all[name].launch(self.keeper)

    def hold(self) -> None:
        """Let none of those that run write while the database is put back."""
        for one in self.all.values():
            one.hold()

    def put_back(self, way: Way) -> None:
        """Tell those that run what became of the database."""
        for one in self.all.values():
            one.put_back(self.keeper, way)

    def begin(self) -> None:
        """A test begins: what the logs say from now on is its own."""
        self._places = {name: one.size() for name, one in self.all.items()}

    def logs(self) -> dict[str, str]:
        """What the logs say of this test, by server."""
        return {
            name: one.words(self._places.get(name, 0))
            for name, one in self.all.items()
            if one.size() > self._places.get(name, 0)
        }

    def stop(self) -> None:
        """End all."""
        if self._pid == os.getpid():
            for one in self._servers.values():
                one.stop()
