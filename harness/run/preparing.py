# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step needs before it begins: checks, an environment, an image, a browser."""

from pathlib import Path

from harness.context import Context
from harness.plan import Step
from harness.run import browsing, container, distant, needs, servers
from harness.run.session import StepSession
from harness.runners import tryton
from harness.sources import tests_of
from harness.store import Run


def make(context: Context, current: Run, step: Step, directory: Path) -> StepSession:
    """A session that has its environment.

    Raises what its environment raises, or what the step names.
    """
    for one in step.tested:
        if one.name in context.graph:
            tests_of(context.graph[one.name])
    inner = step.runner == "image"
    table = context.config.suite[step.suite]
    # What can be known is said before an environment is made, which takes minutes.
    distant.parse(context.config.workers)
    if step.database == "given":
        servers.server(context, step.database).start()
    driven = table.browser and not inner
    browser = browsing.choose(context, current, step) if driven else None
    chosen = container.find(context, current, step) if inner else None
    environment = chosen.environment if chosen else needs.prepare(context, step)
    graph = needs.all_modules(context, step, environment)
    for one in step.tested:
        tests_of(graph.require(one.name))
    if step.tested:
        tested = [graph[one.name] for one in step.tested]
        tryton.check(tryton.chosen(step, graph), tested)
    session = StepSession(context, current, step, environment, graph, directory)
    session.image = chosen
    session.browser = browser
    return session
