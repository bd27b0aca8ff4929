# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness serve``: databases for a pytest that the harness has not started.

Its interpreter is ours, its environment that of the tests.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from harness.context import Context
from harness.environment import Environment
from harness.errors import ExitCode, HarnessError, MissingTool, UsageError
from harness.interpreters import Interpreter
from harness.locks import Lock
from harness.plan import Step
from harness.run import needs, servers, templates
from harness.run.expecting import Expecting
from harness.run.request import RunRequest, steps_of
from harness.runners import base
from harness.standalone.__main__ import wait
from harness.store import Run
from harness.template.broker import Broker


def run(context: Context, *, tell: Callable[[str], None]) -> int:
    """Serve until standard input ends, or who has started this.

    One line of JSON tells the variables that the tests must have.
    """
    parent = os.getppid()
    with Run(context.store) as current, Broker(directory=current.scratch()) as broker:
        kind, _ = servers.choose(context)
        tell(json.dumps({**servers.dialect(kind), **broker.environment}))
        with ExitStack() as stack:
            try:
                stack.enter_context(_serving(context, current, broker))
            except HarnessError as error:
                broker.refuse(error)
            wait(parent)
    return ExitCode.OK


@contextmanager
def _serving(context: Context, current: Run, broker: Broker) -> Iterator[None]:
    step = _step(context)
    environment = _own()
    graph = needs.all_modules(context, step, environment)
    expecting = Expecting(
        context=context, step=step, environment=environment, graph=graph
    )
    files = base.Files(
        directory=current.scratch(),
        cache=needs.cache(context, step),
        timings=context.store.path / "timings.json",
        link=base.link(context.store),
        bytecode=context.store.directory("bytecode"),
    )
    telling = templates.Telling(context)
    with servers.place(context, current, step.database) as where:
        layers = expecting.layers(where.label)
        variables = base.variables(
            step,
            measured=(),
            files=files,
            environ=context.environ,
            database=where.variables,
        )
        make = templates.builder(context, step, environment, where, variables, telling)
        expected = expecting.expected(layers)
        templates.ensure_all(context, make, expected, telling)
        expecting.touch(expected, make)
        with closing(templates.pool(context, make, expected)) as pool:
            broker.serve(pool, layers, where.variables)
            yield
        expecting.touch(broker.asked.values(), make)
        templates.keep_house(context, where.shelf)


def _step(context: Context) -> Step:
    """The tests of all modules that are configured, or were found."""
    suites = [n for n, one in context.config.suite.items() if one.kind == "tryton"]
    if not suites:
        raise UsageError(
            "no suite of Tryton modules is configured", remedy="harness config"
        )
    steps = steps_of(context, RunRequest(suite=suites[0]))
    if len(steps) > 1:
        raise UsageError(
            "one pytest cannot run modules of several series: "
            + ", ".join(one.series for one in steps),
            remedy="change to the directory of one of them",
        )
    return steps[0]


def _own() -> Environment:
    """The environment that this Python is of, which nobody else removes."""
    path = Path(sys.prefix)
    interpreter = Interpreter(path=Path(sys.executable), version=sys.version_info[:2])
    made = Environment(path=path, interpreter=interpreter, lock=Lock(path))
    if not (made.site / "trytond").is_dir():
        raise MissingTool(
            "this Python has no trytond",
            checked=str(made.site),
            remedy="pip install -e '.[test]' in the environment that runs pytest, with"
            " the series of trytond that the module needs",
        )
    return made
