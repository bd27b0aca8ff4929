# SPDX-License-Identifier: GPL-3.0-or-later
"""(d): how long a lease takes from the real broker, and a bare clone beside it."""

import contextlib
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from project import HERE, Project

from harness import proc
from harness.environment import Environment
from harness.errors import CommandFailed
from harness.postgres import Address
from harness.postgres.base import connect
from harness.run import needs, servers, templates
from harness.runners import base
from harness.store import Run
from harness.template.base import Shelf
from harness.template.broker import Broker
from harness.template.build import TemplateBuilder
from harness.template.layer import Layer, Request
from harness.template.layers import Layers
from harness.template.postgresql import template

COUNTS = (1, 10, 100)
HOLDS = (0.25, 0.0)
"""Seconds that a client works with a lease; 0: it asks again at once."""
CLIENTS = 2
BUSY = 2
"""Processes that keep the processors busy, as tests do."""
CLONES = 10
"""Bare clones in a round."""
LEAD = 1.0
"""Seconds between the start of a run and its first test, at least: imports."""
STRATEGIES = ("FILE_COPY", "WAL_LOG")


@dataclass
class Latencies:
    """Seconds by (what, how often, how long held, busy processes)."""

    seconds: dict[tuple[str, int, float, int], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    kinds: dict[tuple[str, int, float, int], Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What a run has to hand out leases with."""

    project: Project
    address: Address
    builder: TemplateBuilder
    layers: Layers
    layer: Layer


def measure(project: Project, rounds: int) -> Latencies:
    """All rounds of all cases, the template built before."""
    found = Latencies()
    with _desk(project) as desk:
        for _ in range(rounds):
            for busy in (0, BUSY):
                with _load(project, busy):
                    _bare(desk, busy, found)
                    for hold in HOLDS:
                        for count in COUNTS:
                            _leases(desk, count, hold, busy, found)
    return found


@contextlib.contextmanager
def _desk(project: Project) -> Iterator[Desk]:
    """As `harness.commands.test` makes it, on the server that is held."""
    context, step = project.context("local"), project.step("local")
    environment: Environment = project.environment
    graph = needs.all_modules(context, step, environment)
    with ExitStack() as stack:
        run = stack.enter_context(Run(context.store))
        where = stack.enter_context(servers.place(context, run, "local"))
        link = str(base.link(context.store))
        env = {**project.plain, **where.variables, "PYTHONPATH": link}
        builder = templates.builder(
            context, step, environment, where, env, lambda progress: None
        )
        layers = templates.layers(context, step, environment, graph, where.label)
        language = context.config.templates.language
        layer = layers.resolve(Request(modules=(project.source,), language=language))
        builder.ensure(layer)
        yield Desk(
            project=project,
            address=project.hold(),
            builder=builder,
            layers=layers,
            layer=layer,
        )


@contextlib.contextmanager
def _load(project: Project, count: int) -> Iterator[None]:
    """Keep `count` processors busy."""
    with ExitStack() as stack:
        for _ in range(count):
            argv = [sys.executable, "-c", "while True: sum(range(10000))"]
            stack.enter_context(proc.Child(argv, env=project.plain))
        yield


def _leases(desk: Desk, count: int, hold: float, busy: int, found: Latencies) -> None:
    """`count` leases to two processes, from a pool as at the start of a run."""
    pool = templates.pool(desk.project.context("local"), desk.builder, [desk.layer])
    clients = min(CLIENTS, count)
    key = ("lease", count, hold, busy)
    with ExitStack() as stack:
        stack.callback(pool.close)
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        broker = stack.enter_context(Broker(directory=Path(place)))
        broker.serve(pool, desk.layers, desk.address.environment())
        time.sleep(LEAD)
        children = [
            stack.enter_context(_client(desk, broker, number, count // clients, hold))
            for number in range(clients)
        ]
        for child in children:
            output, _ = child.process.communicate()
            if child.code():
                raise CommandFailed("a client of the leases failed: see above")
            for seconds, kind in json.loads(output):
                found.seconds[key].append(seconds)
                found.kinds[key][kind] += 1


def _client(
    desk: Desk, broker: Broker, number: int, count: int, hold: float
) -> proc.Child:
    order = {
        "count": count,
        "hold": hold,
        "modules": list(desk.layer.modules),
        "language": desk.layer.language,
        "worker": f"w{number + 1}",
    }
    environment = {**desk.address.environment(), **broker.environment}
    return proc.Child(
        [sys.executable, HERE / "lease_client.py", json.dumps(order)],
        env={**desk.project.plain, **environment},
        stdout=proc.PIPE,
    )


def _bare(desk: Desk, busy: int, found: Latencies) -> None:
    """What a clone and its end cost without any pool, both ways to copy."""
    shelf: Shelf = desk.builder.shelf
    assert shelf.find(desk.layer.digest)
    source = template(desk.layer.digest)
    with connect(desk.address) as connection:
        for number in range(CLONES):
            for strategy in STRATEGIES:
                name = f"bench_clone_{number}"
                create = f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY {strategy}"
                for what, statement in (
                    (f"CREATE … {strategy}", create),
                    (f"DROP after {strategy}", f"DROP DATABASE {name}"),
                ):
                    started = time.perf_counter()
                    connection.execute(statement)  # type: ignore[call-overload]
                    seconds = time.perf_counter() - started
                    found.seconds[what, CLONES, 0.0, busy].append(seconds)


def clone(project: Project, database: str) -> None:
    """A clone of the source's template, for a plain run on a ready database."""
    with _desk(project) as desk, connect(desk.address) as connection:
        project.drop(database)
        source = template(desk.layer.digest)
        connection.execute(
            f"CREATE DATABASE {database} TEMPLATE {source}"  # type: ignore[call-overload]
        )
