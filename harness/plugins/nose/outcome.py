# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs tests as nose does, and says what became of them."""

from __future__ import annotations

import inspect
import sys
from typing import Any, Iterator

import pytest

# It collects what failed by itself, below: https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/unittest.py
from _pytest.unittest import TestCaseFunction

from harness.plugins.nose.collect import NoseModule
from harness.plugins.nose.contexts import MARK
from harness.plugins.nose.state import of


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: Any, nextitem: Any) -> None:
    """Note what comes next: packages are left by it."""
    of(item.config).packages.following = nextitem


def pytest_pyfunc_call(pyfuncitem: Any) -> bool | None:
    """Call a test; what it returns is of no interest."""
    if pyfuncitem.getparent(NoseModule) is None:
        return None
    function = pyfuncitem.obj
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return None
    # The names that pytest's own `pytest_pyfunc_call` hands over:
    # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/python.py
    values = pyfuncitem.funcargs
    function(**{name: values[name] for name in pyfuncitem._fixtureinfo.argnames})
    return True


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Iterator[None]:
    """Skip tests that say they are deprecated; name the fixture that failed."""
    if call.excinfo is not None and _is_deprecated(call.excinfo.value):
        call.excinfo = _skipped(call.excinfo.value)
    # A `TestCase` has caught the error; pytest takes it from here:
    # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/unittest.py
    if isinstance(item, TestCaseFunction) and item._excinfo:
        item._excinfo = [
            _skipped(one.value) if _is_deprecated(one.value) else one
            for one in item._excinfo
        ]
    where = getattr(call.excinfo.value, MARK, "") if call.excinfo else ""
    outcome: Any = yield
    if not where or outcome.excinfo is not None:
        return
    report = outcome.get_result()
    if report.failed:
        report.sections.append(("nose fixture", f"failed: {where}"))
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is not None:
            crash.message = f"{where} failed: {crash.message}"


def _is_deprecated(error: BaseException) -> bool:
    for name in ("nose.plugins.deprecated", "nose.exc"):
        kind = getattr(sys.modules.get(name), "DeprecatedTest", None)
        if kind is not None and isinstance(error, kind):
            return True
    return False


def _skipped(error: BaseException) -> pytest.ExceptionInfo[BaseException]:
    try:
        pytest.skip(f"deprecated: {error}")
    except pytest.skip.Exception as skipped:
        return pytest.ExceptionInfo.from_exc_info(
            (type(skipped), skipped, skipped.__traceback__)  # type: ignore[arg-type]
        )


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    """Say which files were left out, for it is rarely meant."""
    state = of(config)
    skipped = sorted(set(state.rules.skipped))
    if skipped and any(path.is_dir() for path, _ in state.targets):
        names = ", ".join(path.name for path in skipped[:5])
        more = f" and {len(skipped) - 5} more" if len(skipped) > 5 else ""
        terminalreporter.write_line(
            f"nose: left out as executable: {names}{more} (--exe runs them)",
            yellow=True,
        )
