# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's own side, and that of a session that has no workers."""

from __future__ import annotations

import contextlib
import functools
import sys
from typing import Any

import pytest

from harness.plugins.client import client
from harness.plugins.unpatched import os

SENT = frozenset(map(type, (None, True, 0, 0.0, 0j, b"", set(), frozenset())))
"""Types that execnet sends as they are; it ends with what it does not know."""


class Worker:
    """Hooks of a process that runs tests."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.input: dict[str, Any] = getattr(config, "workerinput", {})
        self.pid = os.getpid()
        self.deselected = 0
        client.worker = self.input.get("workerid", client.worker)

    def pytest_sessionstart(self) -> None:
        """Say who we are, so that our end can be told."""
        keep_pipes(self.config)
        directory = self.input.get("harness_directory")
        if directory and os.path.isdir(directory):
            name = os.path.join(directory, self.input["workerid"])
            full = contextlib.suppress(OSError)  # tests may need no room on the disk
            with full, open(name, "w", encoding="utf-8") as file:
                file.write(str(self.pid))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Any:
        """Note what the test has waited; end here what a test has forked.

        A child that comes back from its test would report, and run what follows.
        """
        if os.getpid() != self.pid:
            code = getattr(getattr(call.excinfo, "value", None), "code", 1)
            os._exit(code if isinstance(code, int) else int(code is not None))
        report = yield
        report.waited, client.waited = client.waited, 0.0
        return report

    def pytest_deselected(self, items: list[Any]) -> None:
        """Count for the controller, which collects nothing."""
        self.deselected += len(items)
        output = getattr(self.config, "workeroutput", {})
        output["harness_deselected"] = self.deselected

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_to_serializable(self) -> Any:
        """No text ends the worker: execnet sends none that is no UTF-8."""
        return encodable((yield))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Any:
        """Hand on to the controller what cannot be collected by such arguments."""
        try:
            return (yield)
        except pytest.UsageError as error:
            self._end("\n".join(map(str, error.args)), pytest.ExitCode.USAGE_ERROR)
            raise

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """Hand on to the controller what ``pytest.exit`` has said.

        In what a test has forked nobody would end this session.
        """
        if os.getpid() != self.pid:
            os._exit(2)
        if isinstance(excinfo.value, pytest.exit.Exception):
            code = excinfo.value.returncode
            self._end(str(excinfo.value.msg), 2 if code is None else code)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """End processes that tests have left: Python would wait for them for ever."""
        module = sys.modules.get("multiprocessing")
        for child in module.active_children() if module is not None else ():
            if not child.daemon:
                sys.stderr.write(f"a test has left the process {child.name}: ended\n")
                child.kill()

    def _end(self, reason: str, code: int) -> None:
        output = getattr(self.config, "workeroutput", None)
        if output is not None:
            output["harness_exit"] = {"reason": reason, "code": int(code)}


def keep_pipes(config: pytest.Config) -> None:
    """What tests fork does not hold the pipes to the controller.

    It knows our end by theirs: where a test has left a process, and another one then
    ends the worker, it would wait for as long as that process lives.
    """
    for plugin in config.pluginmanager.get_plugins():
        if type(plugin).__name__ == "WorkerInteractor":
            # https://github.com/pytest-dev/execnet/blob/master/src/execnet/gateway_base.py
            io = plugin.channel.gateway._io
            files = [getattr(io, name, None) for name in ("infile", "outfile")]
            pipes = [file.fileno() for file in files if file is not None]
            os.register_at_fork(after_in_child=functools.partial(_leave, pipes))


def _leave(pipes: list[int]) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for pipe in pipes:
        os.dup2(null, pipe, inheritable=False)
    os.close(null)


def encodable(value: Any) -> Any:
    """The same with lone surrogates written out (``\\udce9``), and objects as text."""
    if type(value) in SENT:
        return value
    if isinstance(value, dict):
        return {encodable(key): encodable(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        kind = list if isinstance(value, list) else tuple
        return kind(encodable(one) for one in value)
    text = str(value)
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
