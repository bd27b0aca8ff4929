# SPDX-License-Identifier: GPL-3.0-or-later
"""Random tables of all of PostgreSQL's types, and random statements on them."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

TYPES = """
CREATE TYPE mood AS ENUM ('glad', 'sad', 'it''s "so"');
CREATE DOMAIN code AS char(3);
CREATE DOMAIN inner_code AS code CHECK (value <> 'zzz');
CREATE DOMAIN flags AS bit(4);
CREATE DOMAIN share AS numeric(5, 2);
CREATE DOMAIN names AS varchar(4)[];
CREATE TYPE piece AS (a char(3), b numeric(4, 1), c interval(0), d bit(2));
CREATE TYPE whole AS (one piece, more piece[], code inner_code);
CREATE DOMAIN checked AS piece;
CREATE TYPE span AS RANGE (subtype = numeric);
CREATE SCHEMA aside;
CREATE TABLE aside.far ();
CREATE TABLE near ();
CREATE SEQUENCE numbers INCREMENT 5 START 100;
CREATE SEQUENCE aside.unused START 7;
"""
WORDS = ("", "a", "ab", "abc", " a", "a b", 'q"', "(x,y)", "{z}", "ä", "NULL", "\\")


def _quote(text: str) -> str:
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _words(length: int) -> Callable[[Random], str]:
    return lambda chance: _quote(chance.choice([w for w in WORDS if len(w) <= length]))


def _bits(least: int, most: int) -> Callable[[Random], str]:
    return lambda chance: (
        "B'" + "".join(chance.choices("01", k=chance.randint(least, most))) + "'"
    )


def _of(*texts: str) -> Callable[[Random], str]:
    return lambda chance: _quote(chance.choice(texts))


def _number(least: int, most: int, digits: int = 0) -> Callable[[Random], str]:
    return lambda chance: (
        f"{chance.randint(least, most)}"
        + (f".{chance.randrange(10**digits):0{digits}}" if digits else "")
    )


_times = _of("00:00", "23:59:59.999999", "04:05:06.789", "24:00", "12:34:56.5")
_stamps = _of(
    "2024-10-27 02:30:00.5", "infinity", "-infinity", "0044-03-15 12:00 BC",
    "2024-02-29 23:59:59.999999", "1999-12-31", "epoch",
)  # fmt: skip
_zoned = _of(
    "2024-10-27 02:30+02", "2024-10-27 02:30:00.4567+01", "infinity",
    "1883-11-18 12:00+00", "2024-02-29 23:59:59.9-11:30",
)  # fmt: skip
_spans = _of(
    "1 year 2 mons 3 days 04:05:06.789", "-1 day +02:03:04", "-3 days", "0",
    "1 mon -1 day", "100:00:00.5", "P1Y2M3DT4H5M6.7S",
)  # fmt: skip
_pieces = (
    "ROW('a', 1.5, '1 day 00:00:01.5', B'01')",
    "ROW('abc', NULL, '-1 mon', B'10')",
    "ROW(NULL, -999.9, NULL, NULL)",
    "ROW('', 0, '0', B'00')",
)


def _piece(chance: Random) -> str:
    return f"{chance.choice(_pieces)}::piece"


def _whole(chance: Random) -> str:
    more = ", ".join(_piece(chance) for _ in range(chance.randrange(3)))
    code = chance.choice(["'ab'", "''", "NULL"])
    return f"ROW({_piece(chance)}, ARRAY[{more}]::piece[], {code})::whole"


KINDS: dict[str, Callable[[Random], str]] = {
    "integer": _number(-5, 40),
    "smallint": _number(-5, 40),
    "bigint": _number(-5, 40),
    "boolean": _of("t", "f"),
    "text": _words(9),
    "varchar": _words(9),
    "varchar(2)": _words(2),
    "char": _words(1),
    "char(3)": _words(3),
    "char(5)": _words(5),
    '"char"': _of("a", "b", "", " "),
    "bpchar": _words(5),
    "name": _words(9),
    "bit": _bits(1, 1),
    "bit(4)": _bits(4, 4),
    "bit varying": _bits(0, 6),
    "bit varying(5)": _bits(0, 5),
    "numeric": _of("1", "1.0", "1.00", "-0.001", "NaN", "1e20", "Infinity"),
    "numeric(6,2)": _number(-9, 99, 3),
    "numeric(4)": _number(-9, 99, 1),
    "numeric(3,-2)": _number(-9999, 9999),
    "real": _of("0", "-0", "0.1", "1e-40", "NaN", "-Infinity", "3.4028235e38"),
    "double precision": _of("0", "-0", "0.1", "1e-310", "NaN", "0.30000000000000004"),
    "date": _of("2024-02-29", "infinity", "0044-03-15 BC", "1999-12-31"),
    "time": _times,
    "time(0)": _times,
    "time(3)": _times,
    "timetz": _of("00:00+00", "23:59:59.999999-11:30", "04:05:06.789+02"),
    "timetz(1)": _of("00:00+00", "23:59:59.999999-11:30", "04:05:06.789+02"),
    "timestamp": _stamps,
    "timestamp(0)": _stamps,
    "timestamp(2)": _stamps,
    "timestamptz": _zoned,
    "timestamptz(0)": _zoned,
    "timestamptz(3)": _zoned,
    "interval": _spans,
    "interval(0)": _spans,
    "interval year": _spans,
    "interval month": _spans,
    "interval day": _spans,
    "interval hour": _spans,
    "interval minute": _spans,
    "interval second(1)": _spans,
    "interval year to month": _spans,
    "interval day to hour": _spans,
    "interval day to minute": _spans,
    "interval day to second(2)": _spans,
    "interval hour to minute": _spans,
    "interval hour to second": _spans,
    "interval minute to second(0)": _spans,
    "bytea": _of("\\x", "\\x00ff", "\\xdeadbeef", "a\\\\b"),
    "uuid": lambda chance: f"'{chance.randrange(9):08}-0000-4000-8000-000000000000'",
    "inet": _of("192.168.1.5", "10.0.0.0/8", "::1", "fe80::1/64"),
    "cidr": _of("192.168.1.0/24", "10.0.0.0/8", "::/0"),
    "macaddr": _of("08:00:2b:01:02:03", "00:00:00:00:00:00"),
    "oid": _number(0, 40),
    "regclass": _of("near", "aside.far", "pg_class", "4711"),
    "regtype": _of("mood", "char(3)", "integer[]"),
    "json": _of('{"b": 1,  "a": [1, null]}', "null", '"\\u00e4"'),
    "jsonb": _of('{"b": 1, "a": [1, null]}', "null", "1.00", "[]"),
    "xml": _of("<a/>", "text", "<?xml version='1.0'?><a>ä</a>"),
    "point": _of("(1,2)", "(0.1,-0)"),
    "box": _of("((0,0),(1,1))", "((1,2),(0.1,3))"),
    "tsvector": _of("'a' 'b':1A,2", ""),
    "int4range": _of("[1,5)", "empty", "(,)", "[3,]"),
    "tsrange": _of("[2024-01-01,2024-01-02 12:00)", "empty", "(,infinity]"),
    "span": _of("[1.0,2.50]", "empty", "(,1)"),
    "int4multirange": _of("{}", "{[1,3),[5,6)}"),
    "mood": _of("glad", "sad", 'it\'s "so"'),
    "code": _words(3),
    "inner_code": _words(3),
    "flags": _bits(4, 4),
    "share": _number(0, 99, 3),
    "piece": _piece,
    "checked": _piece,
    "whole": _whole,
    "names": lambda chance: "ARRAY['a', NULL, '" + chance.choice("xyz") + " y']",
}
NO_KEYS = ("json", "xml", "point", "box")
"""Types without an order."""


def value(kind: str, chance: Random, *, null: float = 0.1) -> str:
    """An expression of a type; `null` is the share of nothing at all."""
    if chance.random() < null:
        return "NULL"
    if kind.endswith("[]"):
        many = [value(kind[:-2], chance) for _ in range(chance.randrange(4))]
        bounds = "[2:3]={{a,b}}"
        if kind == "char(3)[]" and chance.random() < 0.2:
            return f"'{bounds}'::char(3)[]"
        return f"ARRAY[{', '.join(many)}]::{kind}"
    return f"{KINDS[kind](chance)}::{kind}"


@dataclass(frozen=True)
class Table:
    """A table: its name, its columns with their types, and those of its key."""

    name: str
    columns: dict[str, str]
    key: tuple[str, ...]
    more: str = ""

    @property
    def create(self) -> str:
        """The statement that makes it."""
        parts = [f"{name} {kind}" for name, kind in self.columns.items()]
        if self.key:
            parts.append(f"PRIMARY KEY ({', '.join(self.key)})")
        return f"CREATE {self.more} TABLE {self.name} ({', '.join(parts)})"

    def row(self, chance: Random) -> str:
        """Values for all columns."""
        return ", ".join(
            value(kind, chance, null=0.0 if name in self.key else 0.15)
            for name, kind in self.columns.items()
        )


NAMES = ("t", "x", "line", "key", '"a ""b"', "n", "rel", '"$$"', '"%s"', "many", "y")


def table(number: int, chance: Random) -> Table:
    """A random one; over some of them each type comes up, in keys too."""
    kinds = [*KINDS, *(f"{kind}[]" for kind in KINDS if kind != "names")]
    names = chance.sample(NAMES, chance.randint(2, 7))
    columns = {name: chance.choice(kinds) for name in names}
    able = [name for name in names if columns[name].rstrip("[]") not in NO_KEYS]
    key = tuple(able[: chance.choice((0, 1, 1, 1, 2, 3))])
    name = chance.choice((f"t{number}", f'"T ""{number}"', f"aside.t{number}"))
    return Table(name, columns, key, chance.choice(("", "", "", "UNLOGGED")))


def statement(tables: list[Table], chance: Random) -> str:
    """A statement that writes; it may fail."""
    one = chance.choice(tables)
    name, row = one.name, one.row(chance)
    column = chance.choice(list(one.columns))
    new = value(one.columns[column], chance)
    some = (
        f"ctid IN (SELECT ctid FROM ONLY {name} LIMIT {chance.randint(1, 5)}"
        f" OFFSET {chance.randrange(8)})"
    )
    insert = f"INSERT INTO {name} VALUES ({row}), ({one.row(chance)})"
    update = f"UPDATE {name} SET {column} = {new} WHERE {some}"
    conflict = f"({', '.join(one.key)})" if one.key else ""
    upsert = f"DO UPDATE SET {column} = excluded.{column}" if one.key else "DO NOTHING"
    matched = " AND ".join(f"a.{k} = b.{k}" for k in one.key) or "false"
    values = ", ".join(f"b.{k}" for k in one.columns)
    return chance.choice(
        (
            insert,
            f"{insert} ON CONFLICT {conflict} DO NOTHING",
            f"INSERT INTO {name} VALUES ({row}) ON CONFLICT {conflict} {upsert}",
            f"INSERT INTO {name} SELECT * FROM {name} LIMIT 3",
            update,
            update,
            f"UPDATE {name} SET {column} = {column}",
            f"UPDATE {name} SET {column} = DEFAULT WHERE {some}",
            f"DELETE FROM {name} WHERE {some}",
            f"DELETE FROM {name} WHERE {some}",
            f"DELETE FROM {name}",
            f"TRUNCATE {name}",
            f"WITH gone AS (DELETE FROM {name} WHERE {some} RETURNING *)"
            f" INSERT INTO {name} SELECT * FROM gone",
            f"MERGE INTO {name} a USING (VALUES ({row})) b ({', '.join(one.columns)})"
            f" ON {matched} WHEN MATCHED THEN DELETE"
            f" WHEN NOT MATCHED THEN INSERT VALUES ({values})",
            f"DO $do$ BEGIN {insert}; {update}; EXCEPTION WHEN OTHERS THEN"
            f" DELETE FROM {name} WHERE {some}; END $do$",
            "SET session_replication_role = replica;"
            f" {update}; RESET session_replication_role",
            "SET DateStyle = 'German'; SET IntervalStyle = 'sql_standard';"
            " SET extra_float_digits = 0; SET TimeZone = 'Asia/Tokyo';"
            " SET bytea_output = 'escape'; SET search_path = aside, public;"
            f" SET quote_all_identifiers = on; {update}; {insert}; RESET ALL",
            "SELECT nextval('numbers'), setval('aside.unused',"
            f" {chance.randint(1, 99)}, false)",
            f"CREATE SEQUENCE made_{chance.randrange(10**6)}",
            f"CREATE TEMPORARY TABLE scratch AS SELECT * FROM {name};"
            " CREATE INDEX ON scratch ((1)); DROP TABLE scratch",
        )
    )


def doubtful(tables: list[Table], chance: Random) -> str:
    """A statement after which there is no way back; `{database}` is the database."""
    name = chance.choice(tables).name
    schema = chance.choice(
        (
            f"GRANT SELECT ON {name} TO PUBLIC",
            f"ALTER TABLE {name} ADD CONSTRAINT fine CHECK (1 = 1)",
            f"ALTER TABLE {name} DROP COLUMN IF EXISTS t, ADD COLUMN t1 integer",
            f"ALTER TABLE {name} DISABLE TRIGGER ALL",
            f"CREATE INDEX ON {name} ((1))",
            f"DROP TABLE {name}",
            "ALTER TYPE mood ADD VALUE 'so so'",
            "ALTER TYPE mood RENAME VALUE 'sad' TO 'bad'",
            "ALTER DOMAIN share ADD CHECK (value < 1000)",
            "ALTER DOMAIN inner_code DROP CONSTRAINT inner_code_check",
            "ALTER SEQUENCE numbers INCREMENT 7",
            "DROP SEQUENCE aside.unused",
            "CREATE TABLE more (a integer)",
            "CREATE VIEW seen AS SELECT 1",
            "CREATE FUNCTION f() RETURNS integer RETURN 1",
            "GRANT USAGE ON SCHEMA aside TO PUBLIC",
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
        )
    )
    around = chance.choice(
        (
            "ALTER DATABASE {database} SET DateStyle = 'German'",
            "ALTER ROLE CURRENT_USER IN DATABASE {database} SET DateStyle = 'German'",
            "COMMENT ON DATABASE {database} IS 'a comment; of a test'",
            "ALTER DATABASE {database} CONNECTION LIMIT 99",
            "GRANT CREATE ON DATABASE {database} TO PUBLIC",
            "SELECT lo_create(0)",
        )
    )
    events = ("harness_ddl", "harness_drop")
    off = "; ".join(f"ALTER EVENT TRIGGER {one} DISABLE" for one in events)
    on = "; ".join(f"ALTER EVENT TRIGGER {one} ENABLE ALWAYS" for one in events)
    return chance.choice(
        (schema, f"{off}; {schema}; {on}", f"{{off}}; {schema}", around)
    )
