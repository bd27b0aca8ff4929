# SPDX-License-Identifier: GPL-3.0-or-later
"""The database servers, and where each has its templates."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import probe
from harness.context import Context
from harness.postgres import (
    Address,
    DockerServer,
    GivenServer,
    LocalServer,
    PostgresServer,
)
from harness.postgres.local import MAJOR, installation
from harness.run import housing
from harness.store import Run
from harness.template.base import Shelf
from harness.template.sqlite import SQLite

if TYPE_CHECKING:
    from harness.postgres.house import House
    from harness.template.postgresql import PostgreSQL

KEPT = 15 * 60.0
"""Seconds that ``--keep`` leaves the embedded server running."""


def local(context: Context) -> LocalServer:
    """The embedded server as configured."""
    return LocalServer(context.store, **_settings(context))


def docker(context: Context) -> DockerServer:
    """The server in a container as configured."""
    images = context.config.images
    image = context.config.database.image or f"{images.prefix}/db:{images.variant}"
    return DockerServer(context.store, image=image, **_settings(context))


def _settings(context: Context) -> dict[str, Any]:
    database = context.config.database
    return {
        "storage": database.storage,
        "timeout": database.start_timeout,
        "keep": KEPT if context.config.keep else 0.0,
        "environ": context.environ,
        "encoding": database.encoding,
        "locale": database.locale,
    }


def server(context: Context, kind: str) -> PostgresServer:
    """The server of a kind; nothing is started."""
    if kind == "given":
        return GivenServer(context.config.database.server)
    return docker(context) if kind == "docker" else local(context)


def choose(context: Context) -> tuple[str, str]:
    """The database server of this invocation and why; starts nothing."""
    candidates: dict[str, Callable[[], str | None]] = {
        "docker": lambda: docker(context).why_not(),
        "local": lambda: local(context).why_not(),
        "sqlite": lambda: None,
    }
    return probe.choose(context.config.database.server, candidates)


NOWHERE = "/dev/null"
"""Nothing can ever be below it: libpq's error names the rest of the path."""
DIALECTS = {
    "sqlite": {
        "TRYTOND_DATABASE_URI": "sqlite://",
        "DB_NAME": ":memory:",
        "PGHOST": f"{NOWHERE}/a-run-on-sqlite-has-no-database-server",
    },
    "postgresql": {
        "TRYTOND_DATABASE_URI": "postgresql:///",
        "DB_NAME": "test",
        "PGHOST": f"{NOWHERE}/the-database-comes-with-the-first-test",
    },
}


def dialect(kind: str) -> dict[str, str]:
    """What trytond must know of a server before it knows where it is.

    And libpq: what connects too early shall not find the developer's own server.
    """
    return DIALECTS["sqlite" if kind == "sqlite" else "postgresql"]


def label(context: Context, kind: str) -> str:
    """What a server is called in digests, where that is known before it runs."""
    if kind == "docker":
        major = docker(context).major()
        return f"postgresql-{major}" if major.isdecimal() else ""
    return {"sqlite": "sqlite", "local": f"postgresql-{MAJOR}"}.get(kind, "")


@dataclass(frozen=True, kw_only=True)
class TemplatePlace:
    """Where templates are, and how a suite's processes find the server."""

    shelf: Shelf
    variables: dict[str, str]
    label: str
    server: PostgresServer | None
    address: Address | None = None


@contextlib.contextmanager
def place(context: Context, run: Run, kind: str) -> Iterator[TemplatePlace]:
    """The server, started, and its shelf of templates, swept."""
    with contextlib.ExitStack() as stack:
        if kind == "sqlite":
            files = SQLite(context.store, run.id)
            stack.callback(files.close)
            files.sweep()
            yield TemplatePlace(
                shelf=files, variables=dialect(kind), label="sqlite", server=None
            )
            return
        chosen = server(context, kind)
        alone = context.store.live() <= {run.id}
        stack.callback(chosen.stop)
        address, house = housing.entered(context, chosen, alone=alone)
        if house:
            stack.callback(house.close)
        shelf = _postgresql(context, run, address, house)
        stack.callback(shelf.close)
        swept = shelf.sweep()
        if swept:
            context.console.info(f"swept {len(swept)} databases of dead runs")
        yield TemplatePlace(
            shelf=shelf,
            variables={**dialect(kind), **address.environment()},
            label=f"postgresql-{shelf.version // 10000}",
            server=chosen,
            address=address,
        )


def _postgresql(
    context: Context,
    run: Run,
    address: Address,
    house: "House | None",
) -> "PostgreSQL":
    from harness.template.postgresql import PostgreSQL  # with psycopg
    from harness.template.presence import GRACE

    return PostgreSQL(
        address,
        run.id,
        file_copy=house is not None and context.config.database.storage != "disk",
        binaries=binaries,
        environ=context.environ,
        living=context.store.live,
        grace=0.0 if house else GRACE,
        look_after=house.after_lease if house else lambda: None,
    )


def binaries(version: int) -> Path | None:
    """Programs of PostgreSQL that go well with a server of `version` (150004)."""
    place_ = installation(version // 10000)
    return place_ / "bin" if place_ else None
