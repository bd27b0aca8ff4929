# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's own side: runs the units that the session hands it."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
from typing import Any, Callable

import pytest

from harness.plugins import lifeline
from harness.plugins.client import client

FAREWELL: list[Callable[[], None]] = []
"""What a worker does before it ends (coverage data is written here)."""
SILENT = ("harness-workers", "harness-writer")
"""Plugins of the session that a worker does without."""


class Child:
    """The worker's own side, after the fork."""

    def __init__(
        self, config: Any, session: Any, link: socket.socket, name: str
    ) -> None:
        self.config = config
        self.session = session
        self.link = link
        self.name = name
        self.stopped = False
        self.settled = False
        self.stream = link.makefile("rb")

    def run(self) -> None:
        """Work until there is nothing left, then end the process."""
        code = 1
        try:
            self._settle()
            self._work()
            for hook in FAREWELL:
                hook()
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)

    def _settle(self) -> None:
        """Become a process of its own: input, signals, captured output."""
        lifeline.hold()
        gc.set_threshold(50_000, 20, 50)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        client.worker = self.name
        manager = self.config.pluginmanager
        for name in SILENT:
            if manager.has_plugin(name):
                manager.unregister(name=name)
        terminal = manager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal._tw._file = open(os.devnull, "w", encoding="utf-8")
        capture = manager.get_plugin("capturemanager")
        if capture is not None:
            capture.stop_global_capturing()
            capture.start_global_capturing()
            capture.suspend_global_capture()
        manager.register(self, "harness-worker")
        self.settled = True

    def _send(self, kind: str, **message: Any) -> None:
        data = json.dumps({"kind": kind, **message}, default=str)
        self.link.sendall(data.encode() + b"\n")

    def _receive(self) -> dict[str, Any]:
        line = self.stream.readline()
        if not line:
            os._exit(0)
        message: dict[str, Any] = json.loads(line)
        return message

    def _next_unit(self) -> list[int] | None:
        """The next unit; None when there is none."""
        while True:
            message = self._receive()
            if message.get("stop"):
                self.stopped = True
            else:
                unit: list[int] | None = message["unit"]
                return None if self.stopped else unit

    def _poll(self) -> None:
        """Notice, between two tests, that the session wants to stop."""
        self.link.setblocking(False)
        try:
            if self.link.recv(1, socket.MSG_PEEK):
                self.link.setblocking(True)
                self.stopped = self.stopped or bool(self._receive().get("stop"))
        except BlockingIOError:
            pass
        finally:
            self.link.setblocking(True)

    def _work(self) -> None:
        unit = self._next_unit()
        while unit and not self.stopped:
            unit = self._run(unit)
        self.session._setupstate.teardown_exact(None)

    def _run(self, unit: list[int]) -> list[int] | None:
        """Run a unit; the one that follows it."""
        for index, after in zip(unit, [*unit[1:], None]):
            self._poll()
            if self.stopped:
                return None
            coming = Coming(self._announce) if after is None else self._item(after)
            self._send("start", index=index)
            hook = self.config.hook
            hook.pytest_runtest_protocol(item=self._item(index), nextitem=coming)
            self._send("finish")
        return coming.unit if isinstance(coming, Coming) else None

    def _announce(self) -> tuple[list[int] | None, Any]:
        """Ask what comes next, as late as pytest needs to know it."""
        if self.stopped:
            return None, None
        self._send("next")
        unit = self._next_unit()
        return unit, self._item(unit[0]) if unit else None

    def _item(self, number: int) -> Any:
        """The item of a test: each round has all of them."""
        items = self.session.items
        return items[number % len(items)]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Send a report to the session."""
        if getattr(report, "passed", False) and hasattr(report, "context"):
            return  # a subtest that passed: thousands of them, in one test
        data = self.config.hook.pytest_report_to_serializable(
            config=self.config, report=report
        )
        waited, client.waited = client.waited, 0.0
        self._send("report", data=data, waited=waited)

    @pytest.hookimpl
    def pytest_warning_recorded(
        self, warning_message: Any, when: str, nodeid: str
    ) -> None:
        """Send a warning to the session, which has the older ones already."""
        if not self.settled:
            return
        self._send(
            "warning",
            text=str(warning_message.message),
            category=warning_message.category.__name__,
            file=warning_message.filename,
            line=warning_message.lineno,
            when=when,
            nodeid=nodeid,
        )


class Coming:
    """The item after the last of a unit, known only when pytest asks for it."""

    def __init__(self, announce: Callable[[], tuple[list[int] | None, Any]]) -> None:
        self._announce = announce
        self._known: tuple[list[int] | None, Any] | None = None

    @property
    def _pair(self) -> tuple[list[int] | None, Any]:
        if self._known is None:
            self._known = self._announce()
        return self._known

    @property
    def unit(self) -> list[int] | None:
        """The unit that it belongs to."""
        return self._pair[0]

    def __bool__(self) -> bool:
        return self._pair[1] is not None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pair[1], name)
