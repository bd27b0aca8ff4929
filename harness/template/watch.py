# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks whether a build read something that its digest does not know."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import TemplateError
from harness.template import digest
from harness.template.layer import Layer

SHOWN = 5
"""So many files are named."""


@dataclass(frozen=True, kw_only=True)
class FileWatch:
    """Files below `roots` count, but for those `apart`; `root` is the project's.

    What `modules` ship is part of their own layers.
    """

    root: Path = Path()
    roots: tuple[Path, ...] = ()
    apart: tuple[Path, ...] = ()
    modules: tuple[Path, ...] = ()

    def require(self, layer: Layer, read: Iterable[str]) -> None:
        """Raise `TemplateError` when a file that was read is no fact of the layer."""
        unknown = list(self._unknown(layer, map(Path, read)))
        if unknown:
            shown = ", ".join(unknown[:SHOWN])
            more = f" and {len(unknown) - SHOWN} more" if unknown[SHOWN:] else ""
            where = "the template's table" if layer.data else "[tool.harness.templates]"
            raise TemplateError(
                f"layer {layer.name} was not kept: it read {shown}{more},"
                " and its digest does not know that",
                checked="all files of the project that were opened while it was built",
                remedy=f"name it in {where}: reads = {unknown[:SHOWN]}",
            )

    def _unknown(self, layer: Layer, read: Iterable[Path]) -> Iterator[str]:
        for path in sorted(read):
            root = self._root(path)
            if root is None or self._left_out(path, path.relative_to(root)):
                continue
            if path.is_file() and not self._known(layer, path):
                inside = path.is_relative_to(self.root)
                yield str(path.relative_to(self.root) if inside else path)

    def _root(self, path: Path) -> Path | None:
        """The root that a file is in, if the nearest directory of ours is one."""
        around = [one for one in self.roots + self.apart if path.is_relative_to(one)]
        nearest = max(around, key=lambda one: len(one.parts), default=None)
        return nearest if nearest in self.roots else None

    def _known(self, layer: Layer, path: Path) -> bool:
        """Whether it is a fact, by this path or by the one that links lead to."""
        if layer.known(path):
            return True
        real = path.resolve()
        return layer.known(real) or any(
            real.is_relative_to(one.resolve())
            and digest.ships(real.relative_to(one.resolve()))
            for one in self.modules
        )

    def _left_out(self, path: Path, below: Path) -> bool:
        if any(
            part.startswith(".")
            or part == "site-packages"
            or part.endswith(".egg-info")
            for part in below.parts
        ):
            return True
        return any(
            path.is_relative_to(one) and digest.ships(path.relative_to(one))
            for one in self.modules
        )
