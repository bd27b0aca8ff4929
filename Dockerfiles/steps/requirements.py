# SPDX-License-Identifier: GPL-3.0-or-later
"""What pip is to install: loose requirements, held by the locked versions.

``requirements.py WORK NAME...`` writes ``requirements.txt`` and
``constraints.txt`` below WORK; ``requirements.py --lock REPORT`` prints the lock
that follows from pip's report.  It runs in the image, in the build context.
"""

import json
import os
import re
import sys
from pathlib import Path

SERIES = os.environ["SERIES"]


def lines(path: Path) -> list[str]:
    """The requirements in a file, without comments; none without the file."""
    if not path.exists():
        return []
    texts = (line.partition(" #")[0].strip() for line in path.read_text().splitlines())
    return [text for text in texts if text and not text.startswith("#")]


def main(work: Path, names: list[str]) -> None:
    """Write both files."""
    wanted, pins = [], []
    for name in names:
        place = Path("requirements", name)
        wanted += [
            line.replace("SERIES", SERIES) for line in lines(place / "wanted.in")
        ]
        pins += lines(place / "constraints.txt")
        if "LOCK" not in os.environ:
            locked = place / f"locked-{SERIES}.txt"
            pins += lines(locked if locked.exists() else place / "locked.txt")
    (work / "requirements.txt").write_text("\n".join(wanted) + "\n")
    (work / "constraints.txt").write_text("\n".join(pins) + "\n")


def lock(report: Path) -> None:
    """Print exact versions, sorted by name."""
    found = (one["metadata"] for one in json.loads(report.read_text())["install"])
    pairs = {re.sub("[-_.]+", "-", m["name"]).lower(): m["version"] for m in found}
    sys.stdout.writelines(f"{name}=={pairs[name]}\n" for name in sorted(pairs))


if __name__ == "__main__":
    if sys.argv[1] == "--lock":
        lock(Path(sys.argv[2]))
    else:
        main(Path(sys.argv[1]), sys.argv[2:])
