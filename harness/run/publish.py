# SPDX-License-Identifier: GPL-3.0-or-later
"""``reports/latest``, and how many older reports are kept."""

import os
import re
import shutil
from pathlib import Path
from typing import Final

from harness.context import Context

REPORT: Final = re.compile(r"\d{14}[0-9a-f]{6}")
"""What the directory of a run's report is called: as the run."""


def publish(context: Context, directory: Path, name: str) -> Path:
    """Point ``latest`` at a run, forget the oldest; the path of its file `name`.

    This one is kept in any case, and so are those of runs that go on.
    """
    root = directory.parent
    latest = root / "latest"
    fresh = root / f".latest-{directory.name}"
    fresh.symlink_to(directory.name)
    os.replace(fresh, latest)
    live = context.store.live()
    old = sorted(
        path
        for path in root.iterdir()
        if REPORT.fullmatch(path.name)
        and path.is_dir()
        and not path.is_symlink()
        and path.name not in {directory.name, *live}
    )
    for path in old[: len(old) + 1 - max(1, context.config.keep_reports)]:
        shutil.rmtree(path, ignore_errors=True)
    return latest / name
