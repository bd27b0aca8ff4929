# SPDX-License-Identifier: GPL-3.0-or-later
"""``--affected``: runs the tests of a step whose trace does not hold any more.

Whether a trace holds is decided here, before pytest starts; the plugin
(`harness.plugins.tracing`) leaves tests out by their keys, and writes new traces.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from harness.errors import ExitCode, GateFailed
from harness.output import Console
from harness.plugins.trace.facts import Now
from harness.plugins.trace.names import names_of
from harness.quantities import counted
from harness.results import Finished
from harness.run import distant, traces
from harness.run.expecting import Expecting
from harness.run.given import GivenFacts, configuring
from harness.store import Run
from harness.template.layer import Layer
from harness.template.layers import Layers

PLUGIN = "harness.plugins.tracing"
COLLECTED = "collected.json"
SHOWN = 8
"""Reasons that are printed, with the number of their tests."""


@dataclass(frozen=True, kw_only=True)
class Collected:
    """Tests that were found, by id, file and key, and the keys of those left out."""

    tests: tuple[tuple[str, str, str], ...] = ()
    gone: tuple[str, ...] = ()


class Affected:
    """What a step does for ``--affected``; nothing where that was not asked for."""

    def __init__(self, current: Run, expecting: Expecting) -> None:
        self.context = expecting.context
        self.step = expecting.step
        self.environment = expecting.environment
        self.given = GivenFacts(expecting)
        self.run = current.id
        self.directory = current.scratch() / f"traces-{self.step.name}"
        """Where processes note what they have seen; it goes with the run."""
        self.why_not = self._why_not() if self.step.affected else ""
        """Why this step cannot be traced."""
        self.active = bool(self.step.affected) and not self.why_not
        self.left: Collection[str] | None = None
        """Keys of tests that are left out; None: it is decided when they start."""
        self.known = traces.TraceFile()
        self.reasons: dict[str, list[str]] = {}
        self.stale: dict[traces.Fact, str] = {}
        """Facts that are others now."""
        self.now: Now | None = None

    def _why_not(self) -> str:
        if self.context.config.suite[self.step.suite].servers:
            return "what servers beside the tests do is not traced"
        if distant.hosts(self.context, self.step):
            return "what runs on another machine is not traced"
        return ""

    @property
    def path(self) -> Path:
        """The file of the suite's traces."""
        config = self.context.config
        python = self.environment.interpreter.name
        words = [str(config.root), config.profile, self.step.database, python]
        if self.step.runner == "image":
            words += ["image", config.suite[self.step.suite].image]
        digest = sha256("\0".join(words).encode("utf-8", "surrogateescape"))
        name = f"{self.step.suite}-{self.step.series}-{digest.hexdigest()[:12]}.json"
        return self.context.store.path / traces.DIRECTORY / name

    def options(self, env: Mapping[str, str], layers: Layers) -> list[str]:
        """What is to run, as options of pytest."""
        if self.why_not and self.left is None:
            self.context.console.warn(f"--affected: {self.why_not}: all tests run")
        if not self.active:
            return []
        env = self.given.side.environ(env)
        if self.left is None:
            self.decide(env, layers)
            checked = self.step.affected == "check"
            if self.step.coverage and not checked:
                from harness.run import carried  # with the package coverage

                missing = carried.unknown(self.path, self.known.tests)
                self.reasons = {**missing, **self.reasons}
            self._say()
            self.left = [] if checked else self.unchanged()
        return self._order(self.left, env)

    def decide(
        self, env: Mapping[str, str], layers: Layers, *, failed: bool = True
    ) -> None:
        """Find the `reasons` for what is to run, of what is `known`.

        That a test has `failed` may be one.
        """
        self.known = traces.load(self.path)
        if self.known.trouble:
            self.context.console.warn(
                f"{self.path} is {self.known.trouble}: all tests are traced anew"
            )
        tests = self.known.tests
        names = {name for test in tests.values() for name, _ in test.needs}
        self.now = self.now or Now(
            str(self.context.config.root.resolve()),
            own=names_of(self._sources()),
            cache=str(self.context.store.path / traces.CODE),
        )
        self.now.environ, self.now.given = env, self.given.now(names, layers)
        self.stale = traces.stale(tests, self.now)
        self.reasons = traces.reasons(tests, self.now, self.stale, failed=failed)

    def unchanged(self) -> list[str]:
        """Keys of the tests whose trace holds."""
        return [key for key in self.known.tests if key not in self.reasons]

    def _order(self, left: Iterable[str], env: Mapping[str, str]) -> list[str]:
        config, store = self.context.config, self.context.store
        given, side = Now("", environ=env), self.given.side
        package = Path(__file__).parents[1]
        places = (store.path, config.root / config.reports, package)
        apart = [str(one) for one in (*places, self.environment.path)]
        order = {
            "root": str(config.root),
            "sources": side.paths(self._sources()),
            "apart": [*dict.fromkeys([*apart, *side.paths(apart)])],
            "cache": str(store.path / traces.CODE),
            "unchanged": list(left),
            "directory": str(self.directory),
            "collected": str(self.directory / COLLECTED),
            "files": side.paths(self._configuration()),
            "run": self.run,
            "environ": {name: given.digest(f"variable {name}") for name in env},
        }
        self.directory.mkdir()
        path = self.directory / "order.json"
        path.write_text(json.dumps(order), "utf-8")
        return ["-p", PLUGIN, f"--harness-trace={path}"]

    def _sources(self) -> list[str]:
        return [str(self.context.sources[name].path) for name in self.step.sources]

    def _configuration(self) -> list[str]:
        """The file that configures pytest, or would."""
        source = self.step.source
        return list(map(str, configuring(source.path))) if source else []

    def _say(self) -> None:
        """What is known of the tests before they run."""
        console, known = self.context.console, len(self.known.tests)
        if not known:
            console.info("affected: no test is traced yet: all run")
        else:
            head = f"affected: {len(self.reasons)} of {known} traced tests"
            checked = ", all run" if self.step.affected == "check" else ""
            console.info(f"{head}{checked}")
            _show(console, self.reasons)

    # -- after the run -------------------------------------------------------

    def learn(
        self,
        finished: Finished,
        layers: Iterable[Layer],
        serving: Callable[[Layer], str],
    ) -> Finished:
        """Remember what the tests depended on; the step's result with that in mind."""
        if not self.active:
            return finished
        told = self.collected()
        there = {key for *_, key in told.tests}
        vanished = [key for key in self.reasons if there and key not in there]
        self.record(finished, self.run, layers, serving, vanished)
        if self.step.coverage:
            self._carry(told, finished)
        reported = finished.junit.parent / traces.REPORTED
        reported.mkdir(exist_ok=True)
        for path in self.path.parent.glob(f"{self.path.stem}.[cj]*"):
            shutil.copyfile(path, reported / path.name)
        self._tell(told, finished)
        tests = finished.result.tests
        wrong = traces.missed(self.known.tests, self.reasons, tests)
        return judged(
            finished,
            gone=bool(told.gone),
            wrong=wrong if self.step.affected == "check" else [],
        )

    def record(
        self,
        finished: Finished,
        run: str,
        layers: Iterable[Layer],
        serving: Callable[[Layer], str],
        vanished: Iterable[str],
    ) -> None:
        """Write what the tests depended on; nothing more of those that `vanished`.

        `serving` has the digest of the template that serves for a layer.
        """
        imported = traces.packages(self.directory)
        given = self.given.settings() | self.given.then(imported, layers, serving)
        results, here = finished.result.tests, self.given.side.fact
        found = traces.traced(self.directory, run, results, given, here)
        traces.merge(self.path, found, vanished)
        traces.prune(self.context.store.directory(traces.CODE))

    def _carry(self, told: Collected, finished: Finished) -> None:
        """Keep what the tests have covered; what those left out had is a part, too."""
        from harness.run import carried

        known, place = traces.load(self.path).tests, finished.junit.parent / "coverage"
        parts = {*place.glob(f"{self.step.name}.*")}.difference(place.glob("*.rc"))
        try:
            carried.keep(self.path, parts, known, self.run, self.given.side.path)
            if told.gone:
                left = {key: known[key] for key in told.gone if key in known}
                carried.carry(self.path, left, place / f"{self.step.name}.carried")
        except carried.BROKEN as error:
            self.context.console.warn(
                f"coverage is that of the tests that ran, not of the whole: {error}"
            )

    def collected(self) -> Collected:
        """What was collected; nothing where that came to no end."""
        try:
            found = json.loads((self.directory / COLLECTED).read_text("utf-8"))
        except (OSError, ValueError):
            return Collected()
        return Collected(tests=tuple(found["tests"]), gone=tuple(found["gone"]))

    def _tell(self, told: Collected, finished: Finished) -> None:
        """What ran and why, and what did not."""
        console, known = self.context.console, self.known.tests
        runs = Counter(known[key].run for key in told.gone if key in known)
        more = "; their coverage is carried over" if self.step.coverage else ""
        for run, count in sorted(runs.items()):
            console.info(
                f"unchanged since run {run}: {counted(count, 'test')}, not run{more}"
            )
        ran = [key for *_, key in told.tests if key not in set(told.gone)]
        why = {key: self.reasons.get(key) or [self._else(key)] for key in ran}
        if told.gone and why:
            path = finished.junit.with_name(f"{self.step.name}.affected.txt")
            lines = [f"{key}: {'; '.join(texts)}\n" for key, texts in why.items()]
            path.write_text("".join(lines), "utf-8")
            others = {key: why[key] for key in why if key not in self.reasons}
            _show(console, others)
            console.info(f"why each ran: {path}")

    def _else(self, key: str) -> str:
        if key in self.known.tests:
            return "shares a database, or its order, with one of these"
        return "never traced"


def judged(finished: Finished, *, gone: bool, wrong: list[str]) -> Finished:
    """The result of a step that has left tests out, or would have been wrong to.

    No test at all is right where all are unchanged.
    """
    nothing = finished.code == ExitCode.NOTHING_SELECTED and not finished.errors
    code, errors = finished.code, finished.errors
    if wrong:
        error = GateFailed(
            f"--affected would have missed {counted(len(wrong), 'test')} that came out"
            " otherwise",
            checked="\n".join(wrong),
            remedy="unless they are flaky, their trace misses something:"
            " docs/affected.md",
        )
        code, errors = max(code, error.code), (*errors, error)
    elif gone and nothing and not finished.result.tests:
        code = ExitCode.OK
    result = replace(finished.result, exit_code=code)
    return replace(finished, code=code, result=result, errors=errors)


def _show(console: Console, reasons: Mapping[str, list[str]]) -> None:
    """How many tests there are for each reason, the first of each."""
    first = Counter(texts[0] for texts in reasons.values())
    for text, count in first.most_common(SHOWN):
        console.info(f"  {count:>4} × {text}")
    if len(first) > SHOWN:
        console.info(f"       … and {counted(len(first) - SHOWN, 'more reason')}")
