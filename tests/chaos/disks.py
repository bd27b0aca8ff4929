# SPDX-License-Identifier: GPL-3.0-or-later
"""A full disk at each place that a run writes to: a small file system is mounted."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from tests.chaos.ground import Ground
from tests.chaos.table import Row

PLACES = {
    "reports": (8, 400),
    "state": (4, 140 << 10),
    "temporary": (8, 400),
}
"""Sizes of the file system, in KiB; data of a server take 100 MB."""
CODES = frozenset({0, 1, 4, 7})
"""Passed, tests failed (one wrote into the full disk), the machine, the database."""


def why_not() -> str:
    """Why nothing can be mounted, or nothing."""
    return "" if os.getuid() == 0 else "only root can mount"


@contextmanager
def small(place: Path, size: int) -> Iterator[Path]:
    """A file system of `size` KiB."""
    place.mkdir(exist_ok=True)
    options = f"size={size}k,mode=711"
    mount = ["mount", "-t", "tmpfs", "-o", options, "chaos", str(place)]
    subprocess.run(mount, check=True)
    try:
        yield place
    finally:
        for _ in range(100):
            done = subprocess.run(["umount", place], capture_output=True, check=False)
            if not done.returncode:
                break
            time.sleep(0.1)
        else:
            subprocess.run(["umount", "--lazy", place], check=True)


def full(ground: Ground, random: Random, rows: dict[str, Row]) -> None:
    """A run that finds little room at one place, and the next run."""
    where = min(PLACES, key=lambda one: (rows[f"full {one}"].trials, random.random()))
    row = rows[f"full {where}"]
    row.trials += 1
    least, most = PLACES[where]
    size = int(least * (most / least) ** random.random())
    server = random.choice(("local", "sqlite"))
    with small(ground.place / "small", size) as place:
        more = {
            "reports": {"HARNESS_REPORTS": str(place)},
            "temporary": {"TMPDIR": str(place)},
            "state": {
                "HARNESS_STATE": str(place),
                "HARNESS_DATABASE_STORAGE": "disk",
            },
        }[where]
        if where == "state":
            (place / "envs").symlink_to(ground.state / "envs")
        done = ground.test(server, **more).end()
        what = f"{server}: {size} KiB (log {ground.number:04})"
        row.hung += [what] * done.hung
        found = [text for text in done.problems() if "is green without" not in text]
        if done.code not in CODES:
            found.append(f"ends with {done.code}")
        elif done.code in {4, 7} and "o space left" not in done.output:
            found.append(f"ends with {done.code} and does not say that it is full")
        row.wrong += [f"{what}: {text}" for text in found]
        ground.kill_all()
    wrong, leaked, late = ground.calm(server)
    row.wrong += [f"{what}: {text}" for text in wrong]
    row.leaked += [f"{what}: {text}" for text in leaked]
    row.hung += [f"{what}: {text}" for text in late]
