# SPDX-License-Identifier: GPL-3.0-or-later
"""Slow spots of trytond that are answered faster with the same answer.

Each entry replaces something by an equal, cheaper one; none changes what is
checked or returned, and none but `passwords` what is stored.  A statement or
function that a series does not have is left alone.
"""

from __future__ import annotations

import functools
import re
from typing import Any, Callable

_RELATION = (
    "(SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
    " ON n.oid = c.relnamespace WHERE c.relname = %s AND n.nspname = %s)"
)
_COLUMNS = (
    "SELECT a.attname, t.typname,"
    " CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END,"
    " CASE WHEN t.typname IN ('varchar', 'bpchar') AND a.atttypmod > 4"
    " THEN a.atttypmod - 4 END,"
    " CASE WHEN a.atthasdef AND a.attgenerated = '' THEN"
    " (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d"
    " WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) END{identity}"
    " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t"
    f" ON t.oid = a.atttypid WHERE a.attrelid = {_RELATION}"
    " AND a.attnum > 0 AND NOT a.attisdropped"
)
_DELETE_RULE = (
    "CASE k.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'"
    " WHEN 'd' THEN 'SET DEFAULT' WHEN 'r' THEN 'RESTRICT'"
    " ELSE 'NO ACTION' END FROM pg_catalog.pg_constraint k"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid"
    " AND a.attnum = ANY (k.conkey)"
    f" WHERE k.contype = 'f' AND k.conrelid = {_RELATION}"
)
_OLD_COLUMNS = (
    "SELECT column_name, udt_name, is_nullable, character_maximum_length,"
    " column_default{identity} FROM information_schema.columns"
    " WHERE table_name = %s AND table_schema = %s"
)
_OLD_DELETE_RULE = (
    "k.column_name, r.delete_rule FROM information_schema.key_column_usage AS k"
    " JOIN information_schema.referential_constraints AS r"
    " ON r.constraint_schema = k.constraint_schema"
    " AND r.constraint_name = k.constraint_name"
    " WHERE k.table_name = %s AND k.table_schema = %s"
)
STATEMENTS = {
    _OLD_COLUMNS.format(identity=""): _COLUMNS.format(identity=""),
    _OLD_COLUMNS.format(identity=", is_identity"): _COLUMNS.format(
        identity=", CASE WHEN a.attidentity = '' THEN 'NO' ELSE 'YES' END"
    ),
    f"SELECT {_OLD_DELETE_RULE}": f"SELECT a.attname, {_DELETE_RULE}",
    f"SELECT k.constraint_name, {_OLD_DELETE_RULE}": (
        f"SELECT k.conname, a.attname, {_DELETE_RULE}"
    ),
    "SELECT constraint_name FROM information_schema.table_constraints"
    " WHERE table_name = %s AND table_schema = %s": (
        "SELECT k.conname FROM pg_catalog.pg_constraint k"
        f" WHERE k.contype IN ('c', 'f', 'p', 'u') AND k.conrelid = {_RELATION}"
    ),
    "SELECT 1 FROM information_schema.tables"
    " WHERE table_name = %s AND table_schema = %s": (
        "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
        " ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'p', 'f')"
        " AND c.relname = %s AND n.nspname = %s"
    ),
    "SELECT 1 FROM information_schema.sequences"
    " WHERE sequence_name = %s AND sequence_schema = %s": (
        "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
        " ON n.oid = c.relnamespace WHERE c.relkind = 'S'"
        " AND c.relname = %s AND n.nspname = %s"
    ),
}
"""Views of the information schema that trytond asks per table, thousands of
times while modules are activated, and the catalogue's own tables instead:
2.2 ms against 0.2 ms a statement.  All that trytond creates is owned by the
role that asks, so the views' filter on privileges removes nothing."""


@functools.lru_cache(maxsize=4096)
def rewrite(statement: str) -> str:
    """The cheaper statement, or the same one."""
    if "information_schema" not in statement:
        return statement
    return STATEMENTS.get(re.sub(r"\s+", " ", statement).strip(), statement)


def statements() -> None:
    """Let trytond's PostgreSQL backend ask the catalogue itself."""
    from trytond.backend.postgresql import database

    try:
        import psycopg2  # noqa: F401
    except ImportError:
        _psycopg3()
        return
    base = database.LoggingCursor
    original = base.execute

    def execute(self: Any, sql: Any, args: Any = None) -> Any:
        return original(self, rewrite(sql) if type(sql) is str else sql, args)

    base.execute = execute


def _psycopg3() -> None:
    import psycopg

    original: Callable[..., Any] = psycopg.Cursor.execute

    @functools.wraps(original)
    def execute(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        query = rewrite(query) if type(query) is str else query
        return original(self, query, *args, **kwargs)

    psycopg.Cursor.execute = execute  # type: ignore[method-assign]


def locations() -> None:
    """Remember where installed modules are.

    Series that use ``pkg_resources`` resolve all requirements of a module
    again for each file of it that they open.
    """
    try:
        import pkg_resources
    except ImportError:
        return
    original = pkg_resources.EntryPoint.require
    done: set[tuple[str, str]] = set()

    def require(self: Any, *args: Any, **kwargs: Any) -> None:
        key = (self.module_name, str(self.dist))
        if key not in done:
            original(self, *args, **kwargs)
            done.add(key)

    pkg_resources.EntryPoint.require = require


def passwords() -> None:
    """Hash the passwords of tests with as little work as the scheme allows.

    The scheme stays, and so does every check; only its cost is that of a test.
    Hashes that the template's data hold keep their cost: each is paid once.
    A ``[password] passlib`` file of the suite's own is left alone.
    """
    from trytond import config
    from trytond.res import user

    settings = getattr(config, "config", config)
    context = getattr(user, "CRYPT_CONTEXT", None)
    if context is None or settings.get("password", "passlib", default=None):
        return
    cheap = {
        "argon2": {"argon2__time_cost": 1, "argon2__memory_cost": 64},
        "scrypt": {"scrypt__default_rounds": 4},
        "bcrypt": {"bcrypt__default_rounds": 4},
        "pbkdf2_sha512": {"pbkdf2_sha512__default_rounds": 10},
    }
    for scheme in context.schemes():
        context.update(**cheap.get(scheme, {}))
    context.verify_and_update = once(context.verify_and_update)


def once(
    verify: Callable[[str, str], tuple[bool, str | None]],
) -> Callable[[str, str], tuple[bool, str | None]]:
    """`verify` that does the work once for each password and hash.

    Most tests log in as somebody of the template, whose hash costs what it costs
    in production: 0.1 s and 64 MB each.
    """
    known: dict[tuple[str, str], tuple[bool, str | None]] = {}

    @functools.wraps(verify)
    def verify_once(secret: str, hash: str) -> tuple[bool, str | None]:
        answer = known.get((secret, hash))
        if answer is None:
            answer = known[secret, hash] = verify(secret, hash)
        return answer

    return verify_once


def subtests() -> None:
    """Do not make a report of each subtest that passed.

    trytond's own tests have tens of thousands of them; pytest 9 makes a report
    of each, half a test's time.  Those that fail are reported as ever.
    """
    # No hook is asked before the report of a subtest is made:
    # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/unittest.py
    from _pytest.unittest import TestCaseFunction

    original = getattr(TestCaseFunction, "addSubTest", None)
    if original is None:
        return

    def add(self: Any, test_case: Any, test: Any, exc_info: Any) -> None:
        if exc_info is not None:
            original(self, test_case, test, exc_info)

    TestCaseFunction.addSubTest = add  # type: ignore[method-assign]


def validation() -> None:
    """Do not validate records again that a release was tested with.

    Only for layers of released modules that are not under test.
    """
    from trytond.model import ModelStorage

    def skip(cls: Any, records: Any, field_names: Any = None) -> None:
        return None

    # There is no switch for it: `create`, `write` and the loader of XML call it.
    # https://foss.heptapod.net/tryton/tryton/-/blob/branch/7.0/trytond/trytond/model/modelstorage.py
    ModelStorage._validate = classmethod(skip)
