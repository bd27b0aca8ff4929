# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a run: one file that opens from disk and asks no network."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.model import Outcome, RunResult, TestResult
from harness.quantities import size
from harness.reports import changes, figures, film, timeline, trend
from harness.reports.bytecode import Bytecode
from harness.reports.failures import alike, failures
from harness.reports.files import COVERED
from harness.reports.past import Past

SLOWEST: Final = 12
_HERE: Final = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Share:
    """A part of a bar: `style`, `seconds`, and its percent of the whole bar."""

    style: str
    seconds: float
    percent: float


@dataclass(frozen=True, kw_only=True)
class Slow:
    """One of the slowest tests, with what its time went into."""

    index: int
    test: TestResult
    shares: tuple[Share, ...]


def page(
    run: RunResult,
    *,
    directory: Path | None = None,
    past: Sequence[Past] = (),
    editor: str = "",
) -> str:
    """The whole page; failures come first, then flaky tests, then the others.

    Pictures among the evidence in `directory` are taken into the page; `past` are
    the runs before, the oldest first.  `editor` is an address with the place of a
    failure, ``{path}`` and ``{line}``.
    """
    order = {Outcome.FAILED: 0, Outcome.ERROR: 0, Outcome.FLAKY: 1}
    tests = sorted(run.tests, key=lambda one: (order.get(one.outcome, 2), one.started))
    rows = {id(test): index for index, test in enumerate(tests)}
    drawing = timeline.draw(run, tests)
    told = failures(run, rows, directory, past, editor)
    before = changes.last(trend.present(run), past)
    template = _environment().get_template("page.html.j2")
    script = (_HERE / "page.js").read_text("utf-8")
    return template.render(
        run=run,
        tests=tests,
        verdict=figures.verdict(run),
        reason=figures.reason(run),
        total=figures.counts("all", tests),
        modules=figures.modules(run),
        broken=figures.broken_steps(run),
        groups=alike(one for one in told if one.test.outcome in figures.BAD),
        changes=changes.of(before, trend.present(run)) if before else None,
        flaky=[one for one in told if one.test.outcome not in figures.BAD],
        timeline=drawing,
        names_width=_names_width(drawing),
        slowest=_slowest(run, rows),
        templates=figures.templates(run),
        leases=figures.leases(run),
        coverage_total=figures.coverage_total(run.coverage),
        coverage_link=f"{COVERED}/index.html",
        facts=_facts(run),
        trend=trend.of(run, past) if past else None,
        style=(_HERE / "page.css").read_text("utf-8"),
        script=script,
        script_digest=_digest(script),
    )


def _names_width(drawing: timeline.Timeline | None) -> int:
    """Pixels for the names of the lanes, of about seven each letter."""
    names = [lane.name for lane in drawing.lanes] if drawing else []
    return min(max([84, *(12 + 7 * len(name) for name in names)]), 220)


def _digest(script: str) -> str:
    """What the page's security policy allows to run: this script only."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _slowest(run: RunResult, rows: Mapping[int, int]) -> tuple[Slow, ...]:
    tests = figures.slowest(run, SLOWEST)
    longest = max((test.duration for test in tests), default=0.0) or 1.0
    return tuple(
        Slow(index=rows[id(test)], test=test, shares=_shares(test, longest))
        for test in tests
    )


def _shares(test: TestResult, longest: float) -> tuple[Share, ...]:
    """The lease wait is a part of the setup, so it is drawn apart from it."""
    phases = {
        name: test.phases.get(name, 0.0) for name in ("setup", "call", "teardown")
    }
    wait = min(test.waits, phases["setup"] or test.waits)
    parts = {"wait": wait, **phases}
    parts["setup"] = max(parts["setup"] - wait, 0.0)
    if not test.phases:
        parts["call"] = max(test.duration - wait, 0.0)
    return tuple(
        Share(style=name, seconds=seconds, percent=100 * seconds / longest)
        for name, seconds in parts.items()
        if seconds > 0
    )


def _facts(run: RunResult) -> dict[str, tuple[str, ...]]:
    """What the run was made of; a name may have several values."""
    steps = run.steps
    workers = {test.worker for test in run.tests}
    if len(workers) > 1:
        workers.discard("main")  # files that it could not collect
    facts = {
        "sources": tuple(dict.fromkeys(one for step in steps for one in step.sources)),
        "series": tuple(dict.fromkeys(step.series for step in steps)),
        "database": tuple(dict.fromkeys(step.database for step in steps)),
        "workers": (str(len(workers)),) if workers else (),
    }
    facts["order"] = (run.order,)
    facts["to run it again"] = (run.again if figures.reason(run) else "",)
    facts |= {name: (value,) for name, value in run.header.items()}
    return {
        name: tuple(value for value in values if value)
        for name, values in facts.items()
        if any(values)
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _parted(test_id: str) -> tuple[str, str]:
    """Path and classes of a test, and its own name with its parameters."""
    head, bracket, parameters = test_id.partition("[")
    mark = "::" if "::" in head else "." if "/" not in head else "/"
    path, separator, name = head.rpartition(mark)
    return path + separator, name + bracket + parameters


def _breakable(path: str) -> Markup:
    """Let a long path break where its parts end."""
    return Markup("<wbr>").join(re.split(r"(?<=/)|(?<=::)", path))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        bytecode_cache=Bytecode(Path(__file__)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "span": figures.span,
        "size": size,
        "plain": figures.plain,
        "moment": _moment,
        "iso": _iso,
        "parted": _parted,
        "breakable": _breakable,
    }
    environment.tests["part_of_film"] = film.is_part
    return environment
