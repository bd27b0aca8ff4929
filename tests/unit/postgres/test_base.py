# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of database servers."""

from types import SimpleNamespace

import psycopg
import pytest

from harness.errors import DatabaseError, ExitCode
from harness.postgres import GivenServer
from harness.postgres.base import Address, connect, lost, own_settings

PARSED = {
    "postgresql://": Address(host="/var/run/postgresql"),
    "postgresql:///": Address(host="/var/run/postgresql"),
    "postgres://db": Address(host="db"),
    "postgresql://db:5433": Address(host="db", port=5433),
    "postgresql://tester@db/": Address(host="db", user="tester"),
    "postgresql://tester:geheim@127.0.0.1:5433/": Address(
        host="127.0.0.1", port=5433, user="tester", password="geheim"
    ),
    "postgresql://tester:p%40ss%2Fw%3Ard%25@db/": Address(
        host="db", user="tester", password="p@ss/w:rd%"
    ),
    "postgresql://jos%C3%A9%40home@db/": Address(host="db", user="josé@home"),
    "postgresql:///?host=/dev/shm/s": Address(host="/dev/shm/s"),
    "postgresql:///?host=%2Ftmp%2FMy%20Sockets&port=5433": Address(
        host="/tmp/My Sockets", port=5433
    ),
    "postgresql://%2Frun%2Fpostgresql/": Address(host="/run/postgresql"),
    "postgresql://%2Ftmp%2FPG/": Address(host="/tmp/PG"),
    "postgresql:///?user=tester&host=db": Address(host="db", user="tester"),
    "postgresql://[::1]:5433/": Address(host="::1", port=5433),
    "postgresql://db/?sslmode=require&connect_timeout=3": Address(
        host="db", options=(("sslmode", "require"), ("connect_timeout", "3"))
    ),
}


@pytest.mark.parametrize(("url", "address"), PARSED.items())
def test_parse(url: str, address: Address) -> None:
    assert Address.parse(url) == address


@pytest.mark.parametrize(
    "address",
    [
        Address(host="db"),
        Address(host="db", port=5433, user="tester"),
        *(
            Address(host="db", user="tester", password=password)
            for password in (
                "geheim", "p@ss", "a/b", "a:b", "50%", "%2F", "a b", "a+b", "a?b#c",
                "pässwörd", "'\"\\", "[x]", "&=;",
            )
        ),
        Address(host="db", user="josé@home:x"),
        Address(host="/dev/shm/harness-0-abc/s"),
        Address(host="/tmp/My Sockets+%/ä", port=5433, password="geheim"),
        Address(host="db", options=(("sslmode", "require"), ("options", "-c a=b"))),
        Address(host="/run/postgresql", options=(("sslmode", "disable"),)),
        Address(host="::1", port=5433),
        Address(host="db", user="team/tester"),
    ],
    ids=str,
)  # fmt: skip
def test_round_trip(address: Address) -> None:
    assert Address.parse(address.url()) == address
    assert Address.parse(address.url("party_1")) == address


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (Address(host="db"), "postgresql://postgres@db:5432/party"),
        (
            Address(host="db", port=5433, user="tester", password="a/b"),
            "postgresql://tester:a%2Fb@db:5433/party",
        ),
        (
            Address(host="/run/pg"),
            "postgresql://postgres@/party?host=%2Frun%2Fpg",
        ),
        (
            Address(host="/run/pg", port=5433, options=(("sslmode", "disable"),)),
            "postgresql://postgres@/party?sslmode=disable&host=%2Frun%2Fpg&port=5433",
        ),
    ],
)
def test_url(address: Address, url: str) -> None:
    assert address.url("party") == url


# -- secrets -----------------------------------------------------------------


@pytest.mark.parametrize("password", ["geheim", "ge@heim", "ge heim"])
def test_the_password_is_not_shown(password: str) -> None:
    address = Address(host="db", user="tester", password=password)
    assert str(address) == "postgresql://tester:***@db:5432/"
    assert address.url("party", secret=False).endswith(":***@db:5432/party")


def test_a_password_among_the_options_is_a_password() -> None:
    address = Address.parse("postgresql://db/?password=geheim")
    assert (address.password, address.options) == ("geheim", ())
    assert "geheim" not in str(address)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://tester:geheim@db:port/",
        "postgresql://:geheim@db:port/",
        "postgresql://db:port/?password=geheim",
        "postgresql://db:port/?sslmode=require&password=geheim&user=tester",
        "mysql://tester:geheim@db/",
        "postgresql://tester:my@geheim@db:port/",
        "postgresql://tester:my&geheim@db:port/",
    ],
)
def test_the_password_is_not_in_an_error(url: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        Address.parse(url)
    assert "geheim" not in str(caught.value)
    assert "***" in str(caught.value)


# -- what is no address ------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://db/", "the scheme is 'mysql'"),
        ("db:5432", "the scheme is 'db'"),
        ("", "the scheme is ''"),
        ("postgresql://db:port/", "Port could not be cast"),
        ("postgresql://db:99999/", "Port out of range"),
        ("postgresql://[::1/", "Invalid IPv6 URL"),
        ("postgresql:///?port=port", "invalid literal for int"),
    ],
)
def test_no_address(url: str, reason: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        Address.parse(url)
    assert reason in caught.value.message
    assert "is no address of a PostgreSQL server" in caught.value.message
    assert caught.value.code == ExitCode.DATABASE
    assert "postgresql://USER:PASSWORD@HOST:PORT/" in caught.value.remedy


def test_a_given_server_needs_an_address() -> None:
    assert GivenServer("postgresql://tester@db/").address.user == "tester"
    with pytest.raises(DatabaseError):
        GivenServer("sqlite://")


# -- libpq's variables -------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            Address(host="/dev/shm/s"),
            {"PGHOST": "/dev/shm/s", "PGPORT": "5432", "PGUSER": "postgres"},
        ),
        (
            Address(host="db", port=5433, user="tester", password="p@ss w/rd"),
            {
                "PGHOST": "db",
                "PGPORT": "5433",
                "PGUSER": "tester",
                "PGPASSWORD": "p@ss w/rd",
            },
        ),
        (
            Address(host="db", options=(("sslmode", "require"),)),
            {
                "PGHOST": "db",
                "PGPORT": "5432",
                "PGUSER": "postgres",
                "PGSSLMODE": "require",
            },
        ),
    ],
)
def test_environment(address: Address, expected: dict[str, str]) -> None:
    assert address.environment() == expected


# https://www.postgresql.org/docs/current/libpq-envars.html
NAMES = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "options": "PGOPTIONS",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "application_name": "PGAPPNAME",
    "client_encoding": "PGCLIENTENCODING",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "channel_binding": "PGCHANNELBINDING",
}


@pytest.mark.parametrize(("option", "variable"), NAMES.items())
def test_options_have_libpqs_names(option: str, variable: str) -> None:
    address = Address(host="db", options=((option, "x"),))
    assert address.environment()[variable] == "x"


# -- connecting --------------------------------------------------------------


@pytest.fixture
def psycopg_connect(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What psycopg was asked for."""
    asked: list[dict[str, object]] = []

    class Connection:
        info = SimpleNamespace(server_version=150004)

        def execute(self, statement: str) -> None:
            asked[-1]["said"] = statement

    def answer(**options: object) -> Connection:
        asked.append(options)
        return Connection()

    monkeypatch.setattr(psycopg, "connect", answer)
    return asked


def test_connect(psycopg_connect: list[dict[str, object]]) -> None:
    address = Address(
        host="db", port=5433, user="tester", options=(("sslmode", "require"),)
    )
    connect(address, "party")
    assert psycopg_connect == [
        {
            "host": "db",
            "port": 5433,
            "user": "tester",
            "password": None,
            "dbname": "party",
            "autocommit": True,
            "connect_timeout": 10,
            "application_name": "harness",
            "keepalives_idle": 30,
            "sslmode": "require",
            "said": own_settings(150004),
        }
    ]


@pytest.mark.parametrize(
    ("version", "expected"), [(130012, False), (140000, True), (180001, True)]
)
def test_a_server_is_told_what_it_knows(version: int, *, expected: bool) -> None:
    said = own_settings(version)
    assert ("idle_session_timeout" in said) is expected
    assert ("transaction_timeout" in said.split()) is (version > 170000)
    assert "SET statement_timeout = 0; " in said


@pytest.mark.parametrize(
    ("option", "value"),
    [("connect_timeout", "3"), ("application_name", "ci"), ("dbname", "other")],
)
def test_an_option_of_the_address_may_be_one_of_ours(
    psycopg_connect: list[dict[str, object]], option: str, value: str
) -> None:
    connect(Address(host="db", options=((option, value),)))
    assert len(psycopg_connect) == 1


def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**options: object) -> None:
        raise psycopg.OperationalError("connection refused\n")

    monkeypatch.setattr(psycopg, "connect", refuse)
    with pytest.raises(DatabaseError, match=r"let us in: connection refused\n") as e:
        connect(Address(host="db", password="geheim"), "party")
    assert e.value.checked == "postgresql://postgres:***@db:5432/, database party"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            psycopg.OperationalError("consuming input failed: server closed"),
            "the database server was lost: consuming input failed: server closed",
        ),
        (psycopg.errors.AdminShutdown("bye"), "the database server was lost: bye"),
        (
            psycopg.errors.DiskFull("could not extend file: wrote only 4096"),
            "the database server has no space left:"
            " could not extend file: wrote only 4096",
        ),
        (
            psycopg.errors.IoError("write: No space left on device"),
            "the database server has no space left: write: No space left on device",
        ),
        (psycopg.errors.ObjectInUse("is in use"), "PostgreSQL: is in use"),
    ],
)
def test_a_server_that_is_lost_in_a_statement(error: Exception, message: str) -> None:
    """Whichever statement it was: no defect of ours, and none of the test's."""
    known = lost(error)
    assert known is not None
    assert (known.message, known.code) == (message, ExitCode.DATABASE)
    assert lost(psycopg.ProgrammingError("no such column")) is None
