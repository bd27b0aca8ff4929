# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from _pytest import pathlib

from harness.plugins import places


def config(root: Path, *ini: str, given: tuple[str, ...] = ()) -> Any:
    return SimpleNamespace(
        known_args_namespace=SimpleNamespace(harness_place=list(given)),
        getini=lambda name: list(ini),
        rootpath=root,
    )


@pytest.fixture
def naming(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest's own function, put back afterwards."""
    monkeypatch.setattr(pathlib, places.NAMING, getattr(pathlib, places.NAMING))


def name(path: Path) -> str:
    found: str = getattr(pathlib, places.NAMING)(path)[1]
    return found


@pytest.mark.usefixtures("naming")
def test_files_are_parts_of_their_module(tmp_path: Path) -> None:
    shop = tmp_path / "trytond-shop"
    asked = config(tmp_path, "shop = trytond-shop", given=(f"bank={tmp_path}/b",))
    places.pytest_load_initial_conftests(asked)
    assert name(shop / "tests" / "test_a.py") == "trytond.modules.shop.tests.test_a"
    assert name(shop / "__init__.py") == "trytond.modules.shop"
    assert name(tmp_path / "b" / "conftest.py") == "trytond.modules.bank.conftest"
    package = tmp_path / "other"
    package.mkdir()
    (package / "__init__.py").touch()
    assert name(package / "test_b.py") == "other.test_b"


@pytest.mark.usefixtures("naming")
def test_without_a_module_nothing_changes(tmp_path: Path) -> None:
    before = getattr(pathlib, places.NAMING)
    places.pytest_load_initial_conftests(config(tmp_path))
    assert getattr(pathlib, places.NAMING) is before
