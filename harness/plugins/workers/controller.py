# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side: workers are forks of the warm process, units stay whole."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace
from typing import Any, Mapping

import pytest

from harness.plugins.workers import reruns, units
from harness.plugins.workers.launch import (
    FORKED,
    SOCKETS,
    Forked,
    interpreter_of,
    words,
)
from harness.plugins.workers.link import GoneError, Link
from harness.plugins.workers.scheduler import Scheduler

LANES = "HARNESS_LANES"
"""Environment variable: sockets of warm processes in containers of their own."""
PARTING = 5.0
"""Seconds that the warm process gets to end."""
HURRY = 0.3
"""Seconds that workers get to end when the session is interrupted."""
BARREN = 3
"""Times that each worker may end before a test is reported."""
ENOUGH = "stopping after "
"""How pytest and pytest-xdist begin to say that ``--maxfail`` is reached."""
ORDERING = ("failedfirst", "newfirst", "stepwise")
"""Options of pytest that give the tests an order."""


class Controller:
    """Hooks of the session that hands out tests."""

    def __init__(
        self, config: pytest.Config, process: subprocess.Popen[bytes] | Forked | None
    ) -> None:
        self.config = config
        self.process = process
        self.links: list[Link] = []
        self.known: Mapping[str, units.Place] = {}
        self.count = 0
        self.socket = SOCKETS[0] if SOCKETS else ""
        self.directory = os.path.dirname(self.socket)
        self.crashed: set[str] = set()
        """Tests that have ended their worker, and are not run again."""
        self.barren = 0
        """Workers that have ended since the last test that was reported."""
        self.enough: str | None = None
        """Why a worker's session has failed early (``session.shouldfail``)."""

    # -- before the workers ------------------------------------------------

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_xdist_setupnodes(self, config: pytest.Config, specs: list[Any]) -> None:
        """Have workers of this machine forked, no more than there are units."""
        gc.freeze()  # pytest looks for garbage five times at its end
        local = [spec for spec in specs if spec.popen and not spec.python]
        if self.socket and local:
            self._warm(self.socket, specs, local)
            # pytest-xdist's own schedulers wait for as many workers as this has
            config.option.tx = ["popen"] * len(specs)
        self.count = len(specs)

    def _warm(self, path: str, specs: list[Any], local: list[Any]) -> None:
        given = self._input()
        lanes = [one for one in os.environ.get(LANES, "").split(os.pathsep) if one]
        link = Link(path)
        self.links.append(link)
        try:
            reason = link.prepare(given)
        except GoneError as error:
            reason = f"the warm process has gone: {error}"
        self.known = link.plan
        if reason and not lanes:
            self._say(f"workers start cold: {reason}")
            return
        wanted = max(1, len(units.plan(list(link.plan), link.plan))) if link.plan else 1
        if lanes:
            ways = [path, *self._lanes(lanes[: wanted - 1], given)]
            del specs[len(ways) :]
        else:
            ways = [path] * len(local)
            for spec in local[wanted:]:
                specs.remove(spec)
        for spec, way in zip(local, ways):
            spec.python = interpreter_of(way)

    def _lanes(self, paths: list[str], given: dict[str, Any]) -> list[str]:
        """The lanes that answer; others are done without."""
        found = []
        for path in paths:
            link = Link(path)
            try:
                reason = link.prepare({**given, "lane": True})
            except GoneError as error:
                reason = str(error)
            if reason:
                self._say(f"done without a worker: {os.path.basename(path)}: {reason}")
                continue
            self.links.append(link)
            found.append(path)
        return found

    def _input(self) -> dict[str, Any]:
        """What plugins tell each worker, told to one that only collects."""
        node: Any = SimpleNamespace(
            config=self.config,
            gateway=SimpleNamespace(id="warm", spec=SimpleNamespace(popen=True)),
            nodemanager=SimpleNamespace(roots=[], specs=[]),
            workerinput={
                "workerid": "warm",
                "workercount": int(self.config.option.numprocesses or 1),
                "testrunuid": str(self.config.option.testrunuid or ""),
                "mainargv": sys.argv,
            },
        )
        self.config.hook.pytest_configure_node(node=node)
        base = self.config.option.basetemp
        return {
            "input": node.workerinput,
            "basetemp": os.path.join(str(base), "warm") if base else "",
        }

    def _say(self, text: str) -> None:
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.write_line(text, yellow=True)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where to say who it is."""
        if self.directory:
            node.workerinput["harness_directory"] = self.directory
        node.workerinput[reruns.CRASHED] = sorted(self.crashed)

    # -- while they work ---------------------------------------------------

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Our own, where the user has not asked for one of pytest-xdist's."""
        if config.getvalue("dist") != "load":
            return None
        options = config.option
        ordered = bool(options.harness_seed) or any(
            getattr(options, name, False) for name in ORDERING
        )
        shuffled = config.pluginmanager.hasplugin("randomly")
        return Scheduler(
            self.count,
            self.known,
            ordered=ordered or shuffled,
            reruns=options.harness_reruns,
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Any:
        """Enough failures are no interrupt: the exit code is that of plain pytest."""
        try:
            return (yield)
        except KeyboardInterrupt as error:
            if str(error).startswith(ENOUGH) or str(error) == self.enough:
                raise session.Failed(str(error)) from None
            raise

    def pytest_keyboard_interrupt(self) -> None:
        """Whoever interrupts waits for failures, not for the tests that still run."""
        manager = getattr(
            self.config.pluginmanager.get_plugin("dsession"), "nodemanager", None
        )
        if manager is not None:
            manager.EXIT_TIMEOUT = HURRY

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_handlecrashitem(self, crashitem: str, report: Any, sched: Any) -> None:
        """Say how the worker has ended."""
        report.when = "call"
        if crashitem in getattr(sched, "repeated", ()):
            sched.repeated.remove(crashitem)
            report.outcome = "rerun"
        else:
            self.crashed.add(crashitem)
        name = report.node.gateway.id
        lives = hasattr(report.node, "workeroutput")  # it has ended its session itself
        how = "a KeyboardInterrupt" if lives else self._how(report.node)
        if how:
            report.longrepr = f"worker {name} ended with {how} while it ran {crashitem}"

    def _how(self, node: Any) -> str:
        """By which signal or exit code a worker has ended, if anybody knows.

        Who has forked it does: a number of a process means nothing to another lane.
        """
        path = os.path.join(self.directory, node.gateway.id)
        try:
            with open(path, encoding="utf-8") as file:
                pid = int(file.read())
        except (OSError, ValueError):
            return ""
        for link in self.links:
            if node.gateway.spec.python == interpreter_of(link.path):
                status = link.status(pid)
                return "" if status is None else words(status)
        return ""

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_testnodedown(self, node: Any, error: Any) -> None:
        """``pytest.exit`` in a worker ends the session, with its reason and code.

        So do workers that end one after the other before they have run anything.
        """
        output = getattr(node, "workeroutput", {})
        self._count(int(output.get("harness_deselected", 0)))
        self.enough = output.get("shouldfail") or self.enough
        said = output.get("harness_exit")
        if said:
            pytest.exit(said["reason"], returncode=said["code"])
        self.barren += bool(error)
        if self.barren > BARREN * self.count:
            how = self._how(node) or str(error)
            pytest.exit(
                f"workers end before they run a test: {node.gateway.id} with {how}",
                returncode=int(pytest.ExitCode.INTERNAL_ERROR),
            )

    def _count(self, deselected: int) -> None:
        """Tell once what all workers have left out."""
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and deselected and "deselected" not in terminal.stats:
            terminal.stats["deselected"] = [None] * deselected

    def pytest_runtest_logreport(self) -> None:
        """A test was reported: the workers work."""
        self.barren = 0

    def pytest_report_teststatus(self, report: Any) -> Any:
        """A word for what is run again."""
        return reruns.teststatus(report)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """End the warm process; it may have to write down what it has measured."""
        for link in self.links:
            link.close()
        if self.process is not None:
            if not self.links:  # nobody has asked it, and it knows of no end
                self.process.kill()
            try:
                self.process.wait(PARTING)
            except subprocess.TimeoutExpired:  # it is in an import that hangs
                self.process.kill()
                self.process.wait()
        if self.directory:
            shutil.rmtree(self.directory, ignore_errors=True)
        SOCKETS.clear()
        FORKED.clear()
