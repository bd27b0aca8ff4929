# SPDX-License-Identifier: GPL-3.0-or-later
"""The Pythons of a machine, and which of them a series runs on."""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import proc
from harness.errors import HarnessError, MissingTool
from harness.series import Series


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """A Python: its program and its version (major, minor)."""

    path: Path
    version: tuple[int, int]

    @property
    def name(self) -> str:
        """``3.11``"""
        return f"{self.version[0]}.{self.version[1]}"


def find(series: Series, environ: Mapping[str, str]) -> Interpreter:
    """A Python that the series runs on: the harness's own, else one on PATH.

    Raises `MissingTool` naming what was found.
    """
    first, last = series.python
    own = sys.version_info
    if first <= own.minor <= last:
        base = Path(sys.base_exec_prefix, "bin", f"python{own.major}.{own.minor}")
        path = base if base.exists() else Path(sys.executable)
        return Interpreter(path=path, version=(own.major, own.minor))
    for minor in range(last, first - 1, -1):
        found = shutil.which(f"python3.{minor}", path=environ.get("PATH"))
        if found and _runs(found, environ):
            return Interpreter(path=Path(found), version=(3, minor))
    raise MissingTool(
        f"series {series.name} needs a Python from 3.{first} to 3.{last}",
        checked=f"this Python 3.{own.minor}, and python3.{last} … python3.{first}"
        " on PATH",
        remedy=f"install Python 3.{last} (uv python install 3.{last},"
        f" or apt-get install python3.{last}), or choose another --series",
    )


def _runs(program: str, environ: Mapping[str, str]) -> bool:
    try:
        return proc.run([program, "-c", ""], env=environ, check=False).code == 0
    except HarnessError:
        return False
