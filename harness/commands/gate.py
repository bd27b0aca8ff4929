# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness gate``: change → selection → parts → coverage → table → verdict."""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from harness.ci import matrix
from harness.context import Context
from harness.errors import ExitCode, HarnessError, UsageError
from harness.gate import gather, judging, outcome, parts
from harness.gate.base import HEADERS, Row, Status, Verdict
from harness.gate.gather import Data
from harness.gate.judging import GateRequest
from harness.gate.parts import CHANGED, WHOLE, Part, Tools
from harness.gate.run import Gate
from harness.options import meant
from harness.quantities import duration
from harness.reports.files import replace as write
from harness.run.publish import publish
from harness.selection import changes, choice, decisions
from harness.selection.choice import Chosen
from harness.selection.decisions import Selection
from harness.store import Run, noting

KNOWN = "gate.json"
"""Seconds that parts took, in the state directory."""
TAIL = 20
"""Lines of a red part's output that are shown."""


def run(context: Context, asked: GateRequest, *, show: bool, as_json: bool) -> int:
    """Run what a merge needs; raises `GateFailed` when it says no."""
    names = _names(context)
    _check_names(asked, names)
    chosen = choice.select(
        context, since=asked.since, full=asked.full, event=asked.event
    )
    chosen = replace(chosen, selection=_narrowed(context, asked, chosen.selection))
    if show:
        return _show(context, chosen, as_json=as_json)
    choice.show(context, chosen)
    with Run(context.store) as current:
        directory = context.config.root / context.config.reports / current.id
        directory.mkdir(parents=True)
        work = _gather if asked.judge else _execute
        verdict = work(context, asked, current, chosen, directory)
        return _report(context, current, chosen, verdict, directory)


def _names(context: Context) -> list[str]:
    """All rows in the order of the table."""
    config = context.config
    judged = ((WHOLE, config.gate.coverage), (CHANGED, config.gate.changed))
    return [*config.check, *config.suite, *(name for name, least in judged if least)]


def _check_names(asked: GateRequest, names: list[str]) -> None:
    for name in (*asked.only, *asked.skip):
        if name not in names:
            raise UsageError(
                f"the gate has no part {name!r}",
                checked=f"its parts are {', '.join(names) or 'none'}",
                remedy=meant(name, names) or "harness gate --list",
            )


def _narrowed(context: Context, asked: GateRequest, selection: Selection) -> Selection:
    """Without what was left out by hand; with all that was named."""
    config = context.config
    checks, suites = dict(selection.checks), dict(selection.suites)
    if asked.only:
        named = dict.fromkeys(asked.only, "--only")
        judged = {WHOLE, CHANGED}.intersection(asked.only)
        measuring = {name for name, one in config.check.items() if one.measures}
        checks = {
            name: named.get(name) or selection.checks[name]
            for name in config.check
            if name in named or (judged and name in measuring and name in checks)
        }
        suites = {
            name: named.get(name) or selection.suites[name]
            for name in config.suite
            if name in named or (judged and name in suites)
        }
    if asked.quick:
        checks = {name: why for name, why in checks.items() if config.check[name].quick}
        suites = {}
    whole = decisions.words(config, context.graph)
    return replace(
        selection,
        words={name: selection.words.get(name, whole.get(name, ())) for name in suites},
        checks={name: why for name, why in checks.items() if name not in asked.skip},
        suites={name: why for name, why in suites.items() if name not in asked.skip},
    )


def _show(context: Context, chosen: Chosen, *, as_json: bool) -> int:
    selection = chosen.selection
    jobs = matrix.jobs(context.config, selection)
    if as_json:
        document = {
            "base": chosen.base,
            "selection": selection.document(),
            "jobs": [job.document() for job in jobs],
        }
        context.console.info(json.dumps(document, indent=2))
        return ExitCode.OK
    choice.show(context, chosen)
    made = _parts(context, selection, _tools(context, Path(context.config.reports)))
    rows = [(one.name, one.why, "; ".join(one.pasted)) for one in made]
    if rows:
        context.console.table(rows, ("part", "needed, since", "command"))
    return ExitCode.OK


def _tools(context: Context, directory: Path) -> Tools:
    return Tools(
        python=sys.executable,
        root=context.config.root,
        program=context.config.gate.program,
        directory=directory,
    )


def _parts(context: Context, selection: Selection, tools: Tools) -> tuple[Part, ...]:
    known = context.store.read(KNOWN)
    known = known if isinstance(known, dict) else {}
    here = known.get(str(context.config.root), {})
    return parts.make(context.config, selection, context.graph, tools, here)


def _execute(
    context: Context, asked: GateRequest, current: Run, chosen: Chosen, directory: Path
) -> Verdict:
    """Run all parts; what has ended is written also when they are interrupted."""
    tools = _tools(context, directory / "parts")
    made = _parts(context, chosen.selection, tools)
    gate = Gate(
        tools=tools,
        environ=_environ(context),
        announce=lambda title: context.console.step(title, ticker=True),
        jobs=context.config.gate.jobs or max(2, (os.cpu_count() or 2) // 2),
        fail_fast=asked.fail_fast,
        flaky=context.config.gate.flaky,
    )
    try:
        gate.run(made)
    except BaseException:
        verdict = Verdict(rows=tuple(_rows(context, asked, gate.rows)))
        _write(context, current, chosen, verdict, directory)
        raise
    data = Data(files={part.name: (part.data,) for part in made if part.data})
    judged = judging.judge(context, asked, chosen, made, gate.rows, data)
    verdict = Verdict(rows=tuple(_rows(context, asked, {**gate.rows, **judged})))
    with noting([]):  # it is history only
        _learn(context, verdict)
    return verdict


def _gather(
    context: Context, asked: GateRequest, current: Run, chosen: Chosen, directory: Path
) -> Verdict:
    """The same from what the jobs of CI left."""
    jobs = matrix.jobs(context.config, chosen.selection)
    places = gather.find(asked.judge)
    made = _parts(context, chosen.selection, _tools(context, directory / "parts"))
    ended = gather.rows(
        jobs,
        places,
        flaky=context.config.gate.flaky,
        measuring={part.name for part in made if part.data},
    )
    data = gather.data(jobs, places)
    judged = judging.judge(context, asked, chosen, made, ended, data)
    return Verdict(rows=tuple(_rows(context, asked, {**ended, **judged})))


def _environ(context: Context) -> dict[str, str]:
    config = context.config
    env = {k: v for k, v in context.environ.items() if k not in changes.LOCAL}
    env["HARNESS_DATABASE_SERVER"] = config.database.server
    return {**env, "HARNESS_PROFILE": config.profile} if config.profile else env


def _rows(
    context: Context, asked: GateRequest, ended: Mapping[str, Row]
) -> Iterator[Row]:
    """All rows in order: those that ended, those that were not needed, or left out."""
    out = bool(asked.only or asked.quick)
    for name in _names(context):
        if name in ended:
            yield ended[name]
        elif out or name in asked.skip:
            yield Row(name=name, status=Status.LEFT_OUT)
        else:
            yield Row(name=name, status=Status.UNNEEDED)


# -- the end -----------------------------------------------------------------


def _learn(context: Context, verdict: Verdict) -> None:
    known = context.store.read(KNOWN)
    known = known if isinstance(known, dict) else {}
    took = {
        row.name: row.seconds for row in verdict.rows if row.status is Status.PASSED
    }
    place = str(context.config.root)
    context.store.write(KNOWN, {**known, place: {**known.get(place, {}), **took}})


def _report(
    context: Context, current: Run, chosen: Chosen, verdict: Verdict, directory: Path
) -> int:
    for row in verdict.red:
        _tail(context, row)
    context.console.table(
        [
            (
                row.name,
                row.status,
                duration(row.seconds) if row.seconds else "",
                row.why,
            )
            for row in verdict.rows
        ],
        HEADERS,
    )
    errors: list[HarnessError] = []
    page = directory
    with noting(errors):  # the verdict is told in any case
        page = _write(context, current, chosen, verdict, directory)
    seconds = duration(time.time() - current.started)
    context.console.info(f"{verdict.sentence()} (in {seconds}; {page})")
    for error in errors:
        context.console.error(error)
    verdict.check(str(page))
    return errors[0].code if errors else ExitCode.OK


def _tail(context: Context, row: Row) -> None:
    """The end of a red part's output."""
    text = outcome.plain(judging.text(context.config.root / row.log)) if row.log else ""
    lines = text.rstrip().splitlines()
    if lines:
        cut = [f"… {row.log}"] if len(lines) > TAIL else []
        title = f"-- {row.name} " + "-" * max(0, 60 - len(row.name))
        context.console.info("\n".join([title, *cut, *lines[-TAIL:], ""]))


def _roots(context: Context, chosen: Chosen) -> dict[str, str]:
    """What checks measure, and its names here, for who judges elsewhere."""
    root, tables = context.config.root, context.config.check
    measured = (tables[check].measures for check in chosen.selection.checks)
    places = (judging.place(context, name) for names in measured for name in names)
    return {place: str(root / place) for place in places}


def _write(
    context: Context, current: Run, chosen: Chosen, verdict: Verdict, directory: Path
) -> Path:
    document = {
        "id": current.id,
        "command": context.line,
        "started": current.started,
        "seconds": round(time.time() - current.started, 2),
        "base": chosen.base,
        **verdict.document(),
        "roots": _roots(context, chosen),
        "selection": chosen.selection.document(),
    }
    write(directory / "gate.json", json.dumps(document, indent=2) + "\n")
    return publish(context, directory, "gate.json")
