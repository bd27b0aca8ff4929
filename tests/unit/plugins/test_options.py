# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the harness's own plugins are no suite's."""

import importlib
import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pytest

from harness import plugins

OWN = [
    file.stem
    for file in Path(plugins.__file__).parent.glob("*.py")
    if "def pytest_addoption" in (text := file.read_text("utf-8"))
    and re.search(r"\.addoption\(|\.add_options\(", text)
]
"""Not those of nose: they are called as nose called them."""


class Group:
    """Notes what a plugin adds, as pytest's own would name it."""

    def __init__(self) -> None:
        self.parser = ArgumentParser()

    def getgroup(self, name: str) -> "Group":
        return self

    def addoption(self, *names: str, **options: Any) -> None:
        self.parser.add_argument(*names, **options)

    def addini(self, *words: Any, **options: Any) -> None:
        """Names of a configuration file are another matter."""


@pytest.mark.parametrize("name", OWN)
def test_a_suite_may_have_options_of_any_other_name(name: str) -> None:
    group = Group()
    module: Any = importlib.import_module(f"harness.plugins.{name}")
    module.pytest_addoption(group)
    for action in group.parser._actions[1:]:
        assert action.dest.startswith("harness_")
        assert all(one.startswith("--harness-") for one in action.option_strings)
