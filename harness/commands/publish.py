# SPDX-License-Identifier: GPL-3.0-or-later
"""``reports/latest``, and how many older reports are kept."""

import os
import shutil
from pathlib import Path

from harness.commands.context import Context


def publish(context: Context, directory: Path, name: str) -> Path:
    """Point ``latest`` at a run, forget the oldest runs; the path of its file `name`.

    Where possible the path is relative to the current directory.
    """
    root = directory.parent
    latest = root / "latest"
    fresh = root / f".latest-{directory.name}"
    fresh.symlink_to(directory.name)
    os.replace(fresh, latest)
    old = sorted(path for path in root.glob("2*") if path.is_dir())
    for path in old[: -context.config.keep_reports or None]:
        shutil.rmtree(path, ignore_errors=True)
    file = latest / name
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
