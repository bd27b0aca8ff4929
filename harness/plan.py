# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run will do, as plain data, finished before anything starts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from harness import series as releases
from harness.errors import NothingSelected, UsageError
from harness.model import Isolation, Origin, Source
from harness.modules import Graph, series, unknown


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A module under test; `path` is empty until an environment has it."""

    __test__ = False

    name: str
    origin: Origin
    reason: str
    path: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How often tests run, and in which order.

    Failures are run again up to `reruns` times, all tests `repeat` times.  A `seed`
    shuffles them (0: none), `everything` also those that share a database.  `exact`
    are tests (their keys or ids) that run in one worker, in this order; where it is
    `strict`, all of them must be there.
    """

    reruns: int = 0
    repeat: int = 1
    seed: int = 0
    everything: bool = False
    exact: tuple[str, ...] = ()
    strict: bool = False

    def words(self) -> str:
        """For people; empty for the usual."""
        wild = "random, also in what shares a database" if self.everything else "random"
        parts = [
            f"{wild}, seed {self.seed}" if self.seed else "",
            f"each test {self.repeat} times" if self.repeat > 1 else "",
            f"failures are run again, up to {self.reruns}×" if self.reruns else "",
        ]
        return "; ".join(filter(None, parts))


@dataclass(frozen=True, kw_only=True)
class Limit:
    """How many seconds set-up, test and tear-down may take each; 0: any number.

    One that is `fixed` was asked for now: the suite's own settings do not change it.
    """

    seconds: int = 0
    fixed: bool = False


@dataclass(frozen=True, kw_only=True)
class StepSettings:
    """What the steps of a run have of its request; `workers` are what each may fork."""

    suite: str
    isolation: Isolation | None = None
    options: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    doubtful: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Words among the options that are values or addresses, and what those mean."""
    named: bool = False
    """Whether `paths` are what was asked for, not all that there is."""
    coverage: bool = True
    workers: int = 1
    runner: str = "venv"
    shard: str = ""
    """``2/5``, or nothing for all of it."""
    manner: Manner = Manner()
    limit: Limit = Limit()
    affected: str = ""
    """Which tests run: all, ``run`` those whose trace does not hold, ``check`` all; and
    ``watch``: those that a watch says, traced."""


@dataclass(frozen=True, kw_only=True)
class PlanRequest(StepSettings):
    """What the command line asks for; empty: as configured."""

    modules: tuple[str, ...] = ()
    series: str = ""
    serial: str = ""
    """Why the run may not be parallel, or nothing."""


@dataclass(frozen=True, kw_only=True)
class Step(StepSettings):
    """One process of the plan."""

    series: str
    tested: tuple[Tested, ...]
    sources: tuple[str, ...]
    database: str
    reason: str
    isolation: Isolation
    source: Source | None = None
    """The source whose suite it is; none for tests of Tryton modules."""
    template: str = ""
    nose: bool = False
    rootdir: str = ""
    """pytest's, in the source."""

    @property
    def name(self) -> str:
        """``tryton-7.0``, of a shard ``tryton-7.0-2of5``."""
        part = f"-{self.shard.replace('/', 'of')}" if self.shard else ""
        return f"{self.suite}-{self.series}{part}"


def make(
    wish: PlanRequest,
    *,
    sources: Mapping[str, Source],
    graph: Graph,
    official: Iterable[str],
    default_series: str,
    database: tuple[str, str],
    reasons: Mapping[str, str],
) -> tuple[Step, ...]:
    """The steps of a run of Tryton modules, one per series.

    `graph` has the modules of the sources, `official` the names on the index,
    `database` the server and why it was chosen, `reasons` why each module was.
    Raises `UsageError` for unknown names, `NothingSelected` for none at all.
    """
    if not wish.modules:
        raise NothingSelected(
            "no module is selected",
            checked="the command line, --changed-since, and the suite's modules",
            remedy="name one: nox -s tryton -- collecting_society",
        )
    known = {*graph, *official}
    for name in wish.modules:
        if name not in known:
            raise unknown(name, known)
    by_series = _by_series(wish, graph, default_series)
    return tuple(
        _step(
            wish,
            series=name,
            tested=tuple(
                Tested(
                    name=module,
                    origin=graph[module].origin if module in graph else Origin.INDEX,
                    reason=reasons.get(module, "named"),
                    path=graph[module].path if module in graph else None,
                )
                for module in names
            ),
            sources=_needed(names, graph, sources),
            database=database,
        )
        for name, names in by_series.items()
    )


def of_source(
    wish: PlanRequest,
    *,
    source: Source,
    beside: Sequence[str],
    template: str,
    nose: bool,
    rootdir: str,
    sources: Mapping[str, Source],
    graph: Graph,
    default_series: str,
    database: tuple[str, str],
) -> Step:
    """The one step of a suite of kind ``pytest``.

    The modules of `wish` are those of the template; `beside` are sources that are
    installed with the suite's own.
    """
    if database[0] == "sqlite":
        raise UsageError(
            f"the suite {wish.suite} needs PostgreSQL: an application's processes"
            " share its database",
            checked="--database sqlite",
            remedy="leave it out, or choose local or docker",
        )
    by_series = _by_series(wish, graph, default_series)
    if len(by_series) > 1:
        raise UsageError(
            f"the modules of template {template} are of different series: "
            + ", ".join(by_series),
            remedy="pass --series",
        )
    others = dict.fromkeys([*beside, source.name])
    modules = _needed(wish.modules, graph, sources)
    return _step(
        wish,
        series=next(iter(by_series), wish.series or default_series),
        tested=(),
        sources=(*modules, *(one for one in others if one not in modules)),
        database=database,
        source=source,
        template=template,
        nose=nose,
        rootdir=rootdir,
    )


def _step(wish: PlanRequest, *, database: tuple[str, str], **more: Any) -> Step:
    """What a step has of its request, and `more`."""
    more["isolation"] = wish.isolation or Isolation.CLASS
    more["workers"] = 1 if wish.serial else max(1, wish.workers)
    settings = {one.name: getattr(wish, one.name) for one in fields(StepSettings)}
    return Step(**{**settings, **more}, database=database[0], reason=database[1])


def _by_series(
    wish: PlanRequest, graph: Graph, default: str
) -> dict[str, tuple[str, ...]]:
    """Modules by series: a source's own; official ones go with the sources."""
    own = {
        name: wish.series or series(graph[name])
        for name in wish.modules
        if name in graph
    }
    rest = wish.series or (
        next(iter(own.values())) if len(set(own.values())) == 1 else default
    )
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(wish.modules):
        chosen = own.get(name, rest)
        releases.find(chosen)
        found.setdefault(chosen, []).append(name)
    return {name: tuple(names) for name, names in sorted(found.items())}


def _needed(
    names: Sequence[str], graph: Graph, sources: Mapping[str, Source]
) -> tuple[str, ...]:
    """The sources that the modules need, dependencies first."""
    return tuple(name for name in graph.order(graph.known(names)) if name in sources)
