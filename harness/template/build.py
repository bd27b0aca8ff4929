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
from harness.errors import TemplateError
from harness.model import TemplateCost
from harness.template.base import Draft, Filling, Manifest, Shelf
from harness.template.layer import Layer, Program
from harness.template.watch import SHOWN, FileWatch


@dataclass(frozen=True, kw_only=True)
class LayerProgress:
    """How far a build is; `elapsed` in seconds since the layer was begun."""

    layer: Layer
    event: str
    """``begin``, ``wait``, ``module``, ``line``, ``end`` or ``reuse``."""
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
    ) -> None:
        """`filling` makes what fills the layers of a chain.

        `deadline` is the seconds that one layer may take; `watch` looks at what a
        build has read.
        """
        self.shelf = shelf
        self.filling = filling
        self.series = series
        self.deadline = deadline
        self.listener = listener
        self.watch = watch or FileWatch()
        self.costs: list[TemplateCost] = []
        self._known: dict[str, Manifest] = {}
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
        self.shelf.use(layer.digest)
        found = self.shelf.find(layer.digest)
        if found:
            self._note(layer, found, "reused", started, 0.0)
            self.listener(LayerProgress(layer=layer, event="reuse"))
        return found

    def _build(self, layer: Layer) -> Manifest:
        chain = layer.chain()
        for one in chain:
            self.shelf.use(one.digest)
        missing = [one for one in chain if self.shelf.find(one.digest) is None]
        with self.filling() as process:
            for one in missing:
                with waiting.on(f"the template's layer {one.name}"):
                    made = self._layer(one, process)
        return made

    def _layer(self, layer: Layer, process: Filling) -> Manifest:
        def wait() -> None:
            self.listener(LayerProgress(layer=layer, event="wait"))

        with self.shelf.claim(layer.digest, deadline=self.deadline, waiting=wait):
            found = self.shelf.find(layer.digest)
            if found:
                return found
            started = time.time()
            self.listener(LayerProgress(layer=layer, event="begin"))
            draft = self.shelf.draft(layer)
            try:
                if layer.tracked:
                    self.shelf.track(draft)
                else:
                    self.watch.require(layer, self._fill(draft, process))
                _require_unchanged(layer)
                manifest = self.shelf.publish(draft, self._describe(layer, started))
            except BaseException:
                process.kill()
                self.shelf.discard(draft)
                raise
        seconds = time.time() - started
        self._note(layer, manifest, "built", started, seconds)
        self.listener(LayerProgress(layer=layer, event="end", elapsed=seconds))
        return manifest

    def _fill(self, draft: Draft, process: Filling) -> list[str]:
        """Fill a draft; the files of the project that were read for it."""
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
            },
            layer=layer,
            deadline=self.deadline,
            hear=hear,
        )

    def _describe(self, layer: Layer, started: float) -> Manifest:
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
                digest=layer.digest,
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
