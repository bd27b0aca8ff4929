# SPDX-License-Identifier: GPL-3.0-or-later
from typing import Any

import pytest

from harness.plugins import entry


class Manager:
    """As much of pytest's as the entry point asks."""

    def __init__(self, **ini: Any) -> None:
        self.ini = ini
        self.imported: list[str] = []

    def get_plugin(self, name: str) -> "Manager":
        assert name == "pytestconfig"
        return self

    def getini(self, name: str) -> Any:
        return self.ini.get(name)

    def import_plugin(self, name: str) -> None:
        self.imported.append(name)

    def addini(self, *words: str) -> None:
        pass


@pytest.mark.parametrize(
    ("ini", "imported"),
    [
        ({}, []),
        ({"warm_workers": True}, ["harness.plugins.workers"]),
        ({"nose": True}, ["harness.plugins.nose"]),
        ({"postgresql_template": ["a.sql"]}, ["harness.plugins.postgresql"]),
    ],
)
def test_nothing_is_on_that_was_not_asked_for(
    ini: dict[str, Any], imported: list[str]
) -> None:
    manager = Manager(**ini)
    entry.pytest_addoption(manager, manager)
    assert manager.imported == imported
