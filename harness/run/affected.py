# SPDX-License-Identifier: GPL-3.0-or-later
"""``--affected``: runs the tests of a step whose trace does not hold any more.

Whether a trace holds is decided here, before pytest starts; the plugin
(`harness.plugins.tracing`) leaves tests out by their keys, and writes new traces.
"""

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from harness import __version__
from harness.errors import ExitCode, GateFailed, SourceError, UsageError
from harness.output import Console
from harness.plugins.trace.facts import Now
from harness.plugins.trace.names import names_of
from harness.results import Finished
from harness.run import distant, templates, traces
from harness.run.expecting import Expecting
from harness.runners import base
from harness.store import Run
from harness.template import finding, packages
from harness.template.layer import Layer, Request
from harness.template.layers import Layers

PLUGIN = "harness.plugins.tracing"
DIRECTORY = "traces"
CODE = "code"
"""Below it: skeletons and instrumented code, by what they are made of."""
COLLECTED = "collected.json"
SHOWN = 8
"""Reasons that are printed, with the number of their tests."""


class Affected:
    """What a step does for ``--affected``; nothing where that was not asked for."""

    def __init__(self, current: Run, expecting: Expecting) -> None:
        self.context = expecting.context
        self.step = expecting.step
        self.environment = expecting.environment
        self.requests = expecting.templates()
        self.directory = current.scratch() / f"traces-{self.step.name}"
        """Where processes note what they have seen; it goes with the run."""
        self.active = bool(self.step.affected) and not self._why_not()
        self.known = traces.TraceFile()
        self.reasons: dict[str, list[str]] = {}
        self.now = Now("")

    def _why_not(self) -> str:
        """Why this step cannot be traced; said once."""
        table = self.context.config.suite[self.step.suite]
        why = ""
        if self.step.runner == "image":
            why = "what runs inside an image is not traced"
        elif table.servers:
            why = "what servers beside the tests do is not traced"
        elif distant.hosts(self.context, self.step):
            why = "what runs on another machine is not traced"
        if why:
            self.context.console.warn(f"--affected: {why}: all tests run")
        return why

    @property
    def path(self) -> Path:
        """The file of the suite's traces."""
        config = self.context.config
        words = [str(config.root), config.profile, self.step.database]
        digest = sha256("\0".join(words).encode("utf-8", "surrogateescape"))
        name = f"{self.step.suite}-{self.step.series}-{digest.hexdigest()[:12]}.json"
        return self.context.store.path / DIRECTORY / name

    def options(self, env: Mapping[str, str], layers: Layers) -> list[str]:
        """Decide what is to run; pytest's options."""
        if not self.active:
            return []
        self.known = traces.load(self.path)
        self.directory.mkdir()
        names = {name for test in self.known.tests.values() for name, _ in test.needs}
        config, store = self.context.config, self.context.store
        sources = [str(self.context.sources[name].path) for name in self.step.sources]
        self.now = Now(
            str(config.root.resolve()),
            own=names_of(sources),
            environ=env,
            given=self._given(names, layers),
            cache=str(store.path / DIRECTORY / CODE),
        )
        self.reasons = traces.reasons(self.known.tests, self.now)
        order = {
            "root": str(config.root),
            "sources": sources,
            "apart": [
                str(store.path),
                str(config.root / config.reports),
                str(Path(__file__).parents[1]),
                str(self.environment.path),
            ],
            "cache": str(store.path / DIRECTORY / CODE),
            "unchanged": [] if self.step.affected == "check" else self._unchanged(),
            "directory": str(self.directory),
            "collected": str(self.directory / COLLECTED),
            "files": self._configuration(),
        }
        path = self.directory / "order.json"
        path.write_text(json.dumps(order), "utf-8")
        self._say()
        return ["-p", PLUGIN, f"--harness-trace={path}"]

    def _configuration(self) -> list[str]:
        """The file that configures pytest."""
        source = self.step.source
        found = base.configuration(source.path) if source else None
        return [str(found)] if found else []

    def _unchanged(self) -> list[str]:
        return [key for key in self.known.tests if key not in self.reasons]

    def _given(self, names: Iterable[str], layers: Layers) -> dict[str, str]:
        """Facts that no process can see, as they are now."""
        step, table = self.step, self.context.config.suite[self.step.suite]
        settings = {
            "series": step.series,
            "python": self.environment.interpreter.name,
            "database": step.database,
            "isolation": str(step.isolation),
            "options": " ".join(table.options),
            "suite": repr(table.environment),
            "harness": __version__,
        }
        found = {f"setting {name}": text for name, text in settings.items()}
        kinds = [name.partition(" ") for name in names]
        wanted = [name for kind, _, name in kinds if kind == "package"]
        found |= _versions(self.environment.site, wanted)
        for kind, _, name in kinds:
            if kind == "template":
                modules, _, language = name.partition(" ")
                request = self.requests.get(name) or Request(
                    modules=tuple(filter(None, modules.split(","))), language=language
                )
                with contextlib.suppress(UsageError, SourceError):
                    layer = _plain(layers.resolve(request))
                    found[f"template {name}"] = self._serving(layer)
        return found

    def _serving(self, layer: Layer) -> str:
        """The digest of the template that serves for a layer, as far as is known."""
        context = self.context
        now = templates.now(context, self.step, context.environ)
        known = finding.remembered(
            context.store, layer, now, exact=context.config.exact
        )
        return known or layer.digest

    def _say(self) -> None:
        """What is known of the tests before they run."""
        console, known = self.context.console, len(self.known.tests)
        if self.known.trouble:
            console.warn(
                f"--affected: {self.path} is {self.known.trouble}: all tests run, and"
                " are traced anew"
            )
        elif not known:
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
        run: str,
        layers: Iterable[Layer],
        serving: Callable[[Layer], str],
    ) -> Finished:
        """Remember what the tests depended on; the step's result with that in mind.

        `serving` has the digest of the template that serves for a layer.
        """
        if not self.active:
            return finished
        site = self.environment.site
        imported = packages.owners(site, traces.packages(self.directory))
        given = {
            **{
                name: text
                for name, text in self.now.given.items()
                if name.startswith("setting ")
            },
            **_versions(site, imported),
            **{self._template(one): serving(one) for one in map(_plain, layers)},
        }
        found = traces.traced(self.directory, run, finished.result.tests, given)
        told = _read(self.directory / COLLECTED)
        there = set(told["all"])
        vanished = [key for key in self.reasons if there and key not in there]
        traces.merge(self.path, found, vanished)
        traces.prune(self.context.store.directory(DIRECTORY, CODE))
        self._tell(told, finished)
        tests = finished.result.tests
        wrong = traces.missed(self.known.tests, self.reasons, tests)
        return judged(
            finished,
            gone=bool(told["gone"]),
            wrong=wrong if self.step.affected == "check" else [],
        )

    def _tell(self, told: Mapping[str, list[str]], finished: Finished) -> None:
        """What ran and why, and what did not."""
        console = self.context.console
        runs = Counter(
            self.known.tests[key].run for key in told["gone"] if key in self.known.tests
        )
        for run, count in sorted(runs.items()):
            console.info(f"unchanged since run {run}: {count} tests, not run")
        why = {key: self.reasons.get(key) or [self._else(key)] for key in told["all"]}
        for key in told["gone"]:
            del why[key]
        if told["gone"] and why:
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

    def _template(self, layer: Layer) -> str:
        """A fact's name, from which the layer can be had again."""
        if self.step.template:
            return f"template {self.step.template}"
        return f"template {','.join(layer.closure)} {layer.language}"


def judged(finished: Finished, *, gone: bool, wrong: list[str]) -> Finished:
    """The result of a step that has left tests out, or would have been wrong to.

    No test at all is right where all are unchanged.
    """
    nothing = finished.code is ExitCode.NOTHING_SELECTED and not finished.errors
    code, errors = finished.code, finished.errors
    if wrong:
        error = GateFailed(
            f"--affected would have missed {len(wrong)} tests that came out otherwise",
            checked="\n".join(wrong),
            remedy="unless they are flaky, their trace misses something:"
            " docs/affected.md",
        )
        code, errors = max(code, error.code), (*errors, error)
    elif gone and nothing and not finished.result.tests:
        code = ExitCode.OK
    result = replace(finished.result, exit_code=code)
    return replace(finished, code=code, result=result, errors=errors)


def _plain(layer: Layer) -> Layer:
    """The layer without the undo log on top of it."""
    return layer.parent if layer.tracked and layer.parent else layer


def _versions(site: Path, names: Iterable[str]) -> dict[str, str]:
    found = packages.versions(site, names)
    return {f"package {name}": version for name, version in found.items()}


def _read(path: Path) -> dict[str, list[str]]:
    """What was collected; nothing where that came to no end."""
    try:
        found: dict[str, list[str]] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {"all": [], "gone": []}
    return found


def _show(console: Console, reasons: Mapping[str, list[str]]) -> None:
    """How many tests there are for each reason, the first of each."""
    counted = Counter(texts[0] for texts in reasons.values())
    for text, count in counted.most_common(SHOWN):
        console.info(f"  {count:>4} × {text}")
    if len(counted) > SHOWN:
        console.info(f"       … and {len(counted) - SHOWN} more reasons")
