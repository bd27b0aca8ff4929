# SPDX-License-Identifier: GPL-3.0-or-later
"""Names the subtests of a test, and has pytest count those that are skipped.

pytest 9 has subtests, pytest-subtests had them before; both report them under the id
of their test, with a ``context`` of a message and parameters.
"""

from __future__ import annotations

from typing import Any

import pytest

NAME = "harness_subtest"
"""The attribute of a report that has its name; parameters are text once only."""


def is_one(report: Any) -> bool:
    """Whether a report is a subtest's."""
    return hasattr(report, "context")


def name(report: Any) -> str:
    """``[message] (parameter=value)``, as pytest shows it."""
    known = getattr(report, NAME, "")
    if known:
        return str(known)
    own = getattr(report, "sub_test_description", None)  # pytest-subtests' reports
    if own is not None:
        return str(own())
    context = report.context  # pytest's own: the values are text already
    message = [] if context.msg is None else [f"[{context.msg}]"]
    words = ", ".join(f"{key}={value}" for key, value in context.kwargs.items())
    return " ".join([*message, *([f"({words})"] if words else [])]) or "(<subtest>)"


def told(reports: list[Any]) -> tuple[list[Any], list[Any]]:
    """A test's own reports, and those of its subtests that did not pass."""
    own = [one for one in reports if not is_one(one)]
    return own, [one for one in reports if is_one(one) and not one.passed]


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable(report: Any) -> Any:
    """Send the name along: the parameters are made text anew where they arrive."""
    data = yield
    if data is not None and is_one(report):
        data[NAME] = name(report)
    return data


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: Any) -> Any:
    """Count and show a skipped subtest, as a failed one is."""
    if not is_one(report) or not report.skipped:
        return None
    if hasattr(report, "wasxfail"):
        return "xfailed", "y", f"SUBXFAIL{name(report)}"
    return "skipped", "-", f"SUBSKIPPED{name(report)}"
