# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness template explain`` and ``verify``: why a template serves, and whether."""

import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from harness.commands import template
from harness.context import Context
from harness.errors import ExitCode, TemplateError
from harness.plugins.trace.facts import Now
from harness.run import needs, servers, templates
from harness.template import contents, programs
from harness.template.base import Manifest
from harness.template.finding import called, changed
from harness.template.layer import Layer

SHOWN = 10
"""So many lines are shown of what differs."""


def explain(context: Context, *, names: tuple[str, ...], wanted_series: str) -> int:
    """What each layer is made of, and what changed since the last build."""
    wanted = needs.request(context.config, names)
    with template.open_bench(context, wanted.modules, wanted_series) as bench:
        shelf = bench.builder.shelf
        known = shelf.all()
        stale = False
        for layer in bench.layers.resolve(wanted).chain():
            found = bench.builder.finder.find(layer)
            by = " by trace" if found and found.digest != layer.digest else ""
            state = f"is there{by}" if found else "must be built"
            context.console.info(f"layer {layer.name} {layer.digest}: {state}")
            if found is None:
                for text in differences(layer, known, bench.now, below=stale):
                    context.console.info(f"  {text}")
                stale = True
            elif by:
                for text in unseen(layer, found):
                    context.console.info(f"  {text}")
    return ExitCode.OK


def unseen(layer: Layer, found: Manifest) -> Iterator[str]:
    """What of a layer is not as in the template that serves for it."""
    for key in sorted({*found.facts, *layer.facts} - {"exact"}):
        if found.facts.get(key) != layer.facts.get(key):
            yield f"changed, but not in what a build enters: {key}"


def differences(
    layer: Layer, known: tuple[Manifest, ...], now: Now, *, below: bool
) -> Iterator[str]:
    """In what a layer differs from the newest template of its name."""
    old = [one for one in known if one.name == layer.name]
    if not old:
        yield "it was never built here"
        return
    newest = max(old, key=lambda one: one.created)
    seen = changed(newest, now)
    if seen and newest.declared == layer.declared:
        yield from seen
        return
    changes = 0
    for key in sorted({*newest.facts, *layer.facts}):
        before, after = newest.facts.get(key), layer.facts.get(key)
        if before != after:
            changes += 1
            yield (
                f"new: {key}"
                if before is None
                else f"gone: {key}"
                if after is None
                else f"changed: {key} ({before} → {after})"
            )
    if below:
        yield "a layer below it must be built"
    elif not changes:
        yield "it stands on another layer than the last one"


def verify(
    context: Context, *, names: tuple[str, ...], wanted_series: str, traced: bool
) -> int:
    """Build a template again from nothing, and compare the contents.

    Where only `traced` ones are wanted, each of `names` is one, and those are left out
    that are called as today's files would have them called.  Raises `TemplateError`
    where they differ.
    """
    for one in [(name,) for name in names] if traced else [names]:
        _verify(context, one, wanted_series, traced=traced)
    return ExitCode.OK


def _verify(
    context: Context, names: tuple[str, ...], wanted_series: str, *, traced: bool
) -> None:
    wanted = needs.request(context.config, names)
    with template.open_bench(context, wanted.modules, wanted_series) as bench:
        layer = bench.layers.resolve(wanted)
        found = bench.builder.finder.find(layer)
        if traced and (found is None or _sure(context, found, layer)):
            context.console.info(
                f"template {' '.join(names)}: no trace has let it pass unseen"
            )
            return
        if found is None:
            raise TemplateError(
                f"the template of {' '.join(names)} is not built",
                remedy=template.building(context, names, wanted_series),
            )
        again = afresh(layer, secrets.token_hex(4))
        templates.ensure_all(context, bench.builder, [again], bench.telling)
        texts = [
            _content(context, bench.place, one) for one in (found.digest, again.digest)
        ]
    with template.open_shelf(context) as shelf:
        for one in again.chain():
            shelf.remove(one.digest)
    differing = contents.differences(*texts)
    if differing:
        shown = "".join(f"\n  {line[:200]}" for line in differing[:SHOWN])
        raise TemplateError(
            f"template {found.name} {found.digest} is not what a build from nothing"
            f" gives: {len(differing)} lines of the dumps differ:{shown}",
            checked="all schemas and rows, without points of time",
            remedy="report it; until then: --exact, or exact = true",
        )
    _note(context, found, layer).touch()
    context.console.info(
        f"template {found.name} {found.digest} is what a build from nothing gives"
    )


def _sure(context: Context, found: Manifest, layer: Layer) -> bool:
    """Whether a template is of today's files, by its name or by an earlier look."""
    return found.digest == layer.digest or _note(context, found, layer).exists()


def _note(context: Context, found: Manifest, layer: Layer) -> Path:
    """The file that says that a template serves for a layer, as it must."""
    return context.store.directory("verified") / f"{found.digest}-{layer.digest}"


def afresh(layer: Layer, word: str) -> Layer:
    """The same, with no template that could serve for it or for what is below."""
    parent = afresh(layer.parent, word) if layer.parent else None
    facts = {**layer.facts, "afresh": word}
    return called(replace(layer, parent=parent, declared=""), facts)


def _content(context: Context, place: servers.TemplatePlace, digest: str) -> list[str]:
    """A template's content as lines of SQL."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "content")
        place.shelf.save(digest, file)
        if place.shelf.kind == "sqlite":
            return contents.of_sqlite(file)
        text = Path(scratch, "text")
        version = int(place.label.rpartition("-")[2]) * 10000
        words = ("pg_restore", "-f", str(text), str(file))
        programs.run(servers.binaries(version), *words, env=context.environ)
        return text.read_text("utf-8").splitlines()
