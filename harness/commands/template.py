# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness template``: list, build, digest, export, import, prune."""

import json
import shlex
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from harness import plan, series, store
from harness.context import Context
from harness.environment import Environment
from harness.errors import ExitCode, TemplateError, UsageError
from harness.patience import watched
from harness.plugins.trace.facts import Now
from harness.quantities import duration, size
from harness.run import needs, servers, templates
from harness.runners import base
from harness.store import Run
from harness.template import limits, portable
from harness.template.base import Draft, Shelf
from harness.template.build import TemplateBuilder
from harness.template.layer import Layer
from harness.template.layers import Layers


@contextmanager
def open_shelf(context: Context) -> Iterator[Shelf]:
    kind, _ = servers.choose(context)
    with Run(context.store) as run, servers.place(context, run, kind) as where:
        yield where.shelf


def list_(context: Context, *, as_json: bool) -> int:
    """All templates, the last used first."""
    with open_shelf(context) as shelf:
        found = [limits.with_use(context.store, one) for one in shelf.all()]
    if as_json:
        context.console.info(json.dumps([asdict(one) for one in found], indent=2))
        return ExitCode.OK
    rows = [
        (
            one.name,
            one.digest,
            one.series,
            len(one.closure),
            size(one.size),
            duration(one.seconds),
            "trace" if "exact" in one.facts else "files",
            f"{duration(time.time() - max(one.used, one.created))} ago",
        )
        for one in found
    ]
    context.console.table(
        rows,
        ("name", "digest", "series", "modules", "size", "built in", "found by", "used"),
    )
    return ExitCode.OK


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What resolves and builds templates for one series."""

    layers: Layers
    builder: TemplateBuilder
    telling: templates.Telling
    environment: Environment
    variables: dict[str, str]
    place: servers.TemplatePlace
    now: Now
    """What traces are compared with."""


@contextmanager
def open_bench(
    context: Context, modules: tuple[str, ...], wanted_series: str
) -> Iterator[Bench]:
    wish = plan.PlanRequest(suite="template", modules=modules, series=wanted_series)
    steps = plan.make(
        wish,
        sources=context.sources,
        graph=context.graph,
        official=series.official(),
        default_series=context.config.series,
        database=servers.choose(context),
        reasons={},
    )
    if len(steps) > 1:
        raise UsageError(
            "the modules are of different series: "
            + ", ".join(f"{one.tested[0].name} of {one.series}" for one in steps),
            remedy="build them one after the other, or pass --series",
        )
    step = steps[0]
    environment = needs.prepare(context, step)
    graph = needs.all_modules(context, step, environment)
    with (
        tempfile.TemporaryDirectory() as scratch,
        Run(context.store) as run,
        watched(context.console, context.config.quiet),
        servers.place(context, run, step.database) as where,
    ):
        files = base.Files(
            directory=Path(scratch),
            cache=Path(scratch),
            timings=Path(scratch),
            link=base.link(context.store),
            bytecode=environment.path / "bytecode",
        )
        variables = base.variables(
            replace(step, coverage=False),
            measured=(),
            files=files,
            environ=context.environ,
            database=where.variables,
        )
        telling = templates.Telling(context)
        yield Bench(
            layers=templates.layers(context, step, environment, graph, where.label),
            builder=templates.builder(
                context, step, environment, where, variables, telling
            ),
            telling=telling,
            environment=environment,
            variables=variables,
            place=where,
            now=templates.now(context, step, environment, variables),
        )


def build(context: Context, *, names: tuple[str, ...], wanted_series: str) -> int:
    """Build a template, or say that it is there."""
    wanted = needs.request(context.config, names)
    with open_bench(context, wanted.modules, wanted_series) as bench:
        layer = bench.layers.resolve(wanted)
        templates.ensure_all(context, bench.builder, [layer], bench.telling)
        manifest = bench.builder.ensure(layer)
        limits.touch(context.store, manifest.digest)
    built = [cost for cost in bench.builder.costs if cost.action == "built"]
    by = "" if manifest.digest == layer.digest else ", by trace"
    word = "built" if built else f"is there already{by}"
    context.console.info(
        f"template {manifest.name} {word}: {manifest.digest}, {size(manifest.size)}"
    )
    return ExitCode.OK


def digest(
    context: Context,
    *,
    names: tuple[str, ...],
    wanted_series: str,
    output: Path | None,
) -> int:
    """Say which template it would be; nothing is built."""
    wanted = needs.request(context.config, names)
    with open_bench(context, wanted.modules, wanted_series) as bench:
        found = bench.layers.resolve(wanted).digest
    if output:
        store.write_atomically(output.absolute(), f"{found}\n")
    context.console.info(found)
    return ExitCode.OK


def building(context: Context, names: tuple[str, ...], wanted_series: str) -> str:
    """The command that builds a template where this invocation has looked for it."""
    words = ["harness", "template", "build", *names]
    if wanted_series:
        words += ["--series", wanted_series]
    if context.config.source_of("database.server") == "--database":
        words += ["--database", context.config.database.server]
    return shlex.join(words)


def export(
    context: Context,
    *,
    names: tuple[str, ...],
    wanted_series: str,
    output: Path,
    make: bool,
) -> int:
    """Write a template with all that is needed to use it to one file.

    With `make`, what is missing of it is built before.
    """
    wanted = needs.request(context.config, names)
    if output.exists():
        raise UsageError(f"{output} exists", remedy="name another file with -o")
    with open_bench(context, wanted.modules, wanted_series) as bench:
        layer = bench.layers.resolve(wanted)
        manifest = bench.builder.finder.find(layer)
        if make:
            templates.ensure_all(context, bench.builder, [layer], bench.telling)
            manifest = bench.builder.ensure(layer)
        if manifest is None:
            raise TemplateError(
                f"the template of {' '.join(names)} is not built",
                remedy=building(context, names, wanted_series),
            )
        with tempfile.TemporaryDirectory(dir=output.absolute().parent) as scratch:
            content = Path(scratch, "content")
            bench.builder.shelf.save(manifest.digest, content)
            half = Path(scratch, "half")
            portable.write(half, manifest, bench.builder.shelf.kind, content)
            half.rename(output)
    context.console.info(f"{output}: {manifest.name} {size(output.stat().st_size)}")
    return ExitCode.OK


def import_(context: Context, *, path: Path, trusted: bool) -> int:
    """Make the template in a file one of this machine's.

    Unless it is `trusted`, a role without rights restores it.
    """
    with tempfile.TemporaryDirectory() as scratch, open_shelf(context) as shelf:
        found = portable.read(path, Path(scratch))
        _restore(shelf, found, trusted=trusted)
    manifest = found.manifest
    limits.touch(context.store, manifest.digest)
    context.console.info(f"template {manifest.name} imported: {manifest.digest}")
    return ExitCode.OK


def _restore(shelf: Shelf, found: portable.Packed, *, trusted: bool) -> None:
    manifest = found.manifest
    if found.kind != shelf.kind:
        raise TemplateError(
            f"the file is a template of {found.kind}, this server is {shelf.kind}",
            remedy="choose the server with --database",
        )
    shelf.use(manifest.digest)
    if shelf.find(manifest.digest):
        return
    layer = Layer(
        name=manifest.name,
        digest=manifest.digest,
        parent=None,
        language=manifest.language,
        modules=manifest.modules,
        closure=manifest.closure,
        facts=manifest.facts,
    )
    with shelf.claim(manifest.digest, deadline=60, waiting=lambda: None):
        draft: Draft = shelf.draft(layer)
        try:
            shelf.restore(draft, found.content, trusted=trusted)
            shelf.publish(draft, manifest)
        except BaseException:
            shelf.discard(draft)
            raise


def prune(context: Context, *, everything: bool, dry: bool) -> int:
    """Remove templates beyond the limits, the least recently used first."""
    with open_shelf(context) as shelf:
        found = shelf.all()
        going = (
            [(one, "--all") for one in found]
            if everything
            else templates.exceeding(context, shelf)
        )
        removed = 0
        for one, why in going:
            if not dry and not shelf.remove(one.digest):
                context.console.info(f"keep {one.name} {one.digest}: a run uses it")
                continue
            removed += 1
            context.console.info(f"remove {one.name} {one.digest}: {why}")
            if not dry:
                limits.forget(context.store, one.digest)
    word = "would be removed" if dry else "removed"
    context.console.info(f"{removed} of {len(found)} templates {word}")
    return ExitCode.OK
