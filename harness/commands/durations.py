# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness durations``: what runs here taught, for the shards of all machines."""

from collections.abc import Iterable
from pathlib import Path

from harness import history
from harness.context import Context
from harness.errors import ExitCode, NothingSelected, UsageError
from harness.plugins import durations
from harness.reports.files import replace


def write(context: Context) -> int:
    """Write the file that is committed; lines that are nearly right stay."""
    config = context.config
    if not config.durations:
        raise UsageError(
            "no file is configured for durations",
            checked="[tool.harness] durations",
            remedy='durations = "durations.txt"',
        )
    path = config.root / config.durations
    known = context.store.read(history.WHOLE)
    here = files(source.path for source in context.sources.values())
    timings = {
        name: float(seconds)
        for name, seconds in (known if isinstance(known, dict) else {}).items()
        if name.partition("::")[0] in here
    }
    if not timings:
        raise NothingSelected(
            "no duration of a test of this project is known",
            checked=str(context.store.path / history.WHOLE),
            remedy="run its suites once: harness test SUITE",
        )
    old = durations.load(str(path))
    replace(path, durations.dump(timings, old))
    count = len(durations.load(str(path)))
    context.console.info(f"{config.durations}: {count} lines; commit it")
    return ExitCode.OK


def files(places: Iterable[Path]) -> frozenset[str]:
    """Test files as durations know them: two directories and below."""
    found = set()
    for place in places:
        for tests in place.rglob("tests"):
            for path in tests.rglob("*"):
                if path.suffix in {".py", ".rst"}:
                    found.add(key(path))
    return frozenset(found)


def key(path: Path) -> str:
    """As `plugins.units.key` has it: from the directory above the last ``tests``."""
    parts = path.parts
    start = max(at for at, part in enumerate(parts) if part == "tests")
    return "/".join(parts[start - 1 :])
