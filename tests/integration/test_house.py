# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test does to the whole server ends with its lease, or with the next start."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.errors import DatabaseError
from harness.postgres import Address, DockerServer, LocalServer, connect
from harness.postgres.house import KEEPER, House
from harness.postgres.membership import anew
from harness.run.servers import binaries
from harness.store import Run, Store
from harness.template.base import Manifest
from harness.template.layer import Layer
from harness.template.postgresql import PostgreSQL
from tests.integration.conftest import IMAGE, Harness

Sql = Callable[..., list[tuple[object, ...]]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server that nobody else uses."""
    state = Store(tmp_path_factory.mktemp("house"))
    state.path.chmod(0o711)
    made = LocalServer(state, environ=os.environ)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def address(server: LocalServer) -> Address:
    return server.start()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def house(address: Address, server: LocalServer, told: list[str]) -> Iterator[House]:
    made = House(address, server.directory() / "roles", told.append)
    made.enter(alone=True)
    assert told == []
    yield made
    made.close()


def say(address: Address, *statements: str) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    with connect(address) as connection:
        for one in statements:
            cursor = connection.execute(one.encode())
            rows = cursor.fetchall() if cursor.description else []
    return rows


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("ALTER ROLE postgres NOLOGIN", "the role postgres"),
        ("ALTER ROLE postgres NOCREATEDB CONNECTION LIMIT 0", "the role postgres"),
        ("ALTER ROLE postgres VALID UNTIL '2001-01-01'", "the role postgres"),
        (
            "ALTER ROLE postgres SET default_transaction_read_only = on",
            "settings of postgres (default_transaction_read_only=on)",
        ),
        ("ALTER ROLE postgres SET statement_timeout = '200ms'", "statement_timeout"),
        ("ALTER ROLE ALL SET idle_session_timeout = '100s'", "idle_session_timeout"),
        ("ALTER DATABASE postgres SET search_path = nowhere", "nowhere"),
        (
            "ALTER ROLE postgres IN DATABASE template1 SET jit = on",
            "settings of postgres in template1 (jit=on)",
        ),
        ("ALTER DATABASE postgres CONNECTION LIMIT 0", "the database postgres"),
        ("ALTER DATABASE template1 IS_TEMPLATE false", "the database template1"),
        (
            "ALTER SYSTEM SET default_transaction_isolation = 'serializable'",
            "settings of the server: default_transaction_isolation",
        ),
        (f"ALTER ROLE {KEEPER} NOLOGIN", f"the role {KEEPER}"),
    ],
)
def test_it_is_put_back(
    house: House, address: Address, told: list[str], statement: str, expected: str
) -> None:
    say(address, statement)
    house.look_after()
    assert len(told) == 1
    assert expected in told[0]
    told.clear()
    house.look_after()
    assert told == []
    assert say(address, "SELECT 1") == [(1,)]


def test_a_role_that_was_renamed(house: House, address: Address) -> None:
    say(
        address,
        "CREATE ROLE other SUPERUSER",
        "SET SESSION AUTHORIZATION other; ALTER ROLE postgres RENAME TO gone",
    )
    house.look_after()
    assert say(address, "SELECT rolname FROM pg_roles WHERE oid = 10") == [
        ("postgres",)
    ]
    say(address, "DROP ROLE other")


def test_roles_that_a_test_left_go_at_the_next_start(
    house: House, address: Address, told: list[str]
) -> None:
    """Only when no other run may be using them; people's stay."""
    house.know()
    say(address, "CREATE ROLE made_by_a_test")
    house.enter(alone=False)
    assert told == []
    house.enter(alone=True)
    assert told == ["a test had left the role made_by_a_test on the server: removed"]
    say(address, "CREATE ROLE peoples")
    house.know()
    told.clear()
    house.enter(alone=True)
    assert told == []
    say(address, "DROP ROLE peoples")


def test_a_lease_that_comes_back_puts_the_server_in_order(
    house: House, address: Address, server: LocalServer
) -> None:
    with Run(server.store) as run:
        shelf = PostgreSQL(
            address,
            run.id,
            file_copy=True,
            binaries=binaries,
            environ=os.environ,
            look_after=house.after_lease,
        )
        layer = Layer(
            name="x", digest=f"{time.time_ns():020x}", parent=None, language=""
        )
        shelf.publish(shelf.draft(layer), Manifest(digest=layer.digest, name="x"))
        clone = shelf.clone(layer.digest, "c")
        with connect(address, clone) as connection:
            connection.execute("ALTER ROLE postgres NOLOGIN")
        with pytest.raises(DatabaseError, match="not permitted to log in"):
            connect(address)
        shelf.clean(clone)
        assert say(address, "SELECT 1") == [(1,)]
        shelf.drop(clone)
        shelf.remove(layer.digest)
        shelf.close()


def test_a_server_that_lets_nobody_in_is_started_again(
    house: House, address: Address, server: LocalServer
) -> None:
    """Neither our role nor the other one: nobody needs a role without a server."""
    say(
        address,
        f"ALTER ROLE {KEEPER} NOLOGIN",
        "ALTER ROLE postgres SET statement_timeout = 1",
        "ALTER ROLE postgres NOLOGIN",
    )
    house.close()  # as if its run had been killed
    with pytest.raises(DatabaseError, match="lets nobody in"):
        house.enter(alone=True)
    again = House(anew(server, server.directory()), house.file, house.tell)
    again.enter(alone=True)
    again.close()
    assert say(again.address, "SHOW statement_timeout") == [("0",)]


def test_a_server_starts_whatever_was_set_for_the_next_start(
    house: House, address: Address, server: LocalServer
) -> None:
    say(address, "ALTER SYSTEM SET shared_preload_libraries = 'not_there'")
    found = anew(server, server.directory())
    assert say(found, "SHOW shared_preload_libraries") == [("",)]


def test_the_file_of_roles_is_beside_the_data(
    house: House, server: LocalServer
) -> None:
    assert Path(server.directory(), "roles").exists()


def test_a_role_that_lost_its_rights_in_a_container(
    contained: Address, store: Store, tmp_path: Path, told: list[str]
) -> None:
    """PostgreSQL 15 lets the first superuser do that to itself."""
    house = House(contained, tmp_path / "roles", told.append)
    house.enter(alone=False)
    house.close()
    say(contained, "ALTER ROLE postgres NOSUPERUSER NOLOGIN")
    house.look_after()
    house.close()
    rows = say(
        contained,
        "SELECT rolsuper, rolcanlogin FROM pg_roles WHERE rolname = current_user",
    )
    assert rows == [(True, True)]
    assert told == ["a test had changed the role postgres on the server: put back"]


def enter(address: Address, directory: Path, told: list[str]) -> None:
    house = House(address, directory / "roles", told.append)
    house.enter(alone=True)
    house.close()


def test_a_container_that_was_left_without_a_role(
    engine: object, tmp_path: Path, told: list[str]
) -> None:
    """The next one on the same data lets us in."""
    state = Store(tmp_path)
    first = DockerServer(state, image=IMAGE, environ=os.environ, timeout=180)
    address = first.start()
    try:
        enter(address, tmp_path, told)
        say(
            address,
            "ALTER ROLE postgres SET default_transaction_read_only = on",
            "ALTER ROLE postgres NOSUPERUSER NOLOGIN",
        )
        first.stop()
        until = time.monotonic() + 30
        while first.alive() and time.monotonic() < until:
            time.sleep(0.1)
        address = first.start()
        enter(address, tmp_path, told)
        assert say(address, "SHOW default_transaction_read_only") == [("off",)]
        assert any("default_transaction_read_only=on" in one for one in told)
    finally:
        first.stop()


ROLE = """
import psycopg2
from trytond.tests.test_tryton import ModuleTestCase

class RoleTestCase(ModuleTestCase):
    module = 'alpha'

    def test_role(self):
        connection = psycopg2.connect(dbname='postgres')
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("ALTER ROLE postgres SET default_transaction_read_only = on")
        cursor.execute("ALTER SYSTEM SET statement_timeout = '1s'")
        cursor.execute("ALTER ROLE postgres NOLOGIN")
        connection.close()

del ModuleTestCase
"""


def test_the_next_run_finds_the_server_in_order(
    harness: Harness, project: Path
) -> None:
    """Each run ended with code 7 until the data were removed by hand."""
    path = project / "src/alpha/alpha/tests/test_role.py"
    path.write_text(ROLE)
    done = harness("test", "tryton", "alpha", "--database", "local", "--jobs", "1")
    path.unlink()
    assert done.returncode == 0, done.stdout
    said = done.stdout
    for _ in range(2):
        done = harness("test", "tryton", "alpha", "--database", "local")
        assert done.returncode == 0, done.stdout
        said += done.stdout
    assert said.count("a test had changed the role postgres on the server") == 1
    assert "a test had changed settings of the server: statement_timeout" in said
