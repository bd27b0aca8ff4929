# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found, as tables for people and as JSON."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import timing
from leases import BUSY, HOLDS, Latencies
from ours import Utilisation
from timing import Row, Timed

from harness.output import Console

BARS = {"harness, warm": 1 / 20, "harness, cold": 1 / 3, "harness, touched": 1 / 6}
"""Largest share of (a) by the name of a row; benchmarks/README.md names them."""
P50, P95 = 0.002, 0.020
OVERHEAD = 1.0
UTILISATION = 0.85
WORKERS = 1.5
"""How many times as fast as stock pytest-xdist's cold workers ours have to be."""
SHOWN = 10
"""Tests with different outcomes that are named."""


@dataclass(kw_only=True)
class Findings:
    """All that one run of the benchmark measured."""

    test: str
    header: Mapping[str, str] = field(default_factory=dict)
    timed: dict[tuple[str, str, str], list[Timed]] = field(default_factory=dict)
    leases: Latencies | None = None
    utilisation: list[Utilisation] = field(default_factory=list)

    def add(self, part: str, name: str, database: str, done: Timed) -> None:
        """One round of a row."""
        self.timed.setdefault((part, name, database), []).append(done)

    def rows(self) -> Iterator[Row]:
        """The rows in the order of the parts."""
        for (part, name, database), rounds in sorted(
            self.timed.items(), key=lambda item: item[0][0]
        ):
            yield Row(
                part=part,
                name=name,
                database=database,
                seconds=tuple(done.seconds for done in rounds),
                outcomes=rounds[-1].outcomes,
                bar=BARS.get(name, 0.0),
            )

    def median(self, part: str, name: str = "") -> float:
        """The median of a row's rounds; 0 when it was not measured."""
        return next(
            (
                row.median
                for row in self.rows()
                if row.part == part and name in {"", row.name}
            ),
            0.0,
        )


def show(found: Findings, console: Console) -> None:
    """All tables, then the bars."""
    console.info("")
    _times(found, console)
    _equal(found, console)
    if found.leases:
        console.info("")
        _latencies(found.leases, console)
    bars = list(_bars(found))
    if bars:
        console.info("")
        console.table(bars, ("bar", "asked", "measured", "met"))


def _times(found: Findings, console: Console) -> None:
    base = found.median("a")
    rows = []
    for row in found.rows():
        passed, failed = timing.counts(row.outcomes)
        timed = row.part != "e" and base
        rows.append(
            (
                row.part,
                row.name,
                row.database,
                f"{row.median:.2f}",
                f"{min(row.seconds):.2f}–{max(row.seconds):.2f}",
                _share(row.median / base) if timed else "",
                passed,
                failed,
            )
        )
    headers = (
        "part", "what", "database", "median s", "min–max", "of (a)", "passed", "failed",
    )  # fmt: skip
    if rows:
        console.table(rows, headers)


def _share(ratio: float) -> str:
    return f"1/{1 / ratio:.1f}" if ratio < 1 else f"{ratio:.2f}×"


def _equal(found: Findings, console: Console) -> None:
    """Compare ours with plain on the same kind of database, test by test."""
    rows = list(found.rows())
    plain = {row.part: row for row in rows if row.part in {"a", "b", "b2"}}
    for row in rows:
        if row.part != "c":
            continue
        wanted = ("a",) if row.database == "sqlite" else ("b2", "b", "a")
        part = next((one for one in wanted if one in plain), None)
        if part is None:
            continue
        peer = plain[part].outcomes
        different = sorted(
            test
            for test in {*peer, *row.outcomes}
            if peer.get(test) != row.outcomes.get(test)
        )
        console.info(
            f"outcomes equal: {'no' if different else 'yes'}"
            f" ({row.name} on {row.database}, and ({part}) on {plain[part].database})"
        )
        for test in different[:SHOWN]:
            console.info(
                f"  {test}: {row.outcomes.get(test, 'not run')},"
                f" plain: {peer.get(test, 'not run')}"
            )
        if different[SHOWN:]:
            console.info(f"  and {len(different) - SHOWN} more")


def _latencies(found: Latencies, console: Console) -> None:
    rows = []
    for key, values in found.seconds.items():
        what, count, hold, busy = key
        figures = [timing.percentile(values, share) for share in (0.5, 0.95, 1.0)]
        kinds = ", ".join(f"{n} {kind}" for kind, n in found.kinds[key].most_common())
        held = ("at once" if hold == 0 else f"{hold:g} s") if what == "lease" else ""
        rows.append(
            (
                what,
                count,
                held,
                f"{busy} busy" if busy else "idle",
                *(f"{value * 1000:.2f}" for value in figures),
                kinds,
            )
        )
    headers = (
        "what", "in a run", "held", "machine", "p50 ms", "p95 ms", "max ms", "clones",
    )  # fmt: skip
    console.table(rows, headers)


def _bars(found: Findings) -> Iterator[tuple[str, str, str, str]]:
    base = found.median("a")
    for row in found.rows():
        if row.bar and base:
            yield _bar(
                f"{row.name} on {row.database}, of (a)",
                f"≤ {_share(row.bar)}",
                _share(row.median / base),
                row.median <= row.bar * base,
            )
    values = found.leases.seconds["lease", 100, HOLDS[0], BUSY] if found.leases else []
    for name, share, most in (("p50", 0.5, P50), ("p95", 0.95, P95)):
        if values:
            value = timing.percentile(values, share)
            yield _bar(
                f"lease {name} (100 leases, busy)",
                f"≤ {most * 1000:g} ms",
                f"{value * 1000:.2f} ms",
                value <= most,
            )
    bare = found.median("e", "plain pytest, ready database")
    for name in ("harness, server kept", "harness, server started"):
        if bare:
            more = found.median("e", name) - bare
            yield _bar(
                f"overhead, {name[9:]}", f"≤ {OVERHEAD:g} s", f"{more:.2f} s",
                more <= OVERHEAD,
            )  # fmt: skip
    ours = found.median("w", "harness, two workers")
    if ours:
        ratio = found.median("w", "pytest -n 2") / ours
        yield _bar(
            "two workers, beside pytest -n 2", f"≥ {WORKERS:g}×", f"{ratio:.2f}×",
            ratio >= WORKERS,
        )  # fmt: skip
    if found.utilisation:
        middle = sorted(found.utilisation, key=lambda one: one.ours)
        one = middle[len(middle) // 2]
        passed, failed = timing.counts(one.outcomes)
        yield _bar(
            f"utilisation, 10 modules in {one.seconds:.1f} s"
            f" ({passed} passed, {failed} failed)",
            f"≥ {UTILISATION:.0%}",
            f"{one.ours:.1%} (machine {one.machine:.1%})",
            one.ours >= UTILISATION and passed > failed,
        )


def _bar(name: str, asked: str, measured: str, met: bool) -> tuple[str, str, str, str]:
    return name, asked, measured, "yes" if met else "NO"


def write(found: Findings, path: Path) -> None:
    """All figures, unrounded, as JSON."""
    latencies = found.leases.seconds if found.leases else {}
    document = {
        "header": dict(found.header),
        "rows": [{**asdict(row), "median": row.median} for row in found.rows()],
        "leases": [
            {
                "what": what,
                "count": count,
                "hold": hold,
                "busy": busy,
                "seconds": values,
            }
            for (what, count, hold, busy), values in latencies.items()
        ],
        "utilisation": [asdict(one) for one in found.utilisation],
        "bars": list(_bars(found)),
    }
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
