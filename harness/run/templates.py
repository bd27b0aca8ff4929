# SPDX-License-Identifier: GPL-3.0-or-later
"""The templates that tests ask for: layers, how they are built, and their clones."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.context import Context
from harness.environment import Environment
from harness.errors import Superseded
from harness.modules import Graph
from harness.plan import Step
from harness.plugins.trace import names
from harness.plugins.trace.facts import Now
from harness.quantities import duration
from harness.run import traces
from harness.run.servers import TemplatePlace
from harness.runners import base
from harness.steps import ConsoleStep as Live
from harness.template import limits
from harness.template.base import Manifest, Shelf
from harness.template.build import LayerProgress, TemplateBuilder
from harness.template.finding import Finder
from harness.template.layer import Layer
from harness.template.layers import Layers, Surroundings
from harness.template.pool import Pool
from harness.template.process import Process, Side
from harness.template.views import Views
from harness.template.watch import FileWatch


def layers(
    context: Context, step: Step, env: Environment, graph: Graph, label: str
) -> Layers:
    """Resolves requests for databases in a step's environment."""
    database = context.config.database
    surroundings = Surroundings(
        series=step.series,
        python=env.interpreter.name,
        database=f"{label} {database.encoding} {database.locale}"
        if label != "sqlite"
        else label,
        site=env.site,
    )
    return Layers(
        graph,
        surroundings,
        cuts=context.config.templates.cuts,
        tested=[one.name for one in step.tested],
        root=context.config.root,
        reads=context.config.templates.reads,
        apart=_written(context),
    )


def _written(context: Context) -> tuple[Path, ...]:
    """Where runs write: in a module whose directory is the project's, in it."""
    config = context.config
    written = (context.store.path, config.reports, config.backups)
    return tuple(config.root / one for one in written)


def builder(
    context: Context,
    step: Step,
    env: Environment,
    where: TemplatePlace,
    variables: Mapping[str, str],
    listener: Callable[[LayerProgress], None],
    side: Side | None = None,
) -> TemplateBuilder:
    """Builds the templates of a step, by processes on that side."""
    side = side or Side()
    return TemplateBuilder(
        where.shelf,
        lambda: Process(env.python, env=variables, side=side),
        series=step.series,
        deadline=context.config.templates.deadline,
        listener=listener,
        watch=_watch(context, step),
        finder=Finder(
            shelf=where.shelf,
            now=now(context, step, env, side.environ(variables)),
            exact=context.config.exact,
        ),
    )


def now(
    context: Context, step: Step, env: Environment, variables: Mapping[str, str]
) -> Now:
    """What traces of a step's templates are compared with.

    Whether views that were edited are right, no environment here can say of an image.
    """
    sources = [str(context.sources[name].path) for name in step.sources]
    root = context.config.root.resolve()
    path = context.environ.get("PATH", os.defpath)
    views = Views(
        store=context.store,
        root=root,
        python=env.python,
        site=env.site,
        env={"PATH": path, "PYTHONPATH": str(base.link(context.store))},
    )
    return Now(
        str(root),
        own=names.names_of(sources),
        environ=variables,
        cache=str(context.store.path / traces.CODE),
        views=None if step.runner == "image" else views,
    )


def _watch(context: Context, step: Step) -> FileWatch:
    """What of the project a build may read only if its digest knows it."""
    config, package = context.config, Path(__file__).parents[1]
    sources = [context.sources[name].path for name in step.sources]
    return FileWatch(
        root=config.root,
        roots=(config.root, *sources),
        apart=(*_written(context), package),
        modules=tuple(one.path for one in context.graph.values()),
    )


Superseding = Callable[[list[Layer]], bool]
"""Says whether it is no use to go on building these."""
ASK = 0.1
"""Seconds between two questions whether a build is of use."""


class Telling:
    """Shows the progress of builds: a row for each, or plain lines in a pipe."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._live: Live | None = None
        self._now: dict[str, str] = {}
        """What goes on, by layer."""
        self._guard = threading.Lock()

    def use(self, live: Live | None) -> None:
        """Write to this step from now on."""
        with self._guard:
            self._live = live

    def __call__(self, progress: LayerProgress) -> None:
        """Hear of progress, from any thread."""
        text = _words(progress)
        with self._guard:
            if progress.event in ("end", "trace"):
                self._now.pop(progress.layer.name, None)
            else:
                self._now[progress.layer.name] = text
            if self._live is not None:
                self._live.update(text, self._now.values())
        if progress.event in ("end", "trace") or progress.why:
            self.context.console.info(f"  {text}")


def _words(progress: LayerProgress) -> str:
    layer = progress.layer
    if progress.why:
        first, *others = progress.why
        more = f" and {len(others)} more" if others else ""
        return f"layer {layer.name} is built anew: {first}{more}"
    if progress.event == "trace":
        return f"template {layer.name} by trace: what its build saw has not changed"
    if progress.event == "wait":
        return f"layer {layer.name}: another run builds it, waiting"
    if progress.event == "end":
        more = f" ({len(layer.modules)} modules)" if len(layer.modules) > 1 else ""
        return f"layer {layer.name}{more} built in {duration(progress.elapsed)}"
    if progress.event == "line":
        return f"layer {layer.name}: {progress.line}"
    if progress.event == "module":
        count = f" {progress.done}/{len(layer.modules)}" if layer.modules else ""
        return f"layer {layer.name}: {progress.module}{count}"
    return f"layer {layer.name}"


def ensure_all(
    context: Context,
    make: TemplateBuilder,
    wanted_: list[Layer],
    telling: Telling,
    superseded: Superseding | None = None,
) -> None:
    """Build what is missing, several chains at a time; the first error counts.

    Raises `Superseded` when it is asked and of no use any more.
    """
    missing = [one for one in wanted_ if make.finder.find(one) is None]
    if not missing:
        for layer in wanted_:
            make.ensure(layer)
        return
    jobs = context.config.jobs or os.cpu_count() or 1
    with context.console.step("templates", ticker=True) as live:
        telling.use(live)
        try:
            _in_parallel(make, wanted_, jobs, superseded)
        except Superseded:
            live.failed = "files saved again, ended after"
            raise
        finally:
            telling.use(None)


def _in_parallel(
    make: TemplateBuilder,
    wanted_: list[Layer],
    jobs: int,
    superseded: Superseding | None,
) -> None:
    from concurrent.futures import ThreadPoolExecutor, wait

    with ThreadPoolExecutor(max_workers=jobs) as executor:
        futures = [executor.submit(make.ensure, layer) for layer in wanted_]
        over = False
        try:
            while superseded and wait(futures, timeout=ASK).not_done:
                over = over or superseded(wanted_)
                if over:  # again and again: one may have begun meanwhile
                    make.end()
            errors = [future.exception() for future in futures]
        except KeyboardInterrupt:
            make.end()
            raise
    for error in errors:
        if error is not None:
            raise error


def pool(context: Context, make: TemplateBuilder, expected: list[Layer]) -> Pool:
    """The pool of a run, with the first clones under way."""
    settings = context.config.pool
    made = Pool(make, ahead=settings.ahead, cap=settings.cap, hands=2)
    for layer in expected:
        made.expect(layer)
    return made


def keep_house(context: Context, shelf: Shelf) -> None:
    """Remove templates beyond the limits; the last used stay."""
    for one, _ in exceeding(context, shelf):
        if shelf.remove(one.digest):
            limits.forget(context.store, one.digest)


def exceeding(context: Context, shelf: Shelf) -> list[tuple[Manifest, str]]:
    """Templates beyond the configured limits, each with the limit."""
    table = context.config.templates
    return limits.exceeding(
        [limits.with_use(context.store, one) for one in shelf.all()],
        count=table.count,
        size=table.size,
        age=table.age,
        now=time.time(),
    )
