# SPDX-License-Identifier: GPL-3.0-or-later
"""The undo log: whatever was written, the way back ends where the mark was.

`dump` is the judge: ``pg_dump`` of the schema, all rows of all tables, where the
sequences stand, and the large objects.
"""

import contextlib
import os
import random
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from harness.errors import DatabaseError
from harness.plugins.client import Client
from harness.postgres import Address, connect
from harness.run.servers import binaries
from harness.store import Run, Store
from harness.template import undo
from harness.template.base import Manifest
from harness.template.broker import Broker
from harness.template.build import TemplateBuilder
from harness.template.layer import Layer, Request
from harness.template.pool import Pool, PoolLease
from harness.template.postgresql import PostgreSQL
from harness.template.process import Process
from harness.template.undo import PRISTINE, Undo
from tests.chaos import resets
from tests.chaos.table import details

SCHEMA = """
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE DOMAIN share AS numeric(5, 2) CHECK (value BETWEEN 0 AND 100);
CREATE TYPE point3 AS (x integer, y integer, z text);
CREATE SCHEMA "odd schema";

CREATE TABLE party (
    id serial PRIMARY KEY,
    name text, mood mood, part share, born date, seen timestamptz, took interval,
    ratio double precision, tags text[], extra jsonb, raw bytea, at point3,
    lost integer, span int4range UNIQUE,
    upper_name text GENERATED ALWAYS AS (upper(name)) STORED,
    EXCLUDE USING gist (span WITH &&)
);
ALTER TABLE party DROP COLUMN lost;
CREATE TABLE address (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    party integer REFERENCES party ON DELETE CASCADE ON UPDATE CASCADE,
    place text UNIQUE DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE category (
    id serial PRIMARY KEY,
    parent integer REFERENCES category ON DELETE SET NULL,
    "left" integer NOT NULL DEFAULT 0, "right" integer NOT NULL DEFAULT 0
);
CREATE TABLE party_category (
    party integer REFERENCES party ON DELETE CASCADE ON UPDATE CASCADE,
    category integer REFERENCES category ON DELETE CASCADE,
    note text, PRIMARY KEY (party, category)
);
CREATE TABLE "odd schema"."odd ""table" (
    "The Key" text PRIMARY KEY, "user" numeric
);
CREATE TABLE reading (day date, number integer, value real, PRIMARY KEY (day, number))
    PARTITION BY RANGE (day);
CREATE TABLE reading_old PARTITION OF reading FOR VALUES FROM (MINVALUE)
    TO ('2025-01-01');
CREATE TABLE reading_new PARTITION OF reading FOR VALUES FROM ('2025-01-01')
    TO (MAXVALUE);
CREATE TABLE event (id bigserial PRIMARY KEY, what text);
CREATE TABLE child (more text, PRIMARY KEY (id)) INHERITS (event);
CREATE TABLE audit (id serial PRIMARY KEY, what text, number integer DEFAULT 0);
CREATE TABLE heap (a integer, b text, at timestamptz);
CREATE SEQUENCE numbers INCREMENT 5 START 100;
CREATE SEQUENCE unused START 7;

CREATE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE audit SET number = number + 1 WHERE id = 1;
    INSERT INTO audit (what) VALUES (TG_OP);
    RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER audited BEFORE INSERT OR UPDATE OR DELETE ON category
    FOR EACH ROW EXECUTE FUNCTION audited();

INSERT INTO audit (what) VALUES ('first');
INSERT INTO party
    (name, mood, part, born, seen, took, ratio, tags, extra, raw, at, span)
SELECT 'party ' || i, CASE i % 3 WHEN 0 THEN 'glad' WHEN 1 THEN 'sad' END::mood,
    i % 100, '2020-02-29'::date + i,
    '2024-10-27 02:30+02'::timestamptz + i * '1h'::interval,
    i * interval '1 month 3 days 04:05:06.789', i / 7.0,
    CASE WHEN i % 2 = 0 THEN ARRAY['a', NULL, 'b,"c"', ''] END,
    jsonb_build_object('n', i, 'deep', ARRAY[1, 2]), decode(md5(i::text), 'hex'),
    ROW(i, NULL, 'z "' || i)::point3, int4range(i * 10, i * 10 + 5)
FROM generate_series(1, 30) i;
INSERT INTO address (party, place) SELECT i % 30 + 1, 'place ' || i
FROM generate_series(1, 50) i;
INSERT INTO category (parent) VALUES (NULL);
INSERT INTO category (parent) SELECT i / 2 FROM generate_series(2, 12) i;
INSERT INTO party_category SELECT i, i % 12 + 1, NULL FROM generate_series(1, 20) i;
INSERT INTO "odd schema"."odd ""table" VALUES ('', NULL), ('(a,"b")', 1.50), ('ä', 2);
INSERT INTO reading SELECT date '2024-12-20' + i, i, i / 3.0
FROM generate_series(1, 25) i;
INSERT INTO event (what) VALUES ('one'), ('two');
INSERT INTO child (what, more) VALUES ('three', 'more');
INSERT INTO heap SELECT i / 3, NULL, '2024-01-01 00:00Z' FROM generate_series(1, 12) i;
SELECT nextval('numbers');
"""

WRITES = (
    "INSERT INTO party (name) VALUES ({text}), ({text}), (NULL)",
    "INSERT INTO party (name, span) VALUES ({text}, int4range({n} + 1000, {n} + 1004))"
    " ON CONFLICT (span) DO NOTHING",
    "INSERT INTO party (id, name) VALUES ({n}, {text})"
    " ON CONFLICT (id) DO UPDATE SET name = excluded.name, mood = 'sad'",
    "UPDATE party SET name = {text}, tags = ARRAY[{text}, NULL], raw = '\\xdeadbeef'"
    " WHERE id % 4 = {n} % 4",
    "UPDATE party SET ratio = ratio / 3, seen = now(), took = took * 1.5, born = NULL,"
    " extra = extra || '{{\"x\": [1]}}', at = ROW({n}, 2, {text})::point3"
    " WHERE id BETWEEN {n} AND {n} + 5",
    "UPDATE party SET span = int4range(lower(span) + 100000, upper(span) + 100000)"
    " WHERE id % 2 = 0",
    "UPDATE party SET id = id + 10000 WHERE id = {n}",
    "UPDATE party SET name = name",
    "DELETE FROM party WHERE id = {n}",
    "DELETE FROM party WHERE id % 7 = {n} % 7",
    "WITH gone AS (DELETE FROM party WHERE id = {n} RETURNING id)"
    " INSERT INTO party (id, name) SELECT id, {text} FROM gone",
    "WITH gone AS (DELETE FROM audit WHERE id = 1 RETURNING *), more AS"
    " (INSERT INTO audit (id, what) SELECT id, what || '!' FROM gone RETURNING id)"
    " SELECT count(*) FROM more",
    "INSERT INTO address (party, place) SELECT id, {text} || id FROM party",
    "UPDATE address SET place = 'place ' || (id % 50 + 1) WHERE id <= 50",
    "DELETE FROM address USING party WHERE party.id = address.party AND party.id < {n}",
    "INSERT INTO address (id, party, place) OVERRIDING SYSTEM VALUE"
    " VALUES ({n} + 5000, NULL, {text})",
    "UPDATE category SET parent = {n} % 12 + 1 WHERE id % 5 = {n} % 5"
    " AND EXISTS (SELECT FROM category WHERE id = {n} % 12 + 1)",
    'UPDATE category SET "left" = {n}, "right" = "right" + 1',
    "INSERT INTO category (parent) VALUES (NULL)",
    "DELETE FROM category WHERE id = {n} % 12 + 1",
    "DELETE FROM category",
    "UPDATE party_category SET note = {text} WHERE party = {n}",
    "UPDATE party_category SET category = category WHERE party < {n}",
    'INSERT INTO "odd schema"."odd ""table" VALUES ({text}, {n})'
    " ON CONFLICT DO NOTHING",
    'UPDATE "odd schema"."odd ""table" SET "The Key" = "The Key" || {text}',
    "UPDATE reading SET day = day + 10 WHERE number = {n}",
    "INSERT INTO reading VALUES (date '2020-01-01' + {n}, {n}, 'NaN')"
    " ON CONFLICT DO NOTHING",
    "DELETE FROM reading WHERE number % 3 = {n} % 3",
    "UPDATE event SET what = {text}",
    "INSERT INTO child (what, more) VALUES ({text}, NULL)",
    "MERGE INTO party p USING (VALUES ({n}, {text}), ({n} + 40, {text})) v (id, name)"
    " ON p.id = v.id WHEN MATCHED AND p.id % 2 = 0 THEN DELETE"
    " WHEN MATCHED THEN UPDATE SET name = v.name"
    " WHEN NOT MATCHED THEN INSERT (id, name) VALUES (v.id, v.name)",
    "TRUNCATE audit RESTART IDENTITY",
    "TRUNCATE party CASCADE",
    "TRUNCATE reading",
    "TRUNCATE event RESTART IDENTITY",
    "INSERT INTO heap VALUES ({n} % 5, NULL, '2024-01-01 00:00Z'), ({n}, {text}, NULL)",
    "UPDATE heap SET b = {text} WHERE a = {n} % 5",
    "UPDATE heap SET a = a + 1",
    "DELETE FROM heap WHERE ctid IN (SELECT ctid FROM heap WHERE a < 3 LIMIT 2)",
    "TRUNCATE heap",
    "CREATE SEQUENCE made_{n} START {n}; SELECT nextval('made_{n}')",
    "SELECT nextval(oid) FROM pg_class WHERE relname LIKE 'made%'",
    "SELECT nextval('numbers')",
    "SELECT nextval('unused')",
    "SELECT setval('numbers', {n} + 1000)",
    "SELECT setval('unused', {n} + 7, false)",
    "SET harness.undoing = 'on'; UPDATE party SET name = {text}; RESET ALL",
    "SET session_replication_role = replica; DELETE FROM address WHERE id = {n};"
    " RESET session_replication_role",
    "SET DateStyle = 'German'; SET IntervalStyle = 'sql_standard';"
    " SET extra_float_digits = 0; SET TimeZone = 'Asia/Tokyo';"
    " SET bytea_output = 'escape'; SET search_path = 'odd schema';"
    " UPDATE public.party SET name = {text} WHERE id % 3 = {n} % 3;"
    " UPDATE public.heap SET a = a; RESET ALL",
    "CREATE TEMPORARY TABLE scratch (id serial PRIMARY KEY, a text);"
    " INSERT INTO scratch (a) VALUES ({text}); DROP TABLE scratch",
    "DO $$ BEGIN INSERT INTO party (id, name) VALUES ({n}, 'x'); DELETE FROM party;"
    " EXCEPTION WHEN unique_violation THEN UPDATE party SET name = 'y' WHERE id = {n};"
    " END $$",
    "LOCK TABLE party IN SHARE MODE; SELECT * FROM party FOR UPDATE",
)
"""One statement each, `{n}` is a small number, `{text}` a literal of any kind."""


def statement(chance: random.Random) -> str:
    texts = (
        "'x'",
        "''",
        "NULL",
        "'a,\"b\"'",
        "E'\\\\ \\n'",
        "'(ü)'",
        "repeat('long', 3000)",
    )
    text = f"coalesce({chance.choice(texts)}, '') || {chance.randrange(10**6)}"
    return chance.choice(WRITES).format(n=chance.randint(1, 40), text=f"({text})")


def transaction(chance: random.Random) -> list[str]:
    """Some statements as a test would send them."""
    body = [statement(chance) for _ in range(chance.randint(1, 5))]
    kind = chance.randrange(5)
    if kind == 0:
        return body
    if kind == 1:
        half = chance.randrange(len(body) + 1)
        body = [
            *body[:half], "SAVEPOINT a", *body[half:],
            chance.choice(["ROLLBACK TO SAVEPOINT a", "RELEASE SAVEPOINT a"]),
            statement(chance),
        ]  # fmt: skip
    return ["BEGIN", *body, "ROLLBACK" if kind == 2 else "COMMIT"]


def write(connection: psycopg.Connection, seed: object, times: int = 6) -> list[str]:
    """Random transactions; what failed is rolled back, as in a test."""
    chance = random.Random(str(seed))
    said = []
    for _ in range(times):
        if chance.random() < 0.15:
            said.append("COPY")
            with connection.cursor().copy("COPY party (name, raw) FROM STDIN") as copy:
                copy.write_row((f"copied {chance.random()}", b"\x00\xff"))
        for one in transaction(chance):
            said.append(one)
            try:
                connection.execute(one)
            except psycopg.Error:
                said.append("-- failed")
                if connection.info.transaction_status:
                    connection.execute("ROLLBACK")
                connection.execute("RESET ALL")
                break
        if connection.info.transaction_status:
            connection.execute("ROLLBACK")
    return said


def dump(address: Address, database: str) -> dict[str, object]:
    """All that a test could see of a database, in an order of its own."""
    found: dict[str, object] = {}
    with connect(address, database) as connection:

        def rows(query: str) -> list[tuple[object, ...]]:
            return connection.execute(query).fetchall()  # type: ignore[call-overload]

        for kind, name in rows(
            "SELECT relkind, oid::regclass::text FROM pg_class"
            " WHERE relkind IN ('r', 'S') AND relpersistence <> 't'"
            " AND relnamespace::regnamespace::text"
            " NOT IN ('pg_catalog', 'information_schema', 'harness')"
        ):
            found[str(name)] = (
                sorted(
                    str(text) for (text,) in rows(f"SELECT t::text FROM ONLY {name} t")
                )
                if kind == "r"
                else rows(f"SELECT last_value, is_called FROM {name}")
            )
        found["large objects"] = rows(
            "SELECT oid, md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY 1"
        )
    return found


def _schema(address: Address, database: str) -> str:
    place = binaries(180000)
    assert place is not None
    text = subprocess.run(
        [place / "pg_dump", "--schema-only", database],
        env={**os.environ, **address.environment()},
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return re.sub(r"^\\(un)?restrict .*$", "", text, flags=re.MULTILINE)


class Bed:
    """A tracked template on a server, and what is needed to lease clones of it."""

    def __init__(self, address: Address, shelf: PostgreSQL) -> None:
        self.address = address
        self.shelf = shelf
        self.builder = TemplateBuilder(
            shelf, lambda: Process(Path("/nowhere"), env={}), series="7.0",
            deadline=30, listener=lambda progress: None,
        )  # fmt: skip
        self.pool = Pool(self.builder, ahead=0, cap=8, hands=1)
        self.layers: list[Layer] = []

    def template(self, *statements: str, tracked: bool = True) -> Layer:
        digest = f"{abs(hash((time.time(), statements))):020x}"[:20]
        below = Layer(name="below", digest=digest, parent=None, language="en")
        draft = self.shelf.draft(below)
        with connect(self.address, draft.database) as connection:
            for one in statements:
                connection.execute(one)  # type: ignore[call-overload]
        self.shelf.publish(draft, Manifest(digest=digest, name="below"))
        above = Layer(
            name="below+undo", digest=f"ff{digest[2:]}", parent=below,
            language="en", tracked=True,
        )  # fmt: skip
        self.layers += [above, below]
        self.builder.ensure(above)
        return above if tracked else below

    def lease(self, layer: Layer) -> PoolLease:
        return self.pool.lease(layer, worker="w1")

    def open(self, lease: PoolLease) -> "psycopg.Connection[tuple[object, ...]]":
        return connect(self.address, lease.database)

    def dump(self, lease: PoolLease) -> dict[str, object]:
        return dump(self.address, lease.database)

    def count(self, condition: str) -> int:
        with connect(self.address) as connection:
            query = f"SELECT count(*) FROM pg_stat_activity WHERE {condition}"
            row = connection.execute(query).fetchone()  # type: ignore[call-overload]
        assert row is not None
        return int(row[0])

    def close(self) -> None:
        self.pool.close()
        for one in self.layers:
            self.shelf.remove(one.digest)
        self.shelf.close()


@pytest.fixture(scope="module", params=["local", "docker"])
def bed(request: pytest.FixtureRequest, store: Store) -> Iterator[Bed]:
    name = "contained" if request.param == "docker" else "address"
    address = request.getfixturevalue(name)
    with Run(store) as run:
        made = Bed(
            address,
            PostgreSQL(
                address, run.id, file_copy=True, binaries=binaries, environ=os.environ
            ),
        )
        yield made
        made.close()


@pytest.fixture(scope="module")
def layer(bed: Bed) -> Layer:
    return bed.template(SCHEMA)


@pytest.fixture
def lease(bed: Bed, layer: Layer) -> Iterator[PoolLease]:
    made = bed.lease(layer)
    yield made
    bed.pool.give_back(made)


def difference(
    before: dict[str, object], after: dict[str, object]
) -> dict[str, object]:
    return {
        key: (before.get(key), after.get(key))
        for key in {*before, *after}
        if before.get(key) != after.get(key)
    }


# -- the property ------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_whatever_was_written_is_put_back(
    bed: Bed, lease: PoolLease, seed: int
) -> None:
    """Several times in one clone, so that each reset stands on the ones before."""
    before = bed.dump(lease)
    schema = _schema(bed.address, lease.database)
    for time_ in range(4):
        with bed.open(lease) as connection:
            said = write(connection, f"{seed} {time_}")
        outcome, _ = bed.pool.back(lease, PRISTINE)
        assert outcome.how in {"clean", "reset"}, (outcome, said)
        assert not difference(before, bed.dump(lease)), said
    assert _schema(bed.address, lease.database) == schema


@pytest.mark.parametrize("seed", range(12))
def test_nested_marks(bed: Bed, lease: PoolLease, seed: int) -> None:
    """Marks and ways back in any order, to any mark that still stands."""
    chance = random.Random(f"nested {seed}")
    marks = [(PRISTINE, bed.dump(lease))]
    with bed.open(lease) as connection:
        for step in range(12):
            said = write(connection, f"{seed} {step}", times=2)
            if chance.random() < 0.5:
                marks.append((bed.pool.mark(lease), bed.dump(lease)))
            else:
                at = chance.randrange(len(marks))
                del marks[at + 1 :]
                mark, known = marks[at]
                outcome, _ = bed.pool.back(lease, mark)
                assert outcome.how in {"clean", "reset"}, (outcome, said)
                assert not difference(known, bed.dump(lease)), (at, said)
    for mark, known in reversed(marks):
        outcome, _ = bed.pool.back(lease, mark)
        assert outcome.how in {"clean", "reset"}, outcome
        assert not difference(known, bed.dump(lease))


def test_each_kind_of_write_is_put_back(bed: Bed, lease: PoolLease) -> None:
    """One by one: random ones might hide a statement that always fails."""
    before = bed.dump(lease)
    failed = []
    with bed.open(lease) as connection:
        for one in WRITES:
            text = one.format(n=3, text="('it''s ' || 1)")
            try:
                connection.execute(text)
            except psycopg.Error as error:
                failed.append((text, str(error)))
                connection.execute("RESET ALL")
            outcome, _ = bed.pool.back(lease, PRISTINE)
            assert outcome.how in {"clean", "reset"}, (text, outcome)
            assert not difference(before, bed.dump(lease)), text
    assert [text.split()[0] for text, _ in failed] in ([], ["LOCK"])


# -- all types, in keys and rows --------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_random_tables_of_all_types(bed: Bed, seed: int) -> None:
    """What the campaign tries for long; `python -m tests.chaos.resets` goes on."""
    row = resets.run(60, seed, 300, bed.address)
    assert row.trials >= 300
    assert not details([row])


@pytest.mark.parametrize(
    ("table", "rows", "writes"),
    [
        ("k char(3) PRIMARY KEY", "('a'), ('bcd')", "INSERT INTO it VALUES ('ab')"),
        ("k bit(4) PRIMARY KEY", "('1000')", "INSERT INTO it VALUES ('1111')"),
        ("k integer[] PRIMARY KEY", "('{1}')", "INSERT INTO it VALUES ('{2,3}')"),
        ("k char(2)[] PRIMARY KEY", "('{a,b}')", "INSERT INTO it VALUES ('{ab}')"),
        ("k regclass PRIMARY KEY", "('it')", "UPDATE it SET k = 4711"),
        ("k numeric PRIMARY KEY", "('1.0')", "UPDATE it SET k = '1.00'"),
        (
            "t text, u text",
            "('a', 'b')",
            "UPDATE it SET u = t; TRUNCATE it",
        ),
        ("t text PRIMARY KEY", "('a'), ('b')", "DELETE FROM it"),
        ("t text PRIMARY KEY", "('a'), ('b')", "TRUNCATE it"),
        ('"$$" text PRIMARY KEY', "('a'), ('b')", 'UPDATE it SET "$$" = "$$" || \'x\''),
        (
            "k integer, r regclass",
            "(1, 'aside.far')",
            "SET search_path = aside, public; UPDATE it SET k = 2;"
            " INSERT INTO it VALUES (1, 'far'); RESET search_path",
        ),
        (
            "k integer PRIMARY KEY, i integer[]",
            "(1, '{NULL}')",
            "DELETE FROM it",
        ),
    ],
)
def test_keys_and_rows_whose_text_is_not_plain(
    bed: Bed, table: str, rows: str, writes: str
) -> None:
    layer = bed.template(
        "CREATE SCHEMA aside; CREATE TABLE aside.far ();"
        f"CREATE TABLE it ({table}); INSERT INTO it VALUES {rows}"
    )
    lease = bed.lease(layer)
    before = bed.dump(lease)
    with bed.open(lease) as connection:
        connection.execute(writes)  # type: ignore[call-overload]
        assert bed.shelf.back(lease.database, PRISTINE).how == "reset"
    assert not difference(before, bed.dump(lease))
    bed.pool.give_back(lease)


def test_a_row_that_comes_back_as_another_is_a_doubt(bed: Bed) -> None:
    """A generated column whose function says that it is immutable, and is not."""
    layer = bed.template(
        "CREATE TABLE rate (now integer); INSERT INTO rate VALUES (5);"
        "CREATE FUNCTION rated(integer) RETURNS integer IMMUTABLE LANGUAGE sql"
        " AS 'SELECT $1 * now FROM public.rate';"
        "CREATE TABLE it (id integer PRIMARY KEY,"
        " sum integer GENERATED ALWAYS AS (rated(id)) STORED);"
        "INSERT INTO it VALUES (1); UPDATE rate SET now = 7"
    )
    lease = bed.lease(layer)
    with bed.open(lease) as connection:
        connection.execute("DELETE FROM it")
        outcome = bed.shelf.back(lease.database, PRISTINE)
    assert outcome.how == "doubt"
    assert "1 rows of public.it came back as others" in outcome.reason
    bed.pool.give_back(lease)


def test_a_log_that_names_another_row_is_a_doubt(bed: Bed, lease: PoolLease) -> None:
    """The key is not enough: what is deleted must be, to the letter, what was added."""
    with bed.open(lease) as connection:
        connection.execute(
            "INSERT INTO harness.undo (rel, added, key, line)"
            " VALUES ('event'::regclass, true, '1', '(1,\"not this\")')"
        )
        outcome = bed.shelf.back(lease.database, PRISTINE)
    assert outcome.how == "doubt"
    assert "knows 1 rows that are not there" in outcome.reason


# -- doubt -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("CREATE TABLE more (a integer)", "create table public.more"),
        ("CREATE TABLE more AS SELECT 1", "create table as public.more"),
        ("ALTER TABLE party ADD COLUMN more text", "alter table public.party"),
        ("ALTER TABLE party DISABLE TRIGGER ALL", "alter table public.party"),
        ("DROP TABLE address", "drop table public.address"),
        ("DROP SEQUENCE unused", "drop sequence public.unused"),
        ("ALTER SEQUENCE unused RESTART WITH 3", "alter sequence public.unused"),
        ("CREATE INDEX ON party (name)", "create index public.party_name_idx"),
        ("COMMENT ON TABLE party IS 'x'", "comment public.party"),
        ("CLUSTER party USING party_pkey", "changed: table"),
        ("GRANT SELECT ON party TO PUBLIC", "grant"),
        ("CREATE VIEW v AS SELECT 1", "create view public.v"),
        ("CREATE FUNCTION f() RETURNS integer RETURN 1", "create function public.f()"),
        ("CREATE TYPE kind AS ENUM ('a')", "create type public.kind"),
        ("DO $$ BEGIN EXECUTE 'CREATE TABLE more ()'; END $$", "create table"),
        ("SELECT lo_create(0)", "large objects 1, before: large objects 0"),
        ("ALTER DATABASE {database} SET DateStyle = 'German'", "changed: settings"),
        ("ALTER DATABASE {database} CONNECTION LIMIT 7", "changed: database"),
        (
            "ALTER ROLE CURRENT_USER IN DATABASE {database} SET DateStyle = 'German'",
            "changed: settings",
        ),
        ("GRANT CREATE ON DATABASE {database} TO PUBLIC", "changed: database"),
        ("COMMENT ON DATABASE {database} IS 'x; y'", "changed: comment on database"),
        (
            "ALTER EVENT TRIGGER harness_ddl DISABLE",
            "changed: event trigger harness_ddl",
        ),
        ("DELETE FROM loud", "a trigger that is always on"),
        ("INSERT INTO purses VALUES (1, NULL)", "a column of type money"),
        ("INSERT INTO rendered VALUES (1)", "a cast of its own from or to text"),
        ("INSERT INTO ruled VALUES (1)", "insert on public.ruled, which has rules"),
        ("TRUNCATE ruled", "truncate on public.ruled, which has rules"),
        ("UPDATE purse SET money = money * 2", "a column of type money"),
        (
            "UPDATE pg_trigger SET tgenabled = 'D' WHERE tgname = '~harness'",
            "changed: trigger",
        ),
        (
            "SET session_replication_role = replica; CREATE TABLE more ()",
            "create table",
        ),
        (
            "TRUNCATE party CASCADE; INSERT INTO party (name)"
            " SELECT i FROM generate_series(1, 10001) i; TRUNCATE party CASCADE",
            "more than 10000 rows",
        ),
    ],
)
def test_what_cannot_be_put_back_is_in_doubt(
    bed: Bed, doubtful: Layer, statement: str, reason: str
) -> None:
    lease = bed.lease(doubtful)
    with bed.open(lease) as connection:
        connection.execute(statement.format(database=lease.database))  # type: ignore
        for _ in range(2):
            outcome = bed.shelf.back(lease.database, PRISTINE)
            assert (outcome.how, outcome.rows) == ("doubt", 0)
            assert reason in outcome.reason
    outcome, other = bed.pool.back(lease, PRISTINE)
    assert outcome.how == "exchanged"
    assert other.database != lease.database
    bed.pool.give_back(other)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("ALTER TABLE party ADD COLUMN more text", "table public.party"),
        ("ALTER TABLE party ALTER name SET DEFAULT 'x'", "column name of table"),
        ("ALTER TABLE party DROP CONSTRAINT fine", "table public.party"),
        ("ALTER TABLE party ADD CONSTRAINT more CHECK (id > 0)", "table public.party"),
        ("ALTER TABLE party ENABLE ROW LEVEL SECURITY", "table public.party"),
        ("ALTER TABLE party RENAME TO parties", "public.parties"),
        ("CREATE TABLE more (a integer)", "public.more"),
        ("DROP TABLE address", "pg_class has"),
        ("DROP SEQUENCE unused", "pg_class has"),
        ("ALTER SEQUENCE unused INCREMENT 3", "unused"),
        ("DROP TRIGGER audited ON category", "pg_trigger has"),
        ("ALTER TABLE party DISABLE TRIGGER ALL", "trigger"),
        ('ALTER TABLE party DISABLE TRIGGER "~harness"', "trigger"),
        ("CREATE FUNCTION f() RETURNS integer RETURN 1", "function public.f()"),
        ("DROP FUNCTION idle()", "pg_proc has"),
        ("ALTER FUNCTION upper(text) VOLATILE", "function upper(text)"),
        ("GRANT SELECT ON party TO PUBLIC", "table public.party"),
        ("GRANT SELECT (name) ON party TO PUBLIC", "column name of table"),
        ('GRANT USAGE ON SCHEMA "odd schema" TO PUBLIC', "schema"),
        ("GRANT EXECUTE ON FUNCTION idle() TO PUBLIC", "function public.idle()"),
        ("REVOKE USAGE ON TYPE mood FROM PUBLIC", "type public.mood"),
        ("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC", "privileges"),
        ("ALTER TYPE mood ADD VALUE 'so so'", "mood"),
        ("ALTER TYPE mood RENAME VALUE 'sad' TO 'bad'", "mood"),
        ("ALTER DOMAIN share DROP CONSTRAINT share_check", "pg_constraint has"),
        ("ALTER DOMAIN share ADD CHECK (value > -1)", "constraint share_check1"),
        ("ALTER DOMAIN share SET DEFAULT 7", "type public.share"),
        ("CREATE SCHEMA more", "schema more"),
        ("CREATE OR REPLACE VIEW seen AS SELECT 2 AS a", "public.seen"),
        ("REFRESH MATERIALIZED VIEW stored", "public.stored"),
        ("CREATE CAST (mood AS integer) WITH INOUT", "cast from public.mood"),
        ("CREATE POLICY p ON party", "policy p on table public.party"),
    ],
)
@pytest.mark.parametrize("way", ["setting", "disabled"])
def test_schema_that_changed_behind_the_event_triggers(
    bed: Bed, hidden: Layer, statement: str, reason: str, way: str
) -> None:
    """Newer servers let a superuser switch them off, all let the owner disable them."""
    if way == "setting" and bed.shelf.version < 170000:
        pytest.skip("only PostgreSQL 17 and newer can switch event triggers off")
    off, on = "SET event_triggers = off", "RESET event_triggers"
    if way == "disabled":
        names = ("harness_ddl", "harness_drop")
        off, on = (
            ";".join(f"ALTER EVENT TRIGGER {one} {word}" for one in names)
            for word in ("DISABLE", "ENABLE ALWAYS")
        )
        reason = "changed:"
    lease = bed.lease(hidden)
    with bed.open(lease) as connection:
        for one in (off, statement, on):
            connection.execute(one)  # type: ignore[call-overload]
        outcome = bed.shelf.back(lease.database, PRISTINE)
    assert outcome.how == "doubt"
    assert reason in outcome.reason
    bed.pool.give_back(lease)


@pytest.fixture(scope="module")
def hidden(bed: Bed) -> Layer:
    return bed.template(
        SCHEMA,
        "ALTER TABLE party ADD CONSTRAINT fine CHECK (id <> 0)",
        "CREATE FUNCTION idle() RETURNS integer RETURN 1",
        "REVOKE EXECUTE ON FUNCTION idle() FROM PUBLIC",
        "CREATE VIEW seen AS SELECT 1 AS a",
        "CREATE MATERIALIZED VIEW stored AS SELECT 1 AS a",
    )


def test_what_was_put_back_once_does_not_stay_suspicious(
    bed: Bed, lease: PoolLease
) -> None:
    """Emptied tables and dropped sequences leave newer rows in the catalogue."""
    before = bed.dump(lease)
    with bed.open(lease) as connection:
        connection.execute(
            "TRUNCATE party, event RESTART IDENTITY CASCADE; CREATE SEQUENCE made;"
            "CREATE TEMPORARY TABLE scratch (a mood PRIMARY KEY, b text CHECK (b > ''))"
        )
        assert bed.shelf.back(lease.database, PRISTINE).how == "reset"
        connection.execute("SELECT nextval('numbers')")
        assert bed.shelf.back(lease.database, PRISTINE).how == "reset"
        assert not difference(before, bed.dump(lease))


@pytest.fixture(scope="module")
def doubtful(bed: Bed) -> Layer:
    return bed.template(
        SCHEMA,
        "CREATE TABLE ruled (id integer PRIMARY KEY)",
        "CREATE RULE kept AS ON DELETE TO ruled DO INSTEAD NOTHING",
        "CREATE TABLE purse (id serial PRIMARY KEY, money money)",
        "CREATE DOMAIN price AS money; CREATE TYPE wallet AS (prices price[]);"
        "CREATE TABLE purses (id serial PRIMARY KEY, wallet wallet)",
        "CREATE TABLE loud (id serial PRIMARY KEY);"
        "CREATE TRIGGER audited AFTER DELETE ON loud EXECUTE FUNCTION audited();"
        "ALTER TABLE loud ENABLE ALWAYS TRIGGER audited",
        "CREATE TABLE rendered (id integer PRIMARY KEY);"
        "CREATE FUNCTION render(rendered) RETURNS text LANGUAGE sql RETURN 'same';"
        "CREATE CAST (rendered AS text) WITH FUNCTION render(rendered)",
    )


def test_the_log_is_guarded(bed: Bed, lease: PoolLease) -> None:
    with bed.open(lease) as connection:
        for one in (
            "DELETE FROM harness.undo",
            "TRUNCATE harness.tracked",
        ):
            connection.execute("SET harness.undoing = 'on'")  # it is another word
            with pytest.raises(psycopg.errors.RaiseException, match="undo log"):
                connection.execute(one)  # type: ignore[call-overload]


def test_temporary_objects_are_no_doubt(bed: Bed, lease: PoolLease) -> None:
    with bed.open(lease) as connection:
        connection.execute(
            "CREATE TEMPORARY TABLE t (id serial PRIMARY KEY, a text);"
            "CREATE INDEX ON t (a); ALTER TABLE t ADD COLUMN b text;"
            "INSERT INTO t (a) VALUES ('x'); TRUNCATE t;"
            "CREATE TEMPORARY VIEW v AS SELECT 1"
        )
        assert bed.shelf.back(lease.database, PRISTINE).how == "clean"
        connection.execute("DROP VIEW v; DROP TABLE t")
        assert bed.shelf.back(lease.database, PRISTINE).how == "clean"


# -- other sessions ----------------------------------------------------------


def test_a_transaction_left_open_is_told_and_ended(bed: Bed, lease: PoolLease) -> None:
    before = bed.dump(lease)
    connection = bed.open(lease)
    connection.execute("BEGIN; UPDATE party SET name = 'left open'")
    process = connection.info.backend_pid
    outcome = bed.shelf.back(lease.database, PRISTINE)
    assert outcome.how == "clean"
    [left] = outcome.left
    assert left.process == process
    assert left.state == "idle in transaction"
    assert "left open" in left.query
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    assert not difference(before, bed.dump(lease))


def test_a_statement_that_still_runs_is_told_and_ended(
    bed: Bed, lease: PoolLease
) -> None:
    connection = bed.open(lease)

    def sleep() -> None:
        with contextlib.suppress(psycopg.OperationalError):
            connection.execute("SELECT pg_sleep(30)")

    thread = threading.Thread(target=sleep)
    thread.start()
    time.sleep(0.1)
    outcome = bed.shelf.back(lease.database, PRISTINE)
    thread.join(5)
    assert not thread.is_alive()
    assert [left.state for left in outcome.left] == ["active"]
    connection.close()


def test_a_transaction_that_just_ends_is_waited_for(bed: Bed, lease: PoolLease) -> None:
    before = bed.dump(lease)
    with bed.open(lease) as connection:
        connection.execute("BEGIN; UPDATE party SET name = 'late'")
        timer = threading.Timer(0.02, lambda: connection.execute("COMMIT"))
        timer.start()
        outcome = bed.shelf.back(lease.database, PRISTINE)
        timer.join()
    assert (outcome.how, outcome.left) == ("reset", ())
    assert not difference(before, bed.dump(lease))


def test_an_idle_session_stays(bed: Bed, lease: PoolLease) -> None:
    with bed.open(lease) as connection:
        connection.execute("UPDATE party SET name = 'x'")
        assert bed.shelf.back(lease.database, PRISTINE).how == "reset"
        row = connection.execute("SELECT name FROM party WHERE id = 1").fetchone()
        assert row == ("party 1",)


def test_alone_ends_idle_sessions_too(bed: Bed, lease: PoolLease) -> None:
    connection = bed.open(lease)
    outcome = bed.shelf.back(lease.database, PRISTINE, alone=True)
    assert outcome.how == "clean"
    assert [one.state for one in outcome.left] == ["idle"]
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")


def test_a_mark_while_somebody_writes_is_one_of_no_return(
    bed: Bed, lease: PoolLease
) -> None:
    with bed.open(lease) as connection:
        connection.execute("BEGIN; UPDATE party SET name = 'in the dark'")
        mark = bed.pool.mark(lease)
        connection.execute("COMMIT")
        outcome, _ = bed.pool.back(lease, mark)
        assert outcome.how == "doubt"
        assert "has written and not committed" in outcome.reason
        assert "in the dark" in outcome.reason
    exchanged, other = bed.pool.back(lease, PRISTINE)
    assert exchanged.how == "exchanged"
    bed.pool.give_back(other)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("CREATE TABLE n (a integer)", "INSERT INTO n VALUES (1)", "create table"),
        ("SELECT lo_create(4711)", "SELECT lo_put(4711, 0, 'x')", "large objects"),
        ("ALTER DATABASE {database} SET DateStyle = 'German'", "SELECT 1", "settings"),
        ("INSERT INTO event (what) VALUES ('x')", "SELECT 1", ""),
    ],
)
def test_a_mark_after_a_doubt_is_one_of_no_return(
    bed: Bed, lease: PoolLease, before: str, after: str, reason: str
) -> None:
    with bed.open(lease) as connection:
        connection.execute(before.format(database=lease.database))  # type: ignore
        mark = bed.pool.mark(lease)
        connection.execute(after)  # type: ignore[call-overload]
    outcome, _ = bed.pool.back(lease, mark)
    assert outcome.how == ("doubt" if reason else "clean")
    assert reason in outcome.reason


def test_foreign_tables_are_never_put_back(bed: Bed) -> None:
    layer = bed.template(
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
        "CREATE FOREIGN TABLE far (a integer) SERVER s"
    )
    lease = bed.lease(layer)
    outcome = bed.shelf.back(lease.database, PRISTINE)
    assert (outcome.how, outcome.reason) == ("doubt", "public.far is a foreign table")
    bed.pool.give_back(lease)


def test_an_event_trigger_of_the_templates_own(bed: Bed) -> None:
    """It does not know the search path with which the log is made."""
    with connect(bed.address) as connection:
        if connection.info.server_version < 170000:
            pytest.skip("event triggers cannot be switched off before PostgreSQL 17")
    layer = bed.template(
        "CREATE TABLE said (tag text);"
        "CREATE FUNCTION tell() RETURNS event_trigger LANGUAGE plpgsql"
        " AS 'BEGIN INSERT INTO said VALUES (tg_tag); END';"
        "CREATE EVENT TRIGGER tell ON ddl_command_end EXECUTE FUNCTION tell()"
    )
    lease = bed.lease(layer)
    before = bed.dump(lease)
    with bed.open(lease) as connection:
        connection.execute("CREATE SEQUENCE more")
    assert bed.dump(lease) != before
    assert bed.shelf.back(lease.database, PRISTINE).how == "reset"
    assert bed.dump(lease) == before
    bed.pool.give_back(lease)


def test_a_transaction_that_is_older_than_the_mark_stays(
    bed: Bed, lease: PoolLease
) -> None:
    with bed.open(lease) as connection, bed.open(lease) as other:
        connection.execute("BEGIN; SELECT * FROM party")
        mark = bed.pool.mark(lease)
        other.execute("DELETE FROM party WHERE id = 3")
        outcome, _ = bed.pool.back(lease, mark)
        assert (outcome.how, outcome.left) == ("reset", ())
        connection.execute("COMMIT")


def test_writers_at_the_same_time_never_leave_half(bed: Bed, lease: PoolLease) -> None:
    """Sessions that write on while it is put back: all of a write, or nothing."""
    before = bed.dump(lease)
    stop = threading.Event()

    def work() -> None:
        with bed.open(lease) as connection:
            while not stop.is_set():
                with contextlib.suppress(psycopg.Error):
                    connection.execute("UPDATE party SET name = name || '!'")
                if connection.closed:
                    return

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    hows = [bed.shelf.back(lease.database, PRISTINE).how for _ in range(10)]
    stop.set()
    for thread in threads:
        thread.join(20)
    assert set(hows) <= {"reset", "clean", "doubt"}
    assert bed.shelf.back(lease.database, PRISTINE).how in {"reset", "clean"}
    assert not difference(before, bed.dump(lease))


# -- accidents ---------------------------------------------------------------


def test_a_reset_that_is_killed_leaves_all_or_nothing(
    bed: Bed, lease: PoolLease
) -> None:
    before = bed.dump(lease)
    kept = Undo(bed.address, lease.database)
    with bed.open(lease) as blocker:
        blocker.execute("BEGIN; SELECT 1")  # older than the mark: nobody ends it
        mark = kept.mark()
        with bed.open(lease) as connection:
            connection.execute("DELETE FROM party")
        blocker.execute("LOCK TABLE party_category")
        outcomes: list[undo.ResetOutcome] = []
        thread = threading.Thread(target=lambda: outcomes.append(kept.back(mark)))
        thread.start()
        _until(
            lambda: bed.count("wait_event_type = 'Lock' AND query ~ 'harness.back'") > 0
        )
        with connect(bed.address) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND query ~ 'harness.back'"
            )
        thread.join(10)
        blocker.execute("ROLLBACK")
    [outcome] = outcomes
    assert outcome.how == "doubt"
    assert "terminating connection" in outcome.reason
    assert kept.back(mark).how == "reset"
    assert not difference(before, bed.dump(lease))
    kept.close()


def test_a_table_that_stays_locked_is_a_doubt(bed: Bed, lease: PoolLease) -> None:
    """A session older than the mark may hold a lock: no waiting without an end."""
    with bed.open(lease) as connection:  # a fixture's: else another clone would do
        connection.execute("UPDATE event SET id = id + 100")
    with bed.open(lease) as blocker:
        blocker.execute("BEGIN; SELECT 1")
        mark = bed.pool.mark(lease)
        with bed.open(lease) as connection:
            connection.execute("DELETE FROM event")
        blocker.execute("LOCK TABLE event")
        started = time.monotonic()
        outcome, _ = bed.pool.back(lease, mark)
        assert time.monotonic() - started < 5
        assert outcome.how == "doubt"
        assert "lock timeout" in outcome.reason
        blocker.execute("ROLLBACK")
    assert bed.pool.back(lease, mark)[0].how == "reset"


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("force", [True, False])
def test_a_database_that_was_dropped(bed: Bed, layer: Layer, force: bool) -> None:
    lease = bed.lease(layer)
    if force:
        bed.shelf.mark(lease.database)
    else:
        bed.shelf._undos.forget(lease.database)
    with connect(bed.address) as connection:
        more = " WITH (FORCE)" if force else ""
        connection.execute(f"DROP DATABASE {lease.database}{more}")  # type: ignore
    with pytest.raises(DatabaseError, match=lease.database):
        bed.pool.mark(lease)
    outcome, other = bed.pool.back(lease, PRISTINE)
    assert outcome.how == "exchanged"
    assert outcome.reason == "its database was dropped"
    with bed.open(other) as again:
        assert again.execute("SELECT count(*) FROM party").fetchone() == (30,)
    bed.pool.give_back(other)


def test_a_worn_database_is_exchanged(
    bed: Bed, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = bed.lease(layer)
    known = bed.shelf._undos[lease.database].resets
    monkeypatch.setattr(undo, "RESETS", known + 2)
    hows = []
    for _ in range(2):
        with bed.open(lease) as connection:
            connection.execute("DELETE FROM event")
        outcome, lease = bed.pool.back(lease, PRISTINE)
        hows.append(outcome.how)
    assert hows == ["reset", "exchanged"]
    assert outcome.reason == ""
    bed.pool.give_back(lease)


def test_without_a_log_the_first_mark_is_reached_by_exchange(
    bed: Bed,
) -> None:
    lease = bed.lease(bed.template("CREATE TABLE t (a integer)", tracked=False))
    mark = bed.pool.mark(lease)
    assert bed.pool.back(lease, mark)[0].how == "doubt"
    outcome, other = bed.pool.back(lease, lease.mark)
    assert outcome.how == "exchanged"
    assert "no undo log" in outcome.reason
    bed.pool.give_back(other)


def test_a_role_that_is_no_superuser_cannot_track(bed: Bed, layer: Layer) -> None:
    with connect(bed.address) as connection:
        connection.execute("BEGIN; CREATE ROLE harness_plain CREATEDB")
        assert undo.why_not(connection) is None
        connection.execute("SET LOCAL ROLE harness_plain")
        assert "is no superuser" in str(undo.why_not(connection))
        connection.execute("ROLLBACK")


def test_a_lease_given_back_is_reset_and_handed_on(bed: Bed, layer: Layer) -> None:
    first = bed.lease(layer)
    before = bed.dump(first)
    with bed.open(first) as connection:
        connection.execute("DELETE FROM party")
    bed.pool.give_back(first)
    _until(lambda: first.database in bed.pool._idle())
    second = bed.lease(layer)
    assert (second.kind, second.database) == ("reset", first.database)
    assert not difference(before, bed.dump(second))
    bed.pool.give_back(second)


def test_a_lease_that_somebody_still_has_open_is_not_handed_on(
    bed: Bed, layer: Layer
) -> None:
    """Who had the session knows the name, and may come again."""
    lease = bed.lease(layer)
    left = bed.open(lease)
    bed.pool.give_back(lease)
    _until(lambda: bed.count(f"datname = '{lease.database}'") == 0)
    with pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")
    other = bed.lease(layer)
    assert other.database != lease.database
    bed.pool.give_back(other)


def test_a_lease_whose_session_was_ended_is_exchanged(bed: Bed, layer: Layer) -> None:
    """An application that opens another writes on, into what is nobody's."""
    lease = bed.lease(layer)
    connection = bed.open(lease)
    connection.execute("BEGIN; UPDATE party SET name = 'tried again'")
    outcome, other = bed.pool.back(lease, PRISTINE)
    assert (outcome.how, len(outcome.left)) == ("exchanged", 1)
    connection.close()
    assert other.database != lease.database
    bed.pool.give_back(other)


def test_what_was_written_since_the_mark_before_is_told(
    bed: Bed, lease: PoolLease
) -> None:
    mark = bed.pool.mark(lease)
    assert bed.pool.written(lease) == ""
    bed.pool.back(lease, mark)
    with bed.open(lease) as connection:
        connection.execute("DELETE FROM event; DELETE FROM heap")
    bed.pool.mark(lease)
    assert (
        bed.pool.written(lease) == "15 rows of public.child, public.event, public.heap"
    )
    bed.pool.mark(lease)
    assert bed.pool.written(lease) == ""


def test_settings_of_a_template_by_role_come_with_its_clones(bed: Bed) -> None:
    layer = bed.template("SELECT 1")
    with connect(bed.address) as connection:
        connection.execute(
            "ALTER ROLE CURRENT_USER IN DATABASE"  # type: ignore[call-overload]
            f" harness_t_{layer.digest} SET DateStyle = 'German'"
        )
    lease = bed.lease(layer)
    with bed.open(lease) as connection:
        assert connection.execute("SHOW DateStyle").fetchone() == ("German, DMY",)
    bed.pool.give_back(lease)


UNCOUNTED = (
    "ALTER DATABASE {database} SET DateStyle = 'German'",
    "ALTER ROLE CURRENT_USER IN DATABASE {database} SET DateStyle = 'German'",
    "COMMENT ON DATABASE {database} IS 'x'",
    "GRANT CREATE ON DATABASE {database} TO PUBLIC",
    "ALTER DATABASE {database} CONNECTION LIMIT 7",
    "UPDATE it SET a = 2; SELECT pg_stat_force_next_flush(); SELECT pg_stat_reset()",
)


@pytest.mark.parametrize("statement", ["SELECT 1", *UNCOUNTED])
def test_what_no_counter_tells_is_seen(bed: Bed, statement: str) -> None:
    layer = bed.template(
        "CREATE TABLE it (a integer); INSERT INTO it VALUES (1)", tracked=False
    )
    lease = bed.lease(layer)
    with bed.open(lease) as connection:
        for one in statement.format(database=lease.database).split("; "):
            connection.execute(one)  # type: ignore[call-overload]
    assert bed.shelf.clean(lease.database) is (statement == "SELECT 1")
    bed.pool.give_back(lease)


def test_over_the_broker(
    bed: Bed, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a worker does, from the client to the database and the files."""

    class Layers:
        def resolve(self, request: Request) -> Layer:
            assert request.tracked
            return layer

    with (
        tempfile.TemporaryDirectory(prefix="harness-", dir="/tmp") as place,
        Broker(directory=Path(place)) as broker,
    ):
        monkeypatch.setenv("HARNESS_BROKER", broker.environment["HARNESS_BROKER"])
        broker.serve(bed.pool, Layers(), {})  # type: ignore[arg-type]
        client = Client()
        lease = client.lease([], "en", tracked=True)
        before = dump(bed.address, lease.database)
        for statement, how in (
            ("DELETE FROM party", "reset"),
            ("SELECT 1", "clean"),
            ("DROP TABLE event CASCADE", "exchanged"),
        ):
            with connect(bed.address, lease.database) as connection:
                connection.execute(statement)  # type: ignore[call-overload]
            Path(lease.files, "written").write_text("x")
            way = client.back(lease, lease.mark)
            assert way.how == how
            assert (way.lease.database == lease.database) is (how != "exchanged")
            lease = way.lease
            assert not difference(before, dump(bed.address, lease.database))
            assert list(Path(lease.files).iterdir()) == []
        client.give_back(lease)
        client.close()
