# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a source lacks, inside an image; nothing is written to the source."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from harness.errors import ConfigError


def mounts(
    source: Path, target: str, lines: Sequence[str], *, root: Path, scratch: Path
) -> Iterator[str]:
    """``OUTSIDE:INSIDE:MODE`` over the mount of `source` at `target`.

    `lines` are ``PATH=FILE``, in the source and below the `root`; what the source has
    stays.  An engine makes the places that it mounts to, in the source if they were
    there; so the directory of such a file is one in `scratch`, with all that it has
    outside mounted into it, each by its name.
    """
    wanted: dict[Path, dict[str, Path]] = {}
    for line in lines:
        path, _, file = line.partition("=")
        for needed in ((source / path).parent, root / file):
            if not needed.exists():
                raise ConfigError(
                    f"{needed} is not there",
                    checked=f"{line!r} in lacking of the suite",
                    remedy="it is PATH=FILE: in the suite's source, and below the root",
                )
        if not (source / path).exists():
            wanted.setdefault(Path(path).parent, {})[Path(path).name] = root / file
    for directory, files in wanted.items():
        place = Path(tempfile.mkdtemp(dir=scratch, prefix="lacking-"))
        inside = PurePosixPath(target, directory)
        yield f"{place}:{inside}:rw"
        there = {one.name: one for one in (source / directory).iterdir()}
        for name, outside in (there | files).items():
            if outside.is_dir():
                (place / name).mkdir()
            elif outside.exists():
                (place / name).touch()
            else:
                continue  # a link to nowhere
            yield f"{outside}:{inside / name}:{'ro' if name in files else 'rw'}"
