# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that tests hand to the report; from another machine they come with it."""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import Any, Iterable

import pytest

EVIDENCE = "evidence"
"""The property by which a test hands a file to the report:
``record_property("evidence", "/tmp/screenshot.png")``; also the name of the
directory, beside the results, that it is copied to."""
FILES = "harness_files"
"""Attribute of a report: contents by path."""


def evidence(reports: Iterable[Any]) -> list[str]:
    """The files that a test has named, in their order."""
    named: dict[str, None] = {}
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == EVIDENCE:
                named[str(value)] = None
    return list(named)


def keep(
    path: str, directory: str, key: str, content: bytes | None = None
) -> dict[str, str]:
    """Copy a file into the report; its name there tells tests apart.

    `content` is that of a file of another machine.
    """
    title = os.path.basename(path)
    digest = hashlib.sha256(os.fsencode(f"{key} {path}")).hexdigest()[:12]
    name = f"{digest}-{title}"
    target = os.path.join(directory, name)
    try:
        os.makedirs(directory, exist_ok=True)
        if content is None:
            shutil.copyfile(path, target)
        else:
            with open(target, "wb") as stream:
                stream.write(content)
    except OSError as error:
        return {"title": title, "file": "", "missing": str(error)}
    return {"title": title, "file": f"{EVIDENCE}/{name}", "missing": ""}


class Carrier:
    """Hooks of a worker whose files the session cannot read."""

    def __init__(self) -> None:
        self.sent: dict[str, int] = {}
        """When a file was written that was sent."""

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(self, report: Any) -> Any:
        """Put in what a report names and none before it has brought."""
        data = yield
        named = evidence([report])
        if named:
            data[FILES] = dict(self._read(named))
        return data

    def _read(self, paths: Iterable[str]) -> Iterable[tuple[str, bytes]]:
        for path in paths:
            try:
                written = os.stat(path).st_mtime_ns
                if self.sent.get(path) == written:
                    continue
                with open(path, "rb") as stream:
                    yield path, stream.read()
            except OSError:  # whoever keeps it says that it is missing
                continue
            self.sent[path] = written
