# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers on other machines, reached by ssh: a plugin, and "a Python" for it.

As a program, ``distant.py PLACE -u -c CODE`` is the Python that pytest-xdist starts:
it hands its three streams to one on the other machine, with this environment.  Paths
there are those here: the harness has brought what lies there.  Where the machine is
away, the worker is one of this machine instead, so that nobody waits.  Imports nothing
of the harness, and pytest only as a plugin.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from typing import Any

GIVEN = "HARNESS_DISTANT"
"""JSON, a list of places: ``host``, ``ssh`` (the command), ``workers``, ``away`` (a
file that is made when it is lost), ``environment`` (what is different there)."""
LOST = 255
"""What ssh ends with when the connection does, see ssh(1)."""
SIZE = 1 << 16
"""Bytes that are handed on at once."""
SETTLED = 3.0
"""Seconds after its first word in which the session may still be speaking to a worker
that it has no way to lose."""
OWN = ("HOME", "USER", "LOGNAME", "SHELL", "MAIL", "SSH_", "XDG_", "DBUS_", GIVEN)
"""Variables (or how they begin) that a machine has of its own."""
BEGIN = (
    "import json,os,sys\n"
    "line=b''\n"
    "while not line.endswith(b'\\n'):\n"
    "    more=os.read(0,1)\n"
    "    if not more: sys.exit(1)\n"
    "    line+=more\n"
    "given=json.loads(line)\n"
    "os.environ.update(given['environ'])\n"
    "os.chdir(given['directory'])\n"
    "os.execv(sys.executable,[sys.executable,*given['arguments']])\n"
)
"""What runs there first: no secret is in anybody's list of processes."""


def head(arguments: list[str], place: dict[str, Any]) -> bytes:
    """The first line that the other machine is told."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(OWN)}
    given = {
        "arguments": arguments,
        "directory": os.getcwd(),
        "environ": {**environ, **place["environment"]},
    }
    return json.dumps(given).encode() + b"\n"


class Words:
    """Hands on what the session says; until that is answered, another may hear it."""

    def __init__(self, target: subprocess.Popen[bytes]) -> None:
        self.target = target
        self.kept: list[bytes] | None = []
        self._guard = threading.Lock()

    def pump(self) -> None:
        """Hand on all that comes; what is empty is the end."""
        while True:
            data = os.read(0, SIZE)
            with self._guard:
                if self.kept is not None:
                    self.kept.append(data)
                self._write(data)
            if not data:
                return

    def again(self, target: subprocess.Popen[bytes]) -> None:
        """Say all to another one, which hears what follows."""
        with self._guard:
            self.target = target
            for data in self.kept or []:
                self._write(data)

    def _write(self, data: bytes) -> None:
        if data:
            write(self.target, data)
        else:
            self.target.stdin.close()  # type: ignore[union-attr]


def main(place: dict[str, Any], arguments: list[str]) -> int:
    """Be a Python over there until it has ended; its exit code.

    Where nothing comes from there, or no more than a greeting, it is one here:
    pytest-xdist takes a worker that ends so early for an error of its own.
    """
    if os.path.exists(place["away"]):
        os.execv(sys.executable, [sys.executable, *arguments])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the session ends its workers
    line = first()
    remote = shlex.join([sys.executable, "-I", "-S", "-c", BEGIN])
    process = begin([*place["ssh"], place["host"], remote])
    write(process, head(arguments, place) + line)
    greeting = said(process, 1)
    if not greeting:
        process = instead(place, process, arguments, line)
        greeting = said(process, 1)
    there = not os.path.exists(place["away"])
    words = Words(process)
    threading.Thread(target=words.pump, daemon=True).start()
    os.write(1, greeting)
    data = said(process)
    if there and not data:
        there = False
        process = instead(place, process, arguments, line)
        said(process, 1)
        words.again(process)
        data = said(process)
    words.kept = None
    settled = time.monotonic() + SETTLED
    while data:
        os.write(1, data)
        data = said(process)
    code = process.wait()
    if there and code == LOST:
        away(place, code)
        time.sleep(max(0.0, settled - time.monotonic()))
    os._exit(code if code >= 0 else 128 - code)


def first() -> bytes:
    """The session's first line, which is code; more comes when it was answered."""
    line = b""
    while not line.endswith(b"\n"):
        more = os.read(0, SIZE)
        if not more:
            sys.exit(1)
        line += more
    return line


def begin(argv: list[str]) -> subprocess.Popen[bytes]:
    """Start a program between the session and a worker."""
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdin=pipe, stdout=pipe)


def instead(
    place: dict[str, Any],
    lost: subprocess.Popen[bytes],
    arguments: list[str],
    line: bytes,
) -> subprocess.Popen[bytes]:
    """A worker of this machine in place of one that was lost."""
    away(place, lost.wait())
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # this one gets it as any other
    process = begin([sys.executable, *arguments])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    write(process, line)
    return process


def write(process: subprocess.Popen[bytes], data: bytes) -> None:
    """Say something to a program, which may have ended."""
    assert process.stdin is not None
    try:
        process.stdin.write(data)
        process.stdin.flush()
    except OSError:
        pass


def said(process: subprocess.Popen[bytes], size: int = SIZE) -> bytes:
    """What a program has said; nothing when it has ended."""
    assert process.stdout is not None
    return os.read(process.stdout.fileno(), size)


def away(place: dict[str, Any], code: int) -> None:
    """Leave word, for the session and for other workers, that nothing runs there."""
    lost = code == LOST
    reason = "is away" if lost else f"is left out: its Python ended with {code}"
    with open(place["away"], "w", encoding="utf-8") as file:
        file.write(reason)


def interpreter(place: dict[str, Any]) -> str:
    """The command of a Python on another machine, as pytest-xdist is told it."""
    return shlex.join([sys.executable, "-I", "-S", __file__, json.dumps(place)])


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), sys.argv[2:]))

import pytest  # noqa: E402  (the program does without)


class Plugin:
    """Hooks of the session that hands out tests."""

    def __init__(self, config: pytest.Config, places: list[dict[str, Any]]) -> None:
        self.config = config
        self.places = places
        self.told: set[str] = set()
        self.there: dict[Any, dict[str, Any]] = {}
        """Where workers of other machines are."""
        self.up: set[Any] = set()
        """Workers that have collected."""
        self.lost: set[Any] = set()
        """Those whose machine was lost."""

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_xdist_setupnodes(self, specs: list[Any]) -> None:
        """Add workers on the other machines."""
        kind = type(specs[0])
        for place in self.places:
            for _ in range(place["workers"]):
                spec = kind("popen//execmodel=main_thread_only")
                spec.python = interpreter(place)
                specs.append(spec)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any) -> None:
        """A worker has come up."""
        self.up.add(node)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_handlecrashitem(self, crashitem: str, report: Any, sched: Any) -> None:
        """What ran on a machine that was lost is run by the others."""
        if report.node not in self.lost:
            return
        sched.mark_test_pending(crashitem)
        if hasattr(sched, "repeated"):
            sched.repeated.append(crashitem)
        report.outcome = "rerun"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """A worker that is begun; in place of a lost machine it is one here."""
        for place in self.places:
            python = getattr(node.gateway.spec, "python", "")  # of a real one
            there = python == interpreter(place)
            if there and os.path.exists(place["away"]):
                with open(place["away"], encoding="utf-8") as file:
                    self._tell(place["host"], file.read())
            elif there:
                self.there[node] = place

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_testnodedown(self, node: Any, error: Any) -> None:
        """Say once that a machine is away, or that nothing comes up there."""
        place = self.there.pop(node, None)
        if place is None or not error:
            return
        host = place["host"]
        if node not in self.up:
            self._tell(host, f"is left out: {_last(error)}")
            with open(place["away"], "w", encoding="utf-8") as file:
                file.write("is left out")
        elif os.path.exists(place["away"]):
            self.lost.add(node)
            self._tell(host, "is away")

    def _tell(self, host: str, what: str) -> None:
        if host in self.told:
            return
        self.told.add(host)
        terminal: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        terminal.write_line(
            f"\n{host} {what}: the others run what was its;"
            f" to mend it: ssh {host} true",
            yellow=True,
        )


def _last(error: Any) -> str:
    return str(error).strip().rpartition("\n")[2]


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Work where the harness has named other machines, and on them."""
    given = os.environ.get(GIVEN)
    if given and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Plugin(config, json.loads(given)), "distant")
    base = getattr(config.option, "basetemp", None)
    if base and hasattr(config, "workerinput"):  # made by the session, where that runs
        os.makedirs(os.path.dirname(base), mode=0o700, exist_ok=True)
