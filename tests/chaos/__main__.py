# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.chaos``: kills, edits, full disks and wicked tests, for a time.

Prints one table (trials, wrong, leaked, hung) and what was found below it; the exit
code is 1 if there is anything.  The same seed tries the same in the same order, as far
as the machine's own moments allow.
"""

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.chaos import disks, edits, kills, suites
from tests.chaos.ground import ROOT, Ground
from tests.chaos.table import Row, details, text

Trial = Callable[[Ground, Random, dict[str, Row]], None]
TRIALS: dict[str, tuple[Trial, float]] = {
    "kill": (kills.kill, 16.0),
    "kill all": (kills.kill_all, 2.0),
    "removal": (kills.kill_removal, 2.0),
    "edit": (edits.edit, 2.0),
    "full": (disks.full, 2.5),
    "suite": (suites.trick, 5.0),
    "exact": (edits.exact, 1.0),
}
"""Each with its share of the time."""
LONG, SHORT = 600.0, 75.0


def say(*lines: str) -> None:
    """Write to whoever waits."""
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def main(argv: list[str]) -> int:
    """Run the campaign; the exit code."""
    options = _options(argv)
    seconds = SHORT if options.short else options.seconds
    seed = options.seed if options.seed is not None else Random().randrange(10**6)
    random = Random(seed)
    say(f"chaos: {seconds:g} s, seed {seed}")
    ground = Ground(options.place)
    rows = _rows()
    chosen = {k: v for k, v in TRIALS.items() if not options.only or k in options.only}
    if disks.why_not():
        chosen.pop("full", None)
    for server in ("sqlite", "local"):
        ground.prepare(server)
        found = [one for several in ground.calm(server) for one in several]
        if found:
            say("it does not even begin:", *found)
            return 1
    deadline = time.monotonic() + seconds
    spent = dict.fromkeys(chosen, 0.0)
    while chosen and time.monotonic() < deadline:
        shares = {one: spent[one] / chosen[one][1] for one in chosen}
        name = min(shares, key=lambda one: (shares[one], random.random()))
        began = time.monotonic()
        ground.write()
        chosen[name][0](ground, random, rows)
        spent[name] += time.monotonic() - began
        _tell(rows, name, time.monotonic() - began)
    ground.write()
    ended = [*rows.values(), *_resets(seconds, seed)]
    say("", text(ended), "", *details(ended), f"seed {seed}; logs in {ground.logs}")
    return int(any(row.count for row in ended))


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=LONG)
    parser.add_argument("--short", action="store_true", help=f"{SHORT:g} seconds")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only", action="append", choices=list(TRIALS))
    parser.add_argument("--place", type=Path, default=ROOT / ".harness" / "chaos")
    return parser.parse_args(argv)


def _rows() -> dict[str, Row]:
    names = [f"kill {kind}" for kind in kills.KINDS]
    names += ["kill all at once", "kill in removal", "edit during build"]
    names += [f"full {place}" for place in disks.PLACES]
    names += [*suites.names(), "exact template"]
    rows = {name: Row(kind=name) for name in names}
    for place in disks.PLACES:
        rows[f"full {place}"].skipped = disks.why_not()
    return rows


def _resets(seconds: float, seed: int) -> list[Row]:
    """The fuzz of resets, where it is there: ``run(seconds, seed) -> Row``."""
    if importlib.util.find_spec("tests.chaos.resets") is None:
        return []
    from tests.chaos import resets  # type: ignore[attr-defined,unused-ignore]

    return [resets.run(seconds / 10, seed)]


def _tell(rows: dict[str, Row], name: str, took: float) -> None:
    trials = sum(row.trials for row in rows.values())
    bad = sum(row.count for row in rows.values())
    say(f"  {trials} trials, {bad} bad; {name} took {took:.1f} s")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
