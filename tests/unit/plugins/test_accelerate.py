# SPDX-License-Identifier: GPL-3.0-or-later
"""Slow statements of trytond, and what is asked instead."""

import pytest

from harness.plugins.accelerate import STATEMENTS, once, rewrite

# As trytond/backend/postgresql/table.py has them, from series 6.6 on.
TABLE_EXIST = (
    "SELECT 1 FROM information_schema.tables "
    "WHERE table_name = %s AND table_schema = %s"
)
SEQUENCE_EXIST = (
    "SELECT 1 FROM information_schema.sequences "
    "WHERE sequence_name = %s AND sequence_schema = %s"
)
COLUMNS = (
    "SELECT column_name, udt_name, is_nullable, "
    "character_maximum_length, "
    "column_default "
    "FROM information_schema.columns "
    "WHERE table_name = %s AND table_schema = %s"
)
COLUMNS_WITH_IDENTITY = COLUMNS.replace(
    "column_default ", "column_default, is_identity "
)
CONSTRAINTS = (
    "SELECT constraint_name FROM information_schema.table_constraints "
    "WHERE table_name = %s AND table_schema = %s"
)
DELETE_RULE = (
    "SELECT k.column_name, r.delete_rule "
    "FROM information_schema.key_column_usage AS k "
    "JOIN information_schema.referential_constraints AS r "
    "ON r.constraint_schema = k.constraint_schema "
    "AND r.constraint_name = k.constraint_name "
    "WHERE k.table_name = %s AND k.table_schema = %s"
)
NAMED_DELETE_RULE = DELETE_RULE.replace("SELECT k", "SELECT k.constraint_name, k", 1)
KNOWN = {
    "tables": TABLE_EXIST,
    "sequences": SEQUENCE_EXIST,
    "columns": COLUMNS,
    "columns with identity": COLUMNS_WITH_IDENTITY,
    "constraints": CONSTRAINTS,
    "delete rules": DELETE_RULE,
    "named delete rules": NAMED_DELETE_RULE,
}


def odd(statement: str) -> str:
    return (
        "\n  " + statement.replace(" FROM", "\n\tFROM").replace(" = ", "   = ") + " \n"
    )


@pytest.mark.parametrize("statement", KNOWN.values(), ids=list(KNOWN))
def test_a_known_statement_asks_the_catalogue(statement: str) -> None:
    cheaper = rewrite(statement)
    assert "information_schema" not in cheaper
    assert "pg_catalog.pg_class" in cheaper
    assert cheaper.count("%s") == statement.count("%s") == 2


@pytest.mark.parametrize("statement", KNOWN.values(), ids=list(KNOWN))
def test_white_space_does_not_matter(statement: str) -> None:
    assert odd(statement) != statement
    assert rewrite(odd(statement)) == rewrite(statement)


def test_all_that_is_replaced_is_known_here() -> None:
    assert {" ".join(one.split()) for one in KNOWN.values()} == set(STATEMENTS)
    assert len(set(STATEMENTS.values())) == len(STATEMENTS)


@pytest.mark.parametrize("cheaper", STATEMENTS.values())
def test_parentheses_are_closed(cheaper: str) -> None:
    assert cheaper.count("(") == cheaper.count(")")
    assert cheaper.count("CASE") == cheaper.count("END")
    assert "{" not in cheaper


@pytest.mark.parametrize(
    ("statement", "columns"),
    [
        (COLUMNS, 5),
        (COLUMNS_WITH_IDENTITY, 6),
        (DELETE_RULE, 2),
        (NAMED_DELETE_RULE, 3),
        (CONSTRAINTS, 1),
        (TABLE_EXIST, 1),
    ],
)
def test_as_many_columns_come_back(statement: str, columns: int) -> None:
    depth, commas = 0, 0
    for word in rewrite(statement).replace("(", " ( ").replace(")", " ) ").split():
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth == 0 and word == "FROM":
            break
        commas += depth == 0 and word.endswith(",")
    assert commas + 1 == columns


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "",
        "  SELECT\n1",
        'SELECT "a"."id" FROM "party_party" AS "a" WHERE ("a"."name" = %s)',
        TABLE_EXIST + " AND table_type = 'VIEW'",
        TABLE_EXIST.replace("SELECT 1", "SELECT 2"),
        TABLE_EXIST.replace("information_schema", "INFORMATION_SCHEMA"),
        COLUMNS.replace("%s", "'party_party'"),
        CONSTRAINTS + ";",
        "SELECT  *\nFROM information_schema.views",
    ],
)
def test_others_are_left_alone(statement: str) -> None:
    assert rewrite(statement) is statement


def test_a_password_is_verified_once_for_each_hash() -> None:
    asked = []

    def verify(secret: str, hash: str) -> tuple[bool, str | None]:
        asked.append((secret, hash))
        return secret == hash, f"new {hash}" if secret == "old" else None

    cheap = once(verify)
    pairs = [("a", "a"), ("b", "a"), ("a", "b"), ("old", "old")]
    for _ in range(3):
        answers = [cheap(*pair) for pair in pairs]
        assert answers == [
            (True, None),
            (False, None),
            (False, None),
            (True, "new old"),
        ]
    assert asked == pairs
