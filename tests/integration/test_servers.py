# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications beside tests, whose database is put back under them."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

import pytest

from harness.plugins import servers
from harness.plugins.client import Lease, Left, Way
from harness.plugins.keeper import Keeper
from harness.plugins.servers import SuiteServer
from harness.postgres import Address, connect
from harness.store import Run, Store
from harness.template.postgresql import PostgreSQL
from harness.template.undo import PRISTINE
from tests.integration.test_undo import Bed, _until, binaries

APPLICATION = """\
import os, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import psycopg

NAME = os.environ["HARNESS_SERVING_DATABASE"]
begun = threading.Event()

def write():
    while True:  # as applications do: a connection that was lost is opened again
        try:
            with psycopg.connect(dbname=NAME) as connection:
                connection.execute("INSERT INTO it VALUES ('tried')")
                begun.set()
                time.sleep(float(sys.argv[2]))
            return
        except psycopg.OperationalError:
            pass

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/write":
            threading.Thread(target=write).start()
            begun.wait(10)
        self.send_response(200)
        self.end_headers()

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def bed(address: Address, store: Store) -> Iterator[Bed]:
    with Run(store) as run:
        shelf = PostgreSQL(
            address, run.id, file_copy=True, binaries=binaries, environ=os.environ
        )
        made = Bed(address, shelf)
        yield made
        made.close()


@pytest.fixture
def keeper(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A worker's keeper, with a lease of the bed's pool."""
    layer = bed.template("CREATE TABLE it (a text)")
    given = bed.lease(layer)
    lease = Lease(
        key="k", database=given.database, files="/nowhere", modules=(), digest="",
        kind="ready", seconds=0.0, mark=PRISTINE,
    )  # fmt: skip
    made = Keeper("it", {})
    made.lease = lease
    for name, value in bed.address.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(servers, "client", SimpleNamespace(worker="w1"))

    def back() -> Way:
        outcome, other = bed.pool.back(given, PRISTINE)
        made.lease = lease._replace(database=other.database)
        left = tuple(Left(one.process, one.state, one.query) for one in outcome.left)
        return Way(how=outcome.how, reason="", left=left, lease=made.lease)

    return SimpleNamespace(
        made=made, back=back, rows=lambda: _rows(bed, made.ensure().database)
    )


def _rows(bed: Bed, database: str) -> int:
    with connect(bed.address, database) as connection:
        row = connection.execute("SELECT count(*) FROM it").fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def start(keeper: Any, tmp_path: Path) -> Iterator[Any]:
    """An application whose writes take some seconds."""
    made: list[SuiteServer] = []

    def started(seconds: float) -> SuiteServer:
        path = tmp_path / "application.py"
        path.write_text(APPLICATION)
        given = {
            "command": f"python {path} {{port:it}} {seconds}",
            "environment": {}, "health": "/health", "timeout": 30,
        }  # fmt: skip
        made.append(SuiteServer("it", given, str(tmp_path)))
        urlopen(made[0].start(keeper.made) + "/write")
        return made[0]

    yield started
    for one in made:
        one.stop()


def test_what_an_application_would_try_again_is_not_written(
    keeper: Any, start: Any
) -> None:
    server = start(5)
    server.hold()
    way = keeper.back()
    assert (way.how, len(way.left)) == ("exchanged", 1)
    server.put_back(keeper.made, way)
    assert not server.alive
    assert keeper.rows() == 0
    urlopen(server.start(keeper.made) + "/health")  # another, on the other database
    assert keeper.rows() == 0


def test_a_server_goes_on_where_nothing_was_written(keeper: Any, start: Any) -> None:
    server = start(0)
    _until(lambda: keeper.rows() == 1)
    server.hold()
    way = keeper.back()
    assert (way.how, way.left) == ("reset", ())
    server.put_back(keeper.made, way)
    assert server.alive
    server.hold()
    server.put_back(keeper.made, keeper.back())
    urlopen(server.url + "/write")
    _until(lambda: keeper.rows() == 1)
