# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command asks for, and the steps that it means."""

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import addresses, plan, series
from harness.context import Context
from harness.errors import UsageError
from harness.model import Isolation, Module, Origin
from harness.options import doubtful, rooted
from harness.plan import PlanRequest, Step
from harness.run import needs, ordering, servers, values
from harness.runners import base, tryton
from harness.runners import suite as suites
from harness.selection import changes
from harness.sources import absent, check_whole


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What the command line asks for; empty: as configured.

    `words` are modules or addresses; `shuffle` is nothing, ``some`` or ``all``.
    """

    suite: str
    words: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    series: str = ""
    isolation: Isolation | None = None
    runner: str = ""
    changed_since: str = ""
    measure: bool = False
    shard: str = ""
    affected: str = ""
    reruns: int | None = None
    repeat: int = 1
    shuffle: str = ""
    seed: int | None = None
    exactly: tuple[str, ...] = ()
    bisect: str = ""


def steps_of(context: Context, asked: RunRequest) -> tuple[Step, ...]:
    """What a request means, one step per series."""
    config = context.config
    table = config.suite[asked.suite]
    if any(one.origin is Origin.SRC for one in context.sources.values()):
        check_whole(config, {table.source, *table.sources, *context.graph})
    more = _words(context.environ.get("PYTEST_ADDOPTS", ""))
    options = (*table.options, *more, *rooted(asked.options, Path.cwd()))
    bad = base.refused(options)
    if bad:
        raise UsageError(f"a run cannot have {bad}", remedy=base.OTHERWISE[bad])
    inner = (asked.runner or table.runner) == "image"
    values.check(options, () if inner else _bases(context, table.source))
    serial = base.serial(options)
    if serial:
        context.console.info(f"{serial} needs the terminal: not in parallel")
    wish = PlanRequest(
        suite=asked.suite,
        series=asked.series,
        isolation=asked.isolation or table.isolation,
        options=options,
        runner=asked.runner or table.runner,
        coverage=asked.measure or table.coverage,
        workers=_workers(config.jobs, table.apart if inner else 0),
        serial=serial,
        shard=shard(asked.shard),
        affected=_affected(asked),
        manner=ordering.manner(context, asked, serial),
        limit=ordering.limit(config, asked.suite, serial),
    )
    if table.kind == "pytest":
        return (_of_source(context, asked, wish),)
    return _of_modules(context, asked, wish)


def _bases(context: Context, source: str) -> tuple[Path, ...]:
    """Where pytest looks for a path; other paths are where the user is."""
    own = context.sources.get(source)
    return (own.path if own else context.config.root,)


def _words(text: str) -> list[str]:
    """The words of a line; raises `UsageError` where a quotation has no end."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"PYTEST_ADDOPTS={text!r} is no line of options: {error}",
            remedy="close its quotation, or unset it",
        ) from error


def _workers(jobs: int, apart: int) -> int:
    """How many; no more than have a container of their own, where that is asked."""
    count = jobs or os.cpu_count() or 1
    return min(count, apart) if apart else count


def _affected(asked: RunRequest) -> str:
    """Raises `UsageError` beside options that name the tests themselves."""
    named = {"--exactly": asked.exactly, "--bisect": asked.bisect}
    for option in (one for one, given in named.items() if given and asked.affected):
        raise UsageError(
            f"{option} names the tests, and --affected chooses them",
            remedy="leave one of them out",
        )
    return asked.affected


def shard(text: str) -> str:
    """``2/5`` as it is; raises `UsageError` for what is no part of a whole."""
    match = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", text, re.ASCII)
    if text and (match is None or int(match[1]) > int(match[2])):
        raise UsageError(
            f"{text!r} is no shard",
            checked="--shard",
            remedy="name the part and how many there are: --shard 2/5",
        )
    return "" if text == "1/1" else text


def _of_modules(
    context: Context, asked: RunRequest, wish: PlanRequest
) -> tuple[Step, ...]:
    reasons: dict[str, str] = {}
    official = series.official()
    known = {*official, *context.graph}
    modules, doubts = doubtful(wish.options, known)
    words = (*asked.words, *modules)
    wish = replace(
        wish,
        options=tuple(
            one for one in wish.options if not any(one is m for m in modules)
        ),
        doubtful=tuple((one, (one,)) for one in doubts),
        named=bool(asked.paths),
    )
    bases = (Path.cwd(), context.config.root)
    paths, owners = tryton.aimed(asked.paths, _modules(context, words), bases)
    owners = [one for one in owners if one in known]
    if paths and not owners and not words:
        above = [one.path / "tests" for one in _modules(context, ()).values()]
        raise addresses.missing(Path(asked.paths[0]), above)
    if set(owners or words) <= set(context.graph):  # others are looked at when there
        tryton.check(paths, list(_modules(context, words).values()))
    chosen = words or tuple(owners) or context.config.suite[asked.suite].modules
    if asked.changed_since:
        reasons = changes.select(context, asked.changed_since, within=words)
        chosen = tuple(reasons)
    return plan.make(
        replace(wish, modules=chosen, paths=paths),
        sources=context.sources,
        graph=context.graph,
        official=official,
        default_series=context.config.series,
        database=servers.choose(context),
        reasons=reasons,
    )


def _modules(context: Context, names: Sequence[str]) -> dict[str, Module]:
    """Modules of the sources: those that are named, or all."""
    graph = context.graph
    return {name: graph[name] for name in names or graph if name in graph}


def _of_source(context: Context, asked: RunRequest, wish: PlanRequest) -> Step:
    config = context.config
    table = config.suite[asked.suite]
    for name in (table.source, *table.sources):
        if name not in context.sources:
            raise absent(context.config, name)
    source = context.sources[table.source]
    places = suites.Places(
        source=source,
        paths=table.paths,
        bases=(Path.cwd(), config.root, source.path, source.path / table.rootdir),
        nose=table.nose,
        sources={name: context.sources[name] for name in table.sources},
    )
    words = (*asked.words, *asked.paths)
    _, doubts = doubtful(wish.options)
    modules = needs.request(config, (table.template,)).modules
    if asked.changed_since:
        changes.require(context, asked.changed_since, asked.suite)
    return plan.of_source(
        replace(
            wish,
            modules=modules,
            paths=places.addresses(words),
            doubtful=tuple((one, places.meant(one)) for one in doubts),
            named=bool(words),
        ),
        source=source,
        beside=table.sources,
        template=table.template,
        nose=table.nose,
        rootdir=table.rootdir,
        sources=context.sources,
        graph=context.graph,
        default_series=config.series,
        database=servers.choose(context),
    )
