# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of a step's tests that none of their processes can see."""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from harness import __version__
from harness.errors import SourceError, UsageError
from harness.run import templates
from harness.run.expecting import Expecting
from harness.runners import base
from harness.template import finding, packages
from harness.template.layer import Layer, Request
from harness.template.layers import Layers
from harness.template.process import Side


class GivenFacts:
    """Settings, versions of packages, and which template serves."""

    def __init__(self, expecting: Expecting) -> None:
        self.context = expecting.context
        self.step = expecting.step
        self.environment = expecting.environment
        self.requests = expecting.templates()
        self.environ = expecting.context.environ
        """What templates are compared with."""
        self.side = Side()

    def enter(self, side: Side, variables: Mapping[str, str]) -> None:
        """The step's processes are on that side; builds are given the `variables`."""
        self.side = side
        self.environ = side.environ(variables)

    def settings(self) -> dict[str, str]:
        """What a step is run with."""
        step, table = self.step, self.context.config.suite[self.step.suite]
        found = {
            "series": step.series,
            "python": self.environment.interpreter.name,
            "database": step.database,
            "isolation": str(step.isolation),
            "options": " ".join(table.options),
            "suite": repr(table.environment),
            "harness": __version__,
        }
        found |= self.side.settings()
        return {f"setting {name}": text for name, text in found.items()}

    def now(self, names: Iterable[str], layers: Layers) -> dict[str, str]:
        """The digests of the facts that are called so, as they are now."""
        kinds = [name.partition(" ") for name in names]
        wanted = [name for kind, _, name in kinds if kind == "package"]
        found = self.settings() | self._versions(wanted)
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

    def then(
        self,
        imported: Iterable[str],
        layers: Iterable[Layer],
        serving: Callable[[Layer], str],
    ) -> dict[str, str]:
        """Those of tests that have used these.

        `serving` has the digest of the template that serves for a layer.
        """
        names = packages.owners(self.environment.site, imported)
        used = {self._template(one): serving(one) for one in map(_plain, layers)}
        return {**self._versions(names), **used, **self.side.files()}

    def _serving(self, layer: Layer) -> str:
        """The digest of the template that serves for a layer, as far as is known."""
        context = self.context
        now = templates.now(context, self.step, self.environment, self.environ)
        known = finding.remembered(
            context.store, layer, now, exact=context.config.exact
        )
        return known or layer.digest

    def _template(self, layer: Layer) -> str:
        """A fact's name, from which the layer can be had again."""
        if self.step.template:
            return f"template {self.step.template}"
        return f"template {','.join(layer.closure)} {layer.language}"

    def _versions(self, names: Iterable[str]) -> dict[str, str]:
        found = packages.versions(self.environment.site, names)
        return {f"package {name}": version for name, version in found.items()}


def _plain(layer: Layer) -> Layer:
    """The layer without the undo log on top of it."""
    return layer.parent if layer.tracked and layer.parent else layer


def configuring(directory: Path) -> list[Path]:
    """The file that configures pytest, and those that would if they were there."""
    found = base.configuration(directory)
    there = [found] if found else []
    first = (directory / name for name in base.CONFIGURING)
    return there + [one for one in first if not one.exists()]
