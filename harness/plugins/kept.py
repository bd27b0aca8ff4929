# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands the files that a suite's own code writes to the report, with their test.

Directories come from the harness.  What is new or changed in one when a test is over
was made by that test, or by a fixture that it was the first to use.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator

import pytest

from harness.plugins.carry import EVIDENCE
from harness.plugins.unpatched import json, os

GIVEN = "HARNESS_KEPT"
"""JSON: ``when`` (always, failures, never) and ``directories``."""
FAILED = pytest.StashKey[bool]()


class Kept:
    """Knows which files are handed over already."""

    def __init__(self, directories: Iterable[str], when: str) -> None:
        self.directories = list(directories)
        self.when = when
        self.seen: dict[str, int] = {}

    def new(self) -> list[str]:
        """Files that were written since it was last asked, the oldest first."""
        found: list[tuple[int, str]] = []
        for directory in self.directories:
            for place, _, names in os.walk(directory):
                for name in names:
                    path = os.path.join(place, name)
                    try:
                        found.append((os.stat(path).st_mtime_ns, path))
                    except OSError:
                        continue
        made = sorted(one for one in found if self.seen.get(one[1]) != one[0])
        self.seen = {path: time for time, path in found}
        return [path for _, path in made]

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Iterator[None]:
        """Name the files with the last report of a test."""
        if call.when == "teardown":
            failed = item.stash.get(FAILED, False) or call.excinfo is not None
            made = self.new()
            if self.when == "always" or (failed and self.when == "failures"):
                item.user_properties += [(EVIDENCE, path) for path in made]
        else:
            before = call.when != "setup" and item.stash.get(FAILED, False)
            item.stash[FAILED] = before or (
                call.excinfo is not None
                and not call.excinfo.errisinstance(pytest.skip.Exception)
            )
        yield


def pytest_configure(config: pytest.Config) -> None:
    """Look at the directories that the harness has named."""
    given: dict[str, Any] = json.loads(os.environ.get(GIVEN, "{}"))
    if given.get("directories"):
        kept = Kept(given["directories"], given["when"])
        config.pluginmanager.register(kept, "harness-kept")
