# SPDX-License-Identifier: GPL-3.0-or-later
"""Which edits of packaging files make an environment anew."""

from pathlib import Path

import pytest

from harness import packaging

PYPROJECT = '[project]\nname = "x"\ndependencies = ["y"]\n[tool.pytest.ini_options]\n'
SETUP = "[metadata]\nname = x\n[tool:pytest]\naddopts = -q\n[mypy-trytond.*]\na = 1\n"
TRYTON = "[tryton]\nversion=7.0.0\ndepends:\n    party\nxml:\n    a.xml\n"


@pytest.mark.parametrize(
    ("name", "before", "after", "same"),
    [
        ("pyproject.toml", PYPROJECT, PYPROJECT + 'addopts = "-q"\n', True),
        ("pyproject.toml", PYPROJECT, f"# why\n{PYPROJECT}", True),
        ("pyproject.toml", PYPROJECT, PYPROJECT.replace('"y"', '"y", "z"'), False),
        ("pyproject.toml", PYPROJECT, PYPROJECT + '[tool.hatch]\na = "b"\n', False),
        ("pyproject.toml", PYPROJECT, "[broken", False),
        ("setup.cfg", SETUP, SETUP.replace("-q", "-v"), True),
        ("setup.cfg", SETUP, SETUP.replace("a = 1", "a = 2"), True),
        ("setup.cfg", SETUP, SETUP.replace("name = x", "name = y"), False),
        ("tryton.cfg", TRYTON, TRYTON + "    b.xml\n", True),
        ("tryton.cfg", TRYTON, TRYTON.replace("party", "party\n    bank"), False),
        ("tryton.cfg", TRYTON, TRYTON.replace("7.0.0", "7.0.1"), False),
        ("setup.py", "import x", "import x  # why", False),
    ],
)
def test_an_edit(
    tmp_path: Path, name: str, before: str, after: str, same: bool
) -> None:
    path = tmp_path / name
    path.write_text(before)
    digest = packaging.digest(path)
    path.write_text(after)
    assert (packaging.digest(path) == digest) is same


@pytest.mark.parametrize(
    ("name", "text", "none"),
    [
        ("pyproject.toml", "[tool.harness.suite.tryton]\noptions = ['-q']\n", True),
        ("pyproject.toml", "[tool.hatch]\na = 1\n", False),
        ("pyproject.toml", "[build-system]\nrequires = []\n", False),
        ("setup.cfg", "[tool:pytest]\naddopts = -q\n", True),
    ],
)
def test_settings_of_tools_alone_are_no_file(
    tmp_path: Path, name: str, text: str, none: bool
) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert (packaging.digest(path) == "") is none


def test_no_file_is_not_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "setup.py"
    assert packaging.digest(path) == ""
    path.write_text("")
    assert packaging.digest(path)
