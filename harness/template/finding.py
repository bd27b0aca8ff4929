# SPDX-License-Identifier: GPL-3.0-or-later
"""Which template serves for a layer: one of its very facts, or one whose trace holds.

A trace has all that the builds of a template and of those below were seen to depend
on.  So it says of a template whether it would be the same today, whatever stands below
it by now.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.plugins.trace.facts import Now, Trace
from harness.store import Store
from harness.template import digest, limits
from harness.template.base import Manifest, Shelf
from harness.template.facts import SEEN
from harness.template.layer import Layer

VARIABLE = "variable "
INIT = re.compile(r"file [^/]+/__init__\.py")
"""The fact of a source's package."""


@dataclass(frozen=True, kw_only=True)
class Finder:
    """Looks on a shelf; `now` is what traces are compared with.

    With `exact` files count as a whole.
    """

    shelf: Shelf
    now: Now
    exact: bool = False

    def find(self, layer: Layer) -> Manifest | None:
        """The template that serves for a layer; nobody removes it any more."""
        _, found = self.exactly(layer)
        if found or self.exact or not layer.declared:
            return found
        return next(self._traced(layer), None)

    def exactly(self, layer: Layer) -> tuple[Layer, Manifest | None]:
        """The layer as it is called today, and the template that is called so.

        One whose build read variables that have other values now is another one's:
        the values become facts of the layer.
        """
        self.shelf.use(layer.digest)
        found = self.shelf.find(layer.digest)
        if found is None:
            return layer, None
        then = {k: v for k, v in (found.trace or {}).items() if k.startswith(VARIABLE)}
        values = {name: self.now.digest(name) for name in then}
        if values == then or values.items() <= layer.facts.items():
            return layer, found
        return self.exactly(called(layer, {**layer.facts, **values}))

    def changes(self, layer: Layer, series: str) -> list[str]:
        """In what it differs from the template of its name that is most like it.

        Nothing where there is none of the series.
        """
        if layer.tracked:
            return []
        own = layer.name, layer.language, series
        known = [
            one
            for one in self.shelf.all()
            if (one.name, one.language, one.series) == own
        ]
        alike = [one for one in known if one.declared == layer.declared]
        found = [changed(one, self.now) or [] for one in alike]
        found = list(filter(None, found)) or [
            list(_differences(one.facts, layer.facts)) for one in known
        ]
        return min(found, key=len, default=[])

    def _traced(self, layer: Layer) -> Iterator[Manifest]:
        for one in self.shelf.all():
            if one.declared == layer.declared and changed(one, self.now) == []:
                self.shelf.use(one.digest)
                if self.shelf.find(one.digest):  # it was not removed meanwhile
                    yield one

    def standing(self, layer: Layer, below: Manifest | None) -> Layer:
        """The layer on the template that serves for its parent.

        On one that was made of other files it is called otherwise: who wants whole
        files does not find it.
        """
        if layer.parent is None or below is None or below.digest == layer.parent.digest:
            return layer
        parent = replace(layer.parent, digest=below.digest)
        facts = {**layer.facts, "exact": layer.digest}
        return called(replace(layer, parent=parent), facts)

    def trace(
        self, layer: Layer, seen: Mapping[str, str] | None, below: Manifest | None
    ) -> dict[str, str] | None:
        """That of a layer that was just built.

        None where not all was seen, or is as it was when it was seen.
        """
        if not layer.declared:
            return None
        if not any(SEEN.match(fact) for one in layer.chain() for fact in one.facts):
            return {}
        if seen is None or (below and below.trace is None):
            return None
        made = {**(below.trace or {} if below else {}), **seen}
        for name in made:
            if name.startswith(VARIABLE):
                made[name] = self.now.digest(name)
        whole = self._whole(layer, made) and not Trace(made).changed(self.now)
        return made if whole else None

    def _whole(self, layer: Layer, trace: Mapping[str, str]) -> bool:
        """Whether all packages of the layer's sources were seen when they began."""
        names = [
            self._name(path)
            for one in layer.chain()
            if one.gathered
            for path, fact in one.gathered.names.items()
            if INIT.fullmatch(fact)
        ]
        return all(f"module {one}" in trace or f"file {one}" in trace for one in names)

    def _name(self, path: Path) -> str:
        """What a file is called in traces."""
        real = path.resolve()
        root = Path(self.now.root)
        return str(real.relative_to(root) if real.is_relative_to(root) else real)


def _differences(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """What differs of facts, but for contents of files that a build was seen to read.

    There are others, or those would not count.
    """
    for name in sorted({*then, *now} - {"exact"}):
        if name not in now:
            yield f"{name} is gone"
        elif name not in then:
            yield f"{name} is new"
        elif then[name] != now[name] and not SEEN.match(name):
            yield f"{name} changed"


def changed(template: Manifest, now: Now) -> list[str] | None:
    """What is not as the builds of a template saw it, in words; None: who knows."""
    return None if template.trace is None else Trace(template.trace).changed(now)


def remembered(store: Store, layer: Layer, now: Now, *, exact: bool) -> str:
    """The digest of the template that serves for a layer, if this machine knows one."""
    if limits.touched(store, layer.digest):
        return layer.digest
    if exact or not layer.declared:
        return ""
    known = limits.remembered(store, layer.declared)
    return next((one.digest for one in known if changed(one, now) == []), "")


def called(layer: Layer, facts: dict[str, str]) -> Layer:
    """The layer with other facts, and the name that comes of them."""
    parent = layer.parent.digest if layer.parent else ""
    return replace(layer, facts=facts, digest=digest.combine(parent, facts))
