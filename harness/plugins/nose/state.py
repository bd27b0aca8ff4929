# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plugin knows in a session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.plugins.nose import attributes
from harness.plugins.nose.contexts import Packages
from harness.plugins.nose.rules import Rules


class State:
    """Rules and choices of one session, and the packages that are set up."""

    def __init__(self, rules: Rules, tests: list[attributes.Test]) -> None:
        self.rules = rules
        self.tests = tests
        self.packages = Packages()
        self.files: set[str] = set()
        """Files of the modules and packages that were collected."""
        self.targets: list[tuple[Path, tuple[str, ...]]] = []
        """What the session was asked for: a path, and names inside the file."""

    def is_named(self, path: Path, *names: str) -> bool:
        """Whether the user asked for just this class, function or method."""
        return any(
            target == path and given[: len(names)] == names
            for target, given in self.targets
        )

    def wants_method(self, collector: Any, name: str, method: Any) -> bool:
        """Whether a method of a collected class is a test."""
        named = self.is_named(collector.path, collector.name, name)
        return named or self.rules.method(method)


KEY = pytest.StashKey[State]()


def of(config: pytest.Config) -> State:
    """The state of a session."""
    return config.stash[KEY]
