# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.chaos``: kills, edits, full disks and wicked tests, for a time.

Prints one table (trials, wrong, leaked, hung) and what was found below it; the exit
code is 1 if there is anything.  The same seed tries the same in the same order, as far
as the machine's own moments allow.  The environment and the templates are made before
the time begins, if a trial needs them; one that would likely end after it is not begun.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from tests.chaos import disks, edits, kills, resets, suites, traced
from tests.chaos.ground import FIRST, ROOT, Ground
from tests.chaos.table import Row, details, text
from tests.chaos.traced_source import SourceGround

Trial = Callable[[Any, Random, dict[str, Row]], None]
TRIALS: dict[str, tuple[Trial, float]] = {
    "kill": (kills.kill, 32.0),
    "kill all": (kills.kill_all, 1.5),
    "removal": (kills.kill_removal, 1.5),
    "edit": (edits.edit, 1.5),
    "full": (disks.full, 2.5),
    "suite": (suites.trick, 9.0),
    "exact": (edits.exact, 1.0),
    "traced": (traced.trace, 1.0),
}
"""Each with its share of the time."""
RESET = "reset"
LONG = 600.0
RESETS = 1 / 5
"""The share of the fuzz of resets, which comes last."""


def say(*lines: str) -> None:
    """Write to whoever waits."""
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def main(argv: list[str]) -> int:
    """Run the campaign; the exit code."""
    options = _options(argv)
    seconds = options.seconds
    seed = options.seed if options.seed is not None else Random().randrange(10**6)
    random = Random(seed)
    say(f"chaos: {seconds:g} s, seed {seed}")
    began = time.monotonic()
    if options.source:
        return _source(SourceGround(options.place, options.source), random, seconds)
    ground = Ground(options.place)
    rows = _rows()
    only = options.only
    tricks = set(only or ()) & set(suites.names())
    for name in tricks and set(suites.names()) - tricks:
        rows[name].skipped = "not chosen"
    chosen = {
        name: trial
        for name, trial in TRIALS.items()
        if not only or name in only or (name == "suite" and tricks)
    }
    if disks.why_not():
        chosen.pop("full", None)
    for server in ("sqlite", "local") if chosen else ():
        found = ground.prepare(server)
        if found:
            say("it does not even begin:", *found)
            return 1
    for name in suites.HANGS:
        row = rows[f"suite: {name}"]
        row.skipped = row.skipped or suites.why_not(ground)
    if chosen:
        say(f"  all is made after {time.monotonic() - began:.0f} s")
    _try(ground, random, chosen, rows, seconds * (1 - RESETS if not only else 1))
    ended = list(rows.values())
    if not only or RESET in only:
        ended.append(resets.run(seconds * (RESETS if len(chosen) else 1), seed))
    kills = sum(row.trials for row in ended if row.kind.startswith("kill"))
    say("", text(ended), "", *details(ended))
    say(f"{kills} kills, seed {seed}; logs in {ground.logs}")
    return int(any(row.count for row in ended))


def _source(ground: SourceGround, random: Random, seconds: float) -> int:
    """Nothing but edits of a copy of somebody's module; the exit code."""
    rows = {name: Row(kind=name) for name in traced.rows()}
    ground.limit = FIRST
    _try(ground, random, {"traced": (traced.copied, 1.0)}, rows, seconds)
    say("", text(list(rows.values())), "", *details(list(rows.values())))
    return int(any(row.count for row in rows.values()))


def _try(
    ground: Ground,
    random: Random,
    chosen: Mapping[str, tuple[Trial, float]],
    rows: dict[str, Row],
    seconds: float,
) -> None:
    """Trials in turn, by their share of the time, until it is over."""
    clock = ground.clock
    deadline = clock.now() + seconds
    spent = dict.fromkeys(chosen, 0.0)
    longest = dict.fromkeys(chosen, 0.0)
    while True:
        rest = deadline - clock.now()
        shares = {k: spent[k] / chosen[k][1] for k in chosen if longest[k] <= rest}
        if not shares or rest <= 0:
            return
        name = min(shares, key=lambda one: (shares[one], random.random()))
        began, paused = clock.now(), clock.paused
        at = {kind: row.at() for kind, row in rows.items()}
        ground.write()
        chosen[name][0](ground, random, rows)
        took = clock.now() - began
        spent[name] += took
        longest[name] = max(longest[name], took)
        trials = sum(row.trials for row in rows.values())
        bad = sum(row.count for row in rows.values())
        say(f"  {trials} trials, {bad} bad; {name} took {took:.1f} s")
        if clock.paused > paused:
            say(f"  not judged: we were stopped for {clock.paused - paused:.0f} s")
            for kind, row in rows.items():
                row.back(at[kind])


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=LONG)
    parser.add_argument("--seed", type=int)
    kinds = [*TRIALS, RESET, *suites.names()]
    parser.add_argument("--only", action="append", choices=kinds, metavar="KIND")
    more = "the edits of a copy of somebody's Tryton module in this directory, only"
    parser.add_argument("--source", type=Path, metavar="DIRECTORY", help=more)
    parser.add_argument("--place", type=Path, default=ROOT / ".harness" / "chaos")
    return parser.parse_args(argv)


def _rows() -> dict[str, Row]:
    names = [f"kill {kind}" for kind in kills.KINDS]
    names += ["kill all at once", "kill in removal", "edit during build"]
    names += [f"full {place}" for place in disks.PLACES]
    names += [*suites.names(), "exact template", *traced.rows()]
    rows = {name: Row(kind=name) for name in names}
    for place in disks.PLACES:
        rows[f"full {place}"].skipped = disks.why_not()
    return rows


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
