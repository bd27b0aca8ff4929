# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness test --bisect``: names the tests that make another one fail."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import join
from typing import Final

from harness.context import Context
from harness.errors import ExitCode, HarnessError, UsageError
from harness.model import Isolation, TestResult
from harness.output import Console
from harness.plan import Manner, Step
from harness.quantities import duration
from harness.reports import record, suspects
from harness.reports.figures import BAD, plain, plural
from harness.reports.suspects import RecordedTest
from harness.results import Finished
from harness.run import preparing, servers
from harness.store import Run

LOG: Final = "bisect.log"


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the recorded run says of how to run the test again."""

    words: tuple[str, ...]
    series: str
    isolation: Isolation | None
    runner: str


def find(context: Context, suite: str, name: str) -> RecordedTest:
    """The test in the newest report that has it; raises `UsageError` without any."""
    top = context.config.root / context.config.reports
    places = sorted(top.glob(f"2*/{record.FILE}"), reverse=True)
    for path in places:
        try:
            cases = suspects.matching(record.load(path.parent), suite, name)
        except HarnessError:
            continue
        keys = {case.key: None for case in cases}
        if len(keys) > 1:
            raise UsageError(
                f"{name!r} may be {len(keys)} tests: {', '.join(list(keys)[:5])}",
                checked=str(path),
                remedy="give the whole id",
            )
        if cases:
            return cases[0]
    raise UsageError(
        f"no report of the suite {suite} has the test {name!r}",
        checked=f"{len(places)} reports in {top}",
        remedy=f"run it first, with all that may disturb it: harness test {suite}",
    )


def given(case: RecordedTest, words: tuple[str, ...]) -> Given:
    """How it ran; `words` are those of the command line."""
    step = case.step
    tested = dict.fromkeys(test.module for test in step.tests)
    kinds = dict.fromkeys((*case.before, case.key))
    modules = [name for name in tested if any(k.startswith(f"{name}/") for k in kinds)]
    return Given(
        words=words or tuple(modules),
        series=step.series,
        isolation=Isolation(step.isolation) if step.isolation else None,
        runner=step.runner,
    )


def line(context: Context, step: Step, words: Sequence[str]) -> list[str]:
    """The command that runs `step` as it is run here, without its tests."""
    config = context.config
    table = config.suite[step.suite]
    made = ["harness", "test", step.suite, *words]
    if table.kind == "tryton":
        made += ["--series", step.series]
    if step.isolation != table.isolation:
        made += ["--isolation", str(step.isolation)]
    if step.runner != table.runner:
        made += ["--in", step.runner]
    settings = {"database.server": config.database.server, "profile": config.profile}
    for key, value in settings.items():
        if config.source_of(key).startswith("--"):
            made += [f"--{key.partition('.')[0]}", value]
    return made


def run(context: Context, step: Step, case: RecordedTest, line: Sequence[str]) -> int:
    """Find what makes the test fail; `step` runs it, `line` is the command so far."""
    context.console.info(
        f"{plain(case.test.id)}: {case.test.outcome} in run {case.run}, on worker"
        f" {case.worker}, after {plural(len(case.before), 'test')}"
    )
    with Run(context.store) as current, ExitStack() as stack:
        top = context.config.root / context.config.reports
        directory = top / current.id
        directory.mkdir(parents=True)
        if step.database != "sqlite":  # one server for all probes
            server = servers.server(context, step.database)
            server.start()
            stack.callback(server.stop)
        log = stack.enter_context((directory / LOG).open("a", encoding="utf-8"))
        quiet = replace(context, console=Console(log, {}))
        prober = Prober(context, quiet, current, step, case, directory)
        return _verdict(context, case, prober, line)


@dataclass
class Prober:
    """Runs the test after some others, each time in a new process and database."""

    context: Context
    quiet: Context
    current: Run
    step: Step
    case: RecordedTest
    directory: Path
    number: int = 0
    needed: tuple[str, ...] = ()
    """What always runs before it."""
    known: dict[tuple[str, ...], TestResult] = field(default_factory=dict)

    def fails(self, before: Sequence[str]) -> bool:
        """Whether it fails after these, in their order."""
        chosen = {*before, *self.needed}
        names = tuple(one for one in self.case.before if one in chosen)
        if names not in self.known:
            self.known[names] = self._probe(names)
        return self.known[names].outcome in BAD

    def _probe(self, names: tuple[str, ...]) -> TestResult:
        self.number += 1
        began = time.monotonic()
        done = self._run(names)
        found = sorted(
            (test for test in done.result.tests if suspects.key(test) == self.case.key),
            key=lambda test: test.outcome not in BAD,  # a subtest that failed, first
        )
        if not found:
            raise _not_run(self.case, done, self.directory / LOG)
        seconds = duration(time.monotonic() - began)
        after = f"after {len(names)} of {len(self.case.before)}" if names else "alone"
        words = " ".join(plain(found[0].message).split())[:100]
        self.context.console.info(
            f"{self.number:>3}. {after}: {found[0].outcome} in {seconds}"
            + (f": {words}" if words else "")
        )
        return found[0]

    def _run(self, names: tuple[str, ...]) -> Finished:
        place = self.directory / str(self.number)
        place.mkdir()
        manner = Manner(exact=(*names, self.case.key))
        step = replace(self.step, manner=manner, workers=1, coverage=False, shard="")
        step = replace(step, options=(*step.options, "--maxfail=0"))
        with (self.directory / LOG).open("ab") as log:
            done = preparing.make(self.quiet, self.current, step, place).run(output=log)
        if done.interrupted:
            raise KeyboardInterrupt
        return done


def _not_run(case: RecordedTest, done: Finished, log: Path) -> HarnessError:
    for error in done.errors:
        return error
    return UsageError(
        f"the test {case.key} is not there any more",
        checked=f"the log {log}",
        remedy="run the suite again, and give an id of that run",
    )


def _verdict(
    context: Context, case: RecordedTest, prober: Prober, line: Sequence[str]
) -> int:
    console = context.console
    if prober.fails(()):
        if not case.own or prober.fails(case.own):
            console.info("verdict: it fails alone; no other test has to do with it")
            console.info(_again(line, (case.key,)))
            return ExitCode.FAILS_ALONE
        prober.needed = case.own
        count = plural(len(case.own), "test")
        console.info(f"it needs {count} of its own class, and passes after them")
    others = tuple(one for one in case.before if one not in prober.needed)
    if not others:
        console.info("verdict: it does not fail, and nothing ran before it")
        console.info(f"to find more: {join(line)} --random-order --jobs 1")
        return ExitCode.DOES_NOT_FAIL
    if not prober.fails(others):
        count = plural(len(case.before), "test")
        console.info(f"verdict: it does not fail, alone or after the {count}")
        console.info("it may depend on time, on chance, or on what other workers do")
        return ExitCode.DOES_NOT_FAIL
    found = suspects.minimal(others, prober.fails)
    prober.known.clear()  # once more, for chance may have had a hand in it
    if not prober.fails(found) or prober.fails(()):
        console.info("verdict: it does not fail each time: chance has a hand in it")
        return ExitCode.DOES_NOT_FAIL
    return _named(console, case, found, prober.needed, line)


def _named(
    console: Console,
    case: RecordedTest,
    found: Sequence[str],
    needed: Sequence[str],
    line: Sequence[str],
) -> int:
    chosen = {*found, *needed}
    names = tuple(one for one in case.before if one in chosen)
    who = "this test makes" if len(found) == 1 else f"these {len(found)} together make"
    console.info(f"verdict: {who} {plain(case.key)} fail:")
    for one in found:
        console.info(f"  {plain(one)}")
    console.info(_again(line, (*names, case.key)))
    return ExitCode.OK


def _again(line: Sequence[str], keys: Sequence[str]) -> str:
    exact = [word for one in keys for word in ("--exactly", one)]
    return f"to see it: {join([*line, *exact])}"
