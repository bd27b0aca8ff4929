# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets stay out of what a test leaves: its report, its evidence.

Known are the password of the database server, those in addresses, and what was typed
into fields for passwords.
"""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Iterator

import pytest

SHOWN = "•••"
SHORTEST = 6
"""Letters of a secret; a shorter one would be found in other words."""
_ADDRESS = re.compile(r"(://[^:@/\s\"']*:)[^/\s\"'•]+@")
_OPTION = re.compile(
    r"([?&;](?:password|passwd|passphrase|secret|token|api_?key)=)[^&;\s\"'<>]+",
    re.IGNORECASE,
)
_INPUT = re.compile(r"<input\b[^>]*\btype=[\"']?password\b[^>]*>", re.IGNORECASE)
_VALUE = re.compile(r"(\bvalue=)(\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)

typed: set[str] = set()
"""What was typed into fields for passwords in this process."""


def clean(text: str) -> str:
    """The text without secrets."""
    for secret in sorted(_known(), key=len, reverse=True):
        text = text.replace(secret, SHOWN)
    if "://" in text:
        text = _ADDRESS.sub(rf"\1{SHOWN}@", text)
    return _OPTION.sub(rf"\1{SHOWN}", text) if "=" in text else text


def page(source: str) -> str:
    """The source of a page without secrets: no field for passwords shows a value."""
    hidden = rf'\1"{SHOWN}"'
    return clean(_INPUT.sub(lambda match: _VALUE.sub(hidden, match[0]), source))


def _known() -> Iterator[str]:
    for secret in (os.environ.get("PGPASSWORD", ""), *typed):
        if len(secret) >= SHORTEST:
            yield secret


def scrub(value: Any, by: Callable[[str], str] = clean) -> Any:
    """What pytest says of a failure, without secrets, in place where it can be."""
    if isinstance(value, str):
        return by(value)
    if isinstance(value, list):
        value[:] = [scrub(one, by) for one in value]
    elif isinstance(value, tuple):
        return tuple(scrub(one, by) for one in value)
    elif type(value).__module__.startswith("_pytest."):
        for name, inner in list(getattr(value, "__dict__", {}).items()):
            setattr(value, name, scrub(inner, by))
    return value


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Before anybody sees the report of a test."""
    outcome: Any = yield
    report = outcome.get_result()
    said = [text for _, text in report.sections]
    said += [report.longreprtext] if report.longrepr else []
    if any(clean(text) != text for text in said):
        report.sections = [(title, clean(text)) for title, text in report.sections]
        report.longrepr = scrub(report.longrepr)
