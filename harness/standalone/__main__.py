# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m harness.standalone``: the broker of one session of pytest.

The order is one line of JSON on standard input; the answer, one line too, says where
the broker listens.  It ends, and takes all clones away, when standard input ends or
its parent does.
"""

import contextlib
import json
import os
import select
import site
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.config.schema import PoolSettings as PoolTable
from harness.config.schema import Templates
from harness.errors import HarnessError, UsageError
from harness.postgres import DockerServer, GivenServer, LocalServer, PostgresServer
from harness.postgres.local import installation
from harness.standalone.filling import Programs
from harness.standalone.recipe import Recipe, RecipeLayers, packages
from harness.store import Run, Store, default
from harness.template import limits
from harness.template.broker import Broker
from harness.template.build import TemplateBuilder
from harness.template.layer import Request
from harness.template.pool import Pool
from harness.template.postgresql import PostgreSQL
from harness.template.presence import GRACE

NAME = "postgresql_template"
PAUSE = 0.5
"""Seconds between two looks at the parent."""


def main() -> int:
    """Serve one session; the exit code."""
    parent = os.getppid()
    order = json.loads(sys.stdin.readline())
    environ = dict(os.environ)
    store = Store(Path(environ.get("HARNESS_STATE") or default(environ)))
    with Run(store) as run, Broker(directory=run.scratch()) as broker:
        sys.stdout.write(json.dumps(dict(broker.environment)) + "\n")
        sys.stdout.flush()
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(serving(order, environ, store, run, broker))
            except HarnessError as error:
                broker.refuse(error)
            wait(parent)
    return 0


def wait(parent: int) -> None:
    """Until the session has ended."""
    while os.getppid() == parent:
        if select.select([0], [], [], PAUSE)[0] and not os.read(0, 4096):
            return


@contextlib.contextmanager
def serving(
    order: Mapping[str, Any],
    environ: Mapping[str, str],
    store: Store,
    run: Run,
    broker: Broker,
) -> Iterator[None]:
    """Answer leases from a server that is started now."""
    server = choose(order["server"], store, environ)
    address = server.start()

    def shelf_() -> PostgreSQL:
        return PostgreSQL(
            address,
            run.id,
            file_copy=server.kind != "given",
            binaries=binaries,
            environ=environ,
            living=store.live,
            grace=GRACE if server.kind == "given" else 0.0,
        )

    own: list[str] = []
    try:
        with contextlib.closing(shelf_()) as shelf:
            shelf.sweep()
            layers = RecipeLayers(
                recipe(order),
                server=f"postgresql-{shelf.version // 10000}",
                environment=packages(map(Path, site.getsitepackages())),
                run=run.id,
            )
            own += layers.own()
            programs = Programs(
                address, environ=environ, binaries=binaries(shelf.version)
            )
            with clones(store, shelf, layers, programs) as pool:
                known = {NAME: Request()}
                broker.serve(pool, layers, address.environment(), known)
                yield
    finally:
        with contextlib.suppress(HarnessError), contextlib.closing(shelf_()) as shelf:
            keep_house(store, shelf, own)
        server.stop()


@contextlib.contextmanager
def clones(
    store: Store, shelf: PostgreSQL, layers: RecipeLayers, programs: Programs
) -> Iterator[Pool]:
    """Build the template, and clone it."""
    builder = TemplateBuilder(
        shelf,
        lambda: programs,
        series="",
        deadline=Templates().deadline,
        listener=lambda progress: None,
    )
    top = layers.resolve(Request(tracked=shelf.untracked() is None))
    builder.ensure(top)
    pool = Pool(builder, ahead=PoolTable().ahead, cap=PoolTable().cap, hands=2)
    with contextlib.closing(pool):
        pool.expect(top)
        for one in top.chain():
            limits.touch(store, one.digest)
        yield pool


def recipe(order: Mapping[str, Any]) -> Recipe:
    """What the session's configuration says."""
    return Recipe(
        root=Path(order["root"]),
        lines=tuple(order["lines"]),
        reads=tuple(order["reads"]),
        path=tuple(order["path"]),
    )


def choose(name: str, store: Store, environ: Mapping[str, str]) -> PostgresServer:
    """The server of a name; raises `UsageError` for none."""
    kind, _, image = name.partition(":")
    if name == "embedded":
        return LocalServer(store, environ=environ)
    if kind == "docker" and image:
        return DockerServer(store, image=image, environ=environ)
    if kind in ("postgresql", "postgres"):
        return GivenServer(name)
    raise UsageError(
        f"{name!r} is no server",
        checked=f"{NAME}_server",
        remedy="write embedded, docker:IMAGE or postgresql://USER:PASSWORD@HOST:PORT/",
    )


def binaries(version: int) -> Path | None:
    """Programs of PostgreSQL from the wheel, where it is installed."""
    place = installation(version // 10000)
    return place / "bin" if place else None


def keep_house(store: Store, shelf: PostgreSQL, own: Iterable[str]) -> None:
    """Remove templates that are this run's alone, and those beyond the limits."""
    table = Templates()
    beyond = limits.exceeding(
        [limits.with_use(store, one) for one in shelf.all()],
        count=table.count,
        size=table.size,
        age=table.age,
        now=time.time(),
    )
    for digest in (*own, *(one.digest for one, _ in beyond)):
        if shelf.remove(digest):
            limits.forget(store, digest)


if __name__ == "__main__":
    raise SystemExit(main())
