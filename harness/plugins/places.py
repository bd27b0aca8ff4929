# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a Tryton module are imported as parts of it, whatever its directory's name.

pytest makes names of directories.  A repository is called ``trytond-sale_extra`` though
its module is ``trytond.modules.sale_extra``: its tests would not find what is beside
them, or would import all of it a second time.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

# By a function in it pytest names what it imports: https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/pathlib.py
from _pytest import pathlib

NAMING = "resolve_pkg_root_and_module_name"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that the harness sets."""
    parser.addoption(
        "--harness-place", action="append", default=[], metavar="MODULE=DIRECTORY",
        help="(set by harness) the directory of a Tryton module",
    )  # fmt: skip
    parser.addini("tryton", "the same, MODULE=DIRECTORY a line each", "linelist")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: Any) -> None:
    """From now on, for conftest files too."""
    given = early_config.known_args_namespace.harness_place
    words = [*early_config.getini("tryton"), *given]
    root = early_config.rootpath
    parts = (one.partition("=") for one in words)
    places = {
        Path(os.path.normpath(root / at.strip())): name.strip() for name, _, at in parts
    }
    if not places:
        return
    resolve = getattr(pathlib, NAMING)

    def named(path: Path, **options: Any) -> tuple[Path, str]:
        for place, name in places.items():
            if path.is_relative_to(place):
                parts = path.relative_to(place).with_suffix("").parts
                inside = parts[:-1] if parts[-1:] == ("__init__",) else parts
                found = ".".join(("trytond.modules", name, *inside))
                return Path(sys.path[0]), found  # it is found without more
        result: tuple[Path, str] = resolve(path, **options)
        return result

    setattr(pathlib, NAMING, named)
