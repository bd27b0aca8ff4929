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
from typing import Any

GIVEN = "HARNESS_DISTANT"
"""JSON, a list of places: ``host``, ``ssh`` (the command), ``workers``, ``away`` (a
file that is made when it is lost), ``environment`` (what is different there)."""
LOST = 255
"""What ssh ends with when the connection does, see ssh(1)."""
OWN = ("HOME", "USER", "LOGNAME", "SHELL", "MAIL", "SSH_", "XDG_", "DBUS_", GIVEN)
"""Variables (or how they begin) that a machine has of its own."""
WARM = "HARNESS_WARM"
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
    environ = {k: v for k, v in os.environ.items() if not k.startswith((*OWN, WARM))}
    given = {
        "arguments": arguments,
        "directory": os.getcwd(),
        "environ": {**environ, **place["environment"]},
    }
    return json.dumps(given).encode() + b"\n"


def main(place: dict[str, Any], arguments: list[str]) -> int:
    """Be a Python over there until it has ended; its exit code."""
    if os.path.exists(place["away"]):
        instead(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the session ends its workers
    remote = shlex.join([sys.executable, "-I", "-S", "-c", BEGIN])
    argv = [*place["ssh"], place["host"], remote]
    ssh = subprocess.Popen(argv, stdin=subprocess.PIPE)
    thread = threading.Thread(target=_pump, args=(ssh, head(arguments, place)))
    thread.daemon = True
    thread.start()
    code = ssh.wait()
    if code == LOST:
        with open(place["away"], "w", encoding="utf-8") as file:
            file.write(place["host"])
    os._exit(code if code >= 0 else 128 - code)


def _pump(ssh: subprocess.Popen[bytes], data: bytes) -> None:
    assert ssh.stdin is not None
    try:
        while data:
            ssh.stdin.write(data)
            ssh.stdin.flush()
            data = os.read(0, 1 << 16)
        ssh.stdin.close()
    except OSError:
        pass


def instead(arguments: list[str]) -> None:
    """Be a worker of this machine: a fork of the warm process where there is one."""
    argv = [sys.executable, *arguments]
    if WARM in os.environ:
        fork = os.path.join(os.path.dirname(__file__), "interpreter.py")
        argv = [sys.executable, "-I", "-S", fork, os.environ[WARM], *arguments]
    os.execv(sys.executable, argv)


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
            if there and not os.path.exists(place["away"]):
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
                file.write(host)
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
    """Work where the harness has named other machines."""
    given = os.environ.get(GIVEN)
    if given and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Plugin(config, json.loads(given)), "distant")
