# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step needs before anything starts: its database, environment, modules."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from harness import envfile, interpreters, modules, series
from harness.browsers import Browsers, Reach
from harness.config import Config
from harness.context import Context
from harness.environment import Environment, EnvironmentRequest, Environments
from harness.model import Module, Origin
from harness.modules import Graph
from harness.plan import Step
from harness.run import browsing
from harness.runners import base, suite, tryton
from harness.store import Run
from harness.template.layer import Document, Program, Request

OURS = ("PG", "HARNESS_")
"""How variables begin that no file of a suite can set."""


def request(config: Config, names: tuple[str, ...]) -> Request:
    """A configured template by its name, else a database with these modules."""
    if len(names) != 1 or names[0] not in config.template:
        return Request(modules=names, language=config.templates.language)
    modules: list[str] = []
    data: list[Document | Program] = []
    reclimit, language, name = 0, "", names[0]
    while name:
        table = config.template[name]
        modules += table.modules
        data[:0] = [*_documents(config, name), *_programs(config, name)]
        reclimit = reclimit or table.reclimit
        language = language or table.language
        name = table.parent
    return Request(
        modules=tuple(dict.fromkeys(modules)),
        language=language or config.templates.language,
        data=tuple(data),
        reclimit=reclimit,
    )


def variables(
    config: Config, step: Step, environ: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The variables of a step's suite: those that are fixed, those of a lease.

    What the suite's table says wins over what its files say; where the database is
    they do not say at all.  Files may name variables of `environ`.
    """
    table = config.suite[step.suite]
    files: dict[str, str] = {}
    for path in table.environment_files:
        files = envfile.load(config.root / path, files, environ)
    fixed, varying = suite.environment(table.environment)
    others = {key: files[key] for key in files if not key.startswith(OURS)}
    return {**others, **fixed}, varying


def _documents(config: Config, template: str) -> list[Document]:
    table = config.template[template]
    return [
        Document(
            path=config.root / path,
            root=config.root,
            reads=table.reads,
            dated=table.dated,
        )
        for path in table.data
    ]


def _programs(config: Config, template: str) -> list[Program]:
    table = config.template[template]
    if not table.command:
        return []
    program = Program(
        name=template,
        argv=table.command,
        root=config.root,
        directory=config.root / table.directory,
        reads=table.reads,
        packages=table.packages,
        environment=table.environment,
        dated=table.dated,
    )
    return [program]


def wanted(context: Context, step: Step) -> EnvironmentRequest:
    """The environment that a step needs."""
    release = series.find(step.series)
    graph = context.graph
    chosen = [(context.sources[name], graph.get(name)) for name in step.sources]
    tables = {name: context.config.source[name] for name in step.sources}
    official = [one.name for one in step.tested if one.origin is Origin.INDEX]
    if step.template:
        names = request(context.config, (step.template,)).modules
        official += [name for name in names if name not in graph]
    return EnvironmentRequest(
        series=release,
        interpreter=interpreters.find(release, context.environ),
        sources=tuple(chosen),
        official=tuple(official),
        extra=(
            *(line for one in tables.values() for line in one.requirements),
            *context.config.requirements,
        ),
        constraints=tuple(line for one in tables.values() for line in one.constraints),
        extras={name: one.extras for name, one in tables.items() if one.extras},
    )


def prepare(context: Context, step: Step) -> Environment:
    """The finished environment of a step, installed now if it must be."""
    environments = Environments(context.store, context.environ)
    want = wanted(context, step)
    ready = environments.installed(want)
    if ready:
        return ready
    with context.console.step("environment", ticker=True) as live:
        return environments.ensure(want, step=live.update)


def cache(context: Context, step: Step) -> Path:
    """What pytest remembers (``--lf``): of one checkout, profile and root directory.

    The shards of a suite share it.
    """
    config = context.config
    module = step.tested[0].name if len(step.tested) == 1 else ""
    words = "\0".join([str(config.root), config.profile, module])
    digest = sha256(words.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return context.store.directory("pytest", f"{step.suite}-{step.series}-{digest}")


def all_modules(context: Context, step: Step, env: Environment) -> Graph:
    """Official modules of the environment, and the sources over them."""
    found: dict[str, Module] = {one.name: one for one in modules.installed(env.site)}
    for name in step.sources:
        if name in context.graph:
            found[name] = context.graph[name]
    return Graph(found.values())


def command(
    step: Step,
    graph: Graph,
    environment: Environment,
    files: base.Files,
    *,
    browser: bool,
    plugins: Sequence[str],
) -> list[str]:
    """The command of a step's tests."""
    if not step.source:
        return tryton.command(step, graph, environment, files)
    return suite.command(
        step, step.source, environment, files, browser=browser, plugins=plugins
    )


def measured(context: Context, step: Step, graph: Graph) -> list[Path]:
    """The directories whose coverage is taken."""
    if step.source:
        found = suite.tested(step, context.sources)
        return [path for one in found for path in suite.measured(one)]
    return tryton.measured(step, graph)


def own(
    context: Context, current: Run, step: Step, browsers: Browsers | None
) -> dict[str, str]:
    """The suite's own variables; those that need a lease are set with it."""
    fixed, varying = variables(context.config, step, context.environ)
    if not step.template:
        return fixed
    given = {"template": step.template, "variables": varying, "known": {}}
    if browsers or context.config.suite[step.suite].servers:
        given["known"] = asdict(browsers.reach() if browsers else Reach())
        fixed[browsing.VARIABLE] = browsing.order(context, current, step, browsers)
    return {**fixed, suite.VARIABLES: json.dumps(given)}
