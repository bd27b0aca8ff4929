# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds what is missing of a chain of layers: check → claim → check → build.

A layer is filled by a process of the suite's interpreter under a name that is
no template's, and published in one step.  That process goes on with the next
layer, so its imports and set-up are paid once for a chain.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness import waiting
from harness.errors import Superseded, TemplateError
from harness.model import TemplateCost
from harness.plugins.trace.facts import Now
from harness.template.base import Draft, Filling, Manifest, Seen, Shelf
from harness.template.finding import Finder
from harness.template.layer import Layer, Program
from harness.template.watch import SHOWN, FileWatch


@dataclass(frozen=True, kw_only=True)
class LayerProgress:
    """How far a build is; `elapsed` in seconds since the layer was begun."""

    layer: Layer
    event: str
    """``begin``, ``wait``, ``module``, ``line``, ``end``, ``reuse``, or ``trace``: one
    of other files is reused."""
    why: tuple[str, ...] = ()
    """What has changed since another one of the name was built."""
    module: str = ""
    line: str = ""
    """What a program says."""
    done: int = 0
    elapsed: float = 0.0


Listener = Callable[[LayerProgress], None]


class TemplateBuilder:
    """Provides templates; several threads may ask at the same time."""

    def __init__(
        self,
        shelf: Shelf,
        filling: Callable[[], Filling],
        *,
        series: str,
        deadline: float,
        listener: Listener,
        watch: FileWatch | None = None,
        finder: Finder | None = None,
    ) -> None:
        """`filling` makes what fills the layers of a chain.

        `deadline` is the seconds that one layer may take; `watch` looks at what a
        build has read, `finder` for templates that serve.
        """
        self.shelf = shelf
        self.filling = filling
        self.series = series
        self.deadline = deadline
        self.listener = listener
        self.watch = watch or FileWatch()
        self.finder = finder or Finder(shelf=shelf, now=Now(""), exact=True)
        self.costs: list[TemplateCost] = []
        self._known: dict[str, Manifest] = {}
        self._ended = False
        self._filling: list[Filling] = []
        """What fills layers now."""
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    def ensure(self, layer: Layer) -> Manifest:
        """The template of `layer`, built now if nobody has built it before.

        Raises `TemplateError` when a module or a data script fails; then the
        unfinished database is gone, and the layers below stay.
        """
        with self._guard:
            lock = self._locks.setdefault(layer.digest, threading.Lock())
        with lock:
            known = self._known.get(layer.digest)
            if known is None:
                known = self._find(layer) or self._build(layer)
                self._known[layer.digest] = known
            return known

    def _find(self, layer: Layer) -> Manifest | None:
        started = time.time()
        found = self.finder.find(layer)
        if found:
            self._note(layer, found, "reused", started, 0.0)
            exactly = found.digest == layer.digest
            event = "reuse" if exactly else "trace"
            self.listener(LayerProgress(layer=layer, event=event))
        return found

    def used(self, layer: Layer) -> tuple[Manifest | None, list[str]]:
        """The template that serves for a layer, and the digests of it and those below.

        None if nobody has asked for it, or it could not be built.
        """
        top = self._known.get(layer.digest)
        if top is None or top.digest == layer.digest:
            return top, [one.digest for one in layer.chain()]
        found = [top.digest]
        below = top.parent
        while below:
            found.append(below)
            known = self.shelf.find(below)
            below = known.parent if known else ""
        return top, found

    def digest(self, layer: Layer) -> str:
        """That of the template that serves for a layer, or would."""
        known = self._known.get(layer.digest) or self.finder.find(layer)
        return known.digest if known else layer.digest

    def end(self) -> None:
        """End what is built now, in other threads, which raise `Superseded`."""
        self._ended = True
        for one in tuple(self._filling):
            one.kill()

    def _build(self, layer: Layer) -> Manifest:
        with self.filling() as process:
            self._filling.append(process)
            try:
                return self._provide(layer, process)
            except TemplateError as error:
                if self._ended:
                    raise Superseded from error
                raise
            finally:
                self._filling.remove(process)

    def _provide(self, layer: Layer, process: Filling) -> Manifest:
        """The template of a layer, on the one that serves for its parent."""
        below = None
        if layer.parent:
            below = self.finder.find(layer.parent)
            below = below or self._provide(layer.parent, process)
        with waiting.on(f"the template's layer {layer.name}"):
            return self._layer(self.finder.standing(layer, below), below, process)

    def _layer(
        self, layer: Layer, below: Manifest | None, process: Filling
    ) -> Manifest:
        def wait() -> None:
            self.listener(LayerProgress(layer=layer, event="wait"))

        layer, found = self.finder.exactly(layer)
        if found:
            return found
        if self._ended:
            raise Superseded
        with self.shelf.claim(layer.digest, deadline=self.deadline, waiting=wait):
            found = self.shelf.find(layer.digest)
            if found:
                return found
            started = time.time()
            why = tuple(self.finder.changes(layer, self.series))
            self.listener(LayerProgress(layer=layer, event="begin", why=why))
            draft = self.shelf.draft(layer)
            try:
                seen = self._filled(draft, below, process)
                trace = self.finder.trace(layer, seen.trace, below)
                _require_unchanged(layer)
                made = self._describe(layer, started, trace)
                manifest = self.shelf.publish(draft, made)
            except BaseException:
                process.kill()
                self.shelf.discard(draft)
                raise
        seconds = time.time() - started
        self._note(layer, manifest, "built", started, seconds)
        self.listener(LayerProgress(layer=layer, event="end", elapsed=seconds))
        return manifest

    def _filled(self, draft: Draft, below: Manifest | None, process: Filling) -> Seen:
        if draft.layer.tracked:
            self.shelf.track(draft)
            return Seen(trace=below.trace if below else None)
        seen = self._fill(draft, process)
        self.watch.require(draft.layer, seen.read)
        return seen

    def _fill(self, draft: Draft, process: Filling) -> Seen:
        """Fill a draft; what that was seen to depend on."""
        layer = draft.layer
        began, done = time.monotonic(), 0

        def hear(event: Mapping[str, Any]) -> None:
            nonlocal done
            name = event.get("module", "")
            done += name in layer.modules
            self.listener(
                LayerProgress(
                    layer=layer,
                    event="module" if name else "line",
                    module=name,
                    line=event.get("line", ""),
                    done=done,
                    elapsed=time.monotonic() - began,
                )
            )

        return process.order(
            {
                "database": draft.database,
                "layer": layer.digest,
                "parent": layer.parent.digest if layer.parent else "",
                "empty": layer.parent is None,
                "trusted": layer.trusted,
                "language": layer.language,
                "modules": list(layer.modules),
                "data": [str(path) for path in layer.data],
                "program": _order(layer.program),
                "reclimit": layer.reclimit,
                "roots": [str(path) for path in self.watch.roots],
                "apart": [str(path) for path in self.watch.apart],
            },
            layer=layer,
            deadline=self.deadline,
            hear=hear,
        )

    def _describe(
        self, layer: Layer, started: float, trace: Mapping[str, str] | None
    ) -> Manifest:
        return Manifest(
            digest=layer.digest,
            name=layer.name,
            parent=layer.parent.digest if layer.parent else "",
            series=self.series,
            language=layer.language,
            modules=layer.modules,
            closure=layer.closure,
            created=started,
            used=started,
            seconds=round(time.time() - started, 3),
            facts=layer.facts,
            declared=layer.declared,
            trace=trace,
        )

    def _note(
        self,
        layer: Layer,
        manifest: Manifest,
        action: str,
        started: float,
        seconds: float,
    ) -> None:
        self.costs.append(
            TemplateCost(
                name=layer.name,
                digest=manifest.digest,
                layer=layer.name,
                modules=layer.modules,
                action=action,
                started=started,
                seconds=seconds,
                size=manifest.size,
            )
        )


def _order(program: Program | None) -> dict[str, Any] | None:
    """A program as the building process is told it."""
    if program is None:
        return None
    return {
        "argv": list(program.argv),
        "directory": str(program.directory),
        "environment": dict(line.partition("=")[::2] for line in program.environment),
    }


def _require_unchanged(layer: Layer) -> None:
    """Raise `TemplateError` when the layer may not be what its digest says."""
    changes = layer.changes()
    if changes:
        shown = ", ".join(changes[:SHOWN])
        more = f" and {len(changes) - SHOWN} more" if changes[SHOWN:] else ""
        raise TemplateError(
            f"layer {layer.name} was not kept, since it changed while it was built:"
            f" {shown}{more}",
            checked="all that its digest was made of, again",
            remedy="run again: it is built from what is there now",
        )
