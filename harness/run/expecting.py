# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases that the tests of a step will ask for, as far as is known."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from harness import history
from harness.context import Context
from harness.environment import Environment
from harness.modules import Graph
from harness.options import shows
from harness.plan import Step
from harness.run import needs, templates
from harness.template import finding, limits
from harness.template.build import TemplateBuilder
from harness.template.layer import Layer, Request
from harness.template.layers import Layers


@dataclass(frozen=True, kw_only=True)
class Expecting:
    """What a step's tests are to find ready."""

    context: Context
    step: Step
    environment: Environment
    graph: Graph

    def layers(self, label: str) -> Layers:
        """What resolves requests on a server that is called `label` in digests."""
        return templates.layers(
            self.context, self.step, self.environment, self.graph, label
        )

    def templates(self) -> dict[str, Request]:
        """The templates that tests may ask for by name."""
        name = self.step.template
        if not name:
            return {}
        wanted = needs.request(self.context.config, (name,))
        return {name: replace(wanted, tracked=self.step.database != "given")}

    def expected(self, layers: Layers) -> list[Layer]:
        """The databases that the tests will ask for, as far as is known.

        None where pytest only shows something: who asks all the same is made to wait.
        """
        if shows(self.step.options):
            return []
        if self.step.template:
            return [layers.resolve(one) for one in self.templates().values()]
        language = self.context.config.templates.language
        requests = [
            Request(modules=(one.name,), language=language) for one in self.step.tested
        ]
        requests += [
            request
            for request in history.asked(self.context.store, self.step)
            if set(request.modules) <= set(self.graph)
        ]
        found = [layers.resolve(request) for request in requests]
        return list({layer.digest: layer for layer in found}.values())

    def touch(self, layers: Iterable[Layer], make: TemplateBuilder) -> None:
        """Note that these are in use, with all that they stand on."""
        for layer in layers:
            template, digests = make.used(layer)
            for one in digests:
                limits.touch(self.context.store, one)
            plain = template and layer.tracked and make.shelf.find(template.parent)
            for made in (template, plain):
                if made and made.trace:
                    limits.remember(self.context.store, made)

    def ready(self, expected: list[Layer]) -> bool:
        """Whether all of them were there when they were last in use."""
        context = self.context
        now = templates.now(context, self.step, self.environment, context.environ)
        return all(
            finding.remembered(context.store, layer, now, exact=context.config.exact)
            for layer in expected
        )
