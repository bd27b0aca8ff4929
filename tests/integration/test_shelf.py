# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of places that keep templates, held by each of them."""

import multiprocessing
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import CommandFailed, TemplateError
from harness.postgres import connect, rights
from harness.run.servers import binaries
from harness.store import Run, Store
from harness.template.base import Draft, Manifest, Shelf
from harness.template.layer import Layer
from harness.template.postgresql import PostgreSQL, template
from harness.template.sqlite import SQLite


def layer(name: str, *, parent: Layer | None = None) -> Layer:
    digest = f"{abs(hash((name, os.getpid(), time.time()))):020x}"[:20]
    return Layer(name=name, digest=digest, parent=parent, language="en")


def execute(shelf: Shelf, database: str, statement: str) -> list[tuple[object, ...]]:
    if isinstance(shelf, PostgreSQL):
        with connect(shelf.address, database) as connection:
            cursor = connection.execute(statement)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []
    with sqlite3.connect(database) as file:
        rows = file.execute(statement).fetchall()
    file.close()
    return rows


def publish(shelf: Shelf, made: Layer, *statements: str) -> Manifest:
    draft = shelf.draft(made)
    for statement in statements:
        execute(shelf, draft.database, statement)
    return shelf.publish(draft, Manifest(digest=made.digest, name=made.name))


@pytest.fixture
def made(shelf: Shelf) -> Layer:
    """A published template with one table of one row."""
    one = layer("made")
    publish(shelf, one, "CREATE TABLE t (a integer)", "INSERT INTO t VALUES (1)")
    return one


def test_published_template_is_found(shelf: Shelf, made: Layer) -> None:
    found = shelf.find(made.digest)
    assert found is not None
    assert found.name == "made"
    assert found.size > 0
    assert made.digest in {one.digest for one in shelf.all()}


def test_draft_is_not_a_template(shelf: Shelf) -> None:
    one = layer("draft")
    draft = shelf.draft(one)
    assert shelf.find(one.digest) is None
    shelf.discard(draft)
    shelf.discard(draft)


def test_child_begins_as_a_copy_of_its_parent(shelf: Shelf, made: Layer) -> None:
    child = layer("child", parent=made)
    publish(shelf, child, "INSERT INTO t VALUES (2)")
    for one, rows in ((made, [(1,)]), (child, [(1,), (2,)])):
        clone = shelf.clone(one.digest, f"{one.name}1")
        assert execute(shelf, clone, "SELECT a FROM t ORDER BY a") == rows
        shelf.drop(clone)


def test_removed_template_is_gone(shelf: Shelf, made: Layer) -> None:
    shelf.remove(made.digest)
    assert shelf.find(made.digest) is None
    with pytest.raises(TemplateError, match="is gone"):
        shelf.clone(made.digest, "late")
    shelf.remove(made.digest)


def again(shelf: Shelf, store: Store, run: Run) -> Shelf:
    """The same place for another run."""
    if isinstance(shelf, PostgreSQL):
        return PostgreSQL(
            shelf.address,
            run.id,
            file_copy=shelf.file_copy,
            binaries=binaries,
            environ=os.environ,
        )
    return SQLite(store, run.id)


def test_a_template_in_use_is_not_removed(
    shelf: Shelf, made: Layer, store: Store
) -> None:
    """Neither by limits nor by hand, until the run that uses it ends."""
    with Run(store) as run:
        user = again(shelf, store, run)
        user.use(made.digest)
        user.use(made.digest)
        assert not shelf.remove(made.digest)
        assert shelf.find(made.digest)
        clone = user.clone(made.digest, "used")
        assert execute(user, clone, "SELECT a FROM t") == [(1,)]
        user.drop(clone)
        user.close()
    assert shelf.remove(made.digest)
    assert shelf.find(made.digest) is None


def test_what_is_used_may_be_built_only_later(shelf: Shelf, store: Store) -> None:
    one = layer("later")
    with Run(store) as run:
        user = again(shelf, store, run)
        user.use(one.digest)
        publish(user, one, "CREATE TABLE t (a integer)")
        assert not shelf.remove(one.digest)
        user.close()
    assert shelf.remove(one.digest)


def test_saved_and_restored_template_has_the_same_rows(
    shelf: Shelf, made: Layer, tmp_path: Path
) -> None:
    shelf.save(made.digest, tmp_path / "content")
    other = layer("other")
    draft = shelf.draft(other)
    shelf.restore(draft, tmp_path / "content")
    shelf.publish(draft, Manifest(digest=other.digest, name="other"))
    clone = shelf.clone(other.digest, "restored")
    assert execute(shelf, clone, "SELECT a FROM t") == [(1,)]
    shelf.drop(clone)


def test_second_claim_waits_for_the_first(shelf: Shelf) -> None:
    events: list[str] = []

    def second() -> None:
        with shelf.claim("d1", deadline=10, waiting=lambda: events.append("waiting")):
            events.append("second")

    with shelf.claim("d1", deadline=10, waiting=lambda: events.append("no")):
        thread = threading.Thread(target=second)
        thread.start()
        while not events:
            time.sleep(0.01)
        events.append("first ends")
    thread.join()
    assert events == ["waiting", "first ends", "second"]


def test_claim_has_a_deadline(shelf: Shelf) -> None:
    with (
        shelf.claim("d2", deadline=10, waiting=lambda: None),
        pytest.raises(TemplateError, match="another run has been building"),
        shelf.claim("d2", deadline=0.2, waiting=lambda: None),
    ):
        pass


def _claim_and_die(shelf: Shelf, ready: object) -> None:
    with shelf.claim("d3", deadline=10, waiting=lambda: None):
        ready.set()  # type: ignore[attr-defined]
        os.kill(os.getpid(), 9)


def test_claim_of_a_killed_builder_passes_on_at_once(
    store: Store, request: pytest.FixtureRequest
) -> None:
    address = request.getfixturevalue("address")
    context = multiprocessing.get_context("fork")
    with Run(store) as run:
        shelf = PostgreSQL(
            address, run.id, file_copy=True, binaries=binaries, environ=os.environ
        )
        ready = context.Event()
        builder = context.Process(target=_claim_and_die, args=(shelf, ready))
        builder.start()
        assert ready.wait(10)
        started = time.monotonic()
        with shelf.claim("d3", deadline=10, waiting=lambda: None):
            assert time.monotonic() - started < 5
        builder.join()
        shelf.close()


@pytest.fixture
def server(request: pytest.FixtureRequest, store: Store) -> "tuple[PostgreSQL, Layer]":
    address = request.getfixturevalue("address")
    run = Run(store)
    run.__enter__()
    shelf = PostgreSQL(
        address, run.id, file_copy=True, binaries=binaries, environ=os.environ
    )
    one = layer("counted")
    publish(
        shelf,
        one,
        "CREATE TABLE t (a serial, b text)",
        "INSERT INTO t (b) VALUES ('x')",
        "CREATE SEQUENCE s",
    )
    yield shelf, one
    shelf.remove(one.digest)
    shelf.close()
    run.__exit__()


@pytest.mark.parametrize(
    ("statement", "clean"),
    [
        ("SELECT * FROM t", True),
        ("SELECT count(*) FROM pg_class", True),
        ("CREATE TEMPORARY TABLE x AS SELECT 1", False),
        ("INSERT INTO t (b) VALUES ('y')", False),
        ("UPDATE t SET b = 'z'", False),
        ("DELETE FROM t", False),
        ("TRUNCATE t", False),
        ("CREATE TABLE u (a integer)", False),
        ("DROP TABLE t", False),
        ("SELECT nextval('s')", False),
        ("SELECT setval('s', 10)", False),
        ("BEGIN; INSERT INTO t (b) VALUES ('y'); ROLLBACK", False),
        ("SELECT lo_create(0)", False),
        ("COMMENT ON TABLE t IS 'x'", False),
    ],
)
def test_clean_means_that_nothing_was_written(
    server: "tuple[PostgreSQL, Layer]", statement: str, clean: bool
) -> None:
    shelf, one = server
    clone = shelf.clone(one.digest, "c1")
    try:
        assert shelf.clean(clone)
        execute(shelf, clone, statement)
        assert shelf.clean(clone) is clean
    finally:
        shelf.drop(clone)


def test_clone_with_a_session_left_open_is_not_clean(
    server: "tuple[PostgreSQL, Layer]",
) -> None:
    shelf, one = server
    clone = shelf.clone(one.digest, "c2")
    with connect(shelf.address, clone):
        assert not shelf.clean(clone)
    shelf.drop(clone)


def test_settings_of_the_database_are_carried_over(
    server: "tuple[PostgreSQL, Layer]",
) -> None:
    shelf, _ = server
    one = layer("settings")
    draft = shelf.draft(one)
    execute(
        shelf,
        draft.database,
        f"ALTER DATABASE \"{draft.database}\" SET DateStyle TO 'German'",
    )
    shelf.publish(draft, Manifest(digest=one.digest, name="settings"))
    clone = shelf.clone(one.digest, "c3")
    assert execute(shelf, clone, "SHOW DateStyle") == [("German, DMY",)]
    shelf.drop(clone)
    shelf.remove(one.digest)


def test_only_databases_of_dead_runs_are_swept(
    server: "tuple[PostgreSQL, Layer]", store: Store
) -> None:
    shelf, one = server
    shelf.sweep()
    mine = shelf.clone(one.digest, "mine")
    execute(shelf, mine, "CREATE DATABASE harness_c_00dead00_1")
    execute(shelf, mine, "CREATE DATABASE somebody_elses")
    with Run(store) as run:
        other = PostgreSQL(
            shelf.address, run.id, file_copy=True, binaries=binaries, environ=os.environ
        )
        try:
            assert "harness_c_00dead00_1" in other.sweep()
            rows = execute(shelf, mine, "SELECT datname FROM pg_database")
            assert {(mine,), ("somebody_elses",)} <= set(rows)
        finally:
            other.drop("somebody_elses")
            other.close()
    shelf.drop(mine)


def roles(shelf: PostgreSQL) -> list[tuple[object, ...]]:
    return execute(shelf, "postgres", rights.LEFT)


@pytest.mark.parametrize("trusted", [False, True])
def test_an_archive_is_restored_without_rights(
    server: "tuple[PostgreSQL, Layer]", tmp_path: Path, *, trusted: bool
) -> None:
    """What only a superuser may do, it may not do; unless it is trusted."""
    shelf, _ = server
    evil = layer("evil")
    publish(
        shelf,
        evil,
        "CREATE TABLE t (a integer)",
        "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql"
        " AS 'BEGIN NULL; END'",
        "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()",
    )
    shelf.save(evil.digest, tmp_path / "content")
    shelf.remove(evil.digest)
    draft = shelf.draft(layer("restored"))
    try:
        if trusted:
            shelf.restore(draft, tmp_path / "content", trusted=True)
        else:
            with pytest.raises(CommandFailed, match="superuser"):
                shelf.restore(draft, tmp_path / "content")
    finally:
        shelf.discard(draft)
    assert roles(shelf) == []


def test_what_was_restored_is_ours(
    server: "tuple[PostgreSQL, Layer]", tmp_path: Path
) -> None:
    shelf, one = server
    shelf.save(one.digest, tmp_path / "content")
    draft = shelf.draft(layer("ours"))
    shelf.restore(draft, tmp_path / "content")
    owners = execute(
        shelf,
        draft.database,
        "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class"
        " UNION SELECT pg_get_userbyid(datdba) FROM pg_database"
        " WHERE datname = current_database()",
    )
    assert owners == [("postgres",)]
    assert roles(shelf) == []
    shelf.discard(draft)


def test_a_role_of_a_killed_import_is_swept(
    server: "tuple[PostgreSQL, Layer]", other: PostgreSQL
) -> None:
    shelf, _ = server
    execute(shelf, "postgres", "CREATE ROLE harness_i_dead")
    execute(shelf, "postgres", "CREATE DATABASE harness_b_00dead44_1")
    owner = "ALTER DATABASE harness_b_00dead44_1 OWNER TO harness_i_dead"
    execute(shelf, "postgres", owner)
    rights.sweep(shelf.address)
    assert roles(shelf) == [("harness_i_dead",)]  # as if it were in use
    other.sweep()
    assert roles(shelf) == []


@pytest.fixture
def other(server: "tuple[PostgreSQL, Layer]", store: Store) -> Iterator[PostgreSQL]:
    """The same server for another run, without patience."""
    with Run(store) as run:
        made = PostgreSQL(
            server[0].address,
            run.id,
            file_copy=True,
            binaries=binaries,
            environ=os.environ,
            grace=0.0,
        )
        yield made
        made.close()


def databases(shelf: PostgreSQL, like: str) -> list[str]:
    sql = f"SELECT datname FROM pg_database WHERE datname LIKE '{like}'"
    return [str(name) for (name,) in execute(shelf, "postgres", sql)]


def test_a_removal_that_was_cut_after_its_first_step_is_swept(
    server: "tuple[PostgreSQL, Layer]", other: PostgreSQL
) -> None:
    """As it is left by `kill -9` between the two."""
    shelf, one = server
    dead = PostgreSQL(
        shelf.address, "00dead11", file_copy=True, binaries=binaries, environ=os.environ
    )
    dead._alter("ALTER DATABASE {} WITH IS_TEMPLATE false", template(one.digest))
    name = f"harness_g_00dead11_{one.digest}"
    dead._alter("ALTER DATABASE {} RENAME TO {}", template(one.digest), name)
    dead.close()
    assert shelf.find(one.digest) is None
    assert other.sweep() == (name,)
    assert databases(shelf, f"%{one.digest}") == []


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER DATABASE {} WITH IS_TEMPLATE false",
        "COMMENT ON DATABASE {} IS NULL",
        "COMMENT ON DATABASE {} IS '{{'",
    ],
)
def test_what_is_only_called_a_template_is_swept(
    server: "tuple[PostgreSQL, Layer]", other: PostgreSQL, statement: str
) -> None:
    shelf, one = server
    execute(shelf, "postgres", statement.format(template(one.digest)))
    assert shelf.find(one.digest) is None
    assert one.digest not in {found.digest for found in shelf.all()}
    assert other.sweep() == (template(one.digest),)
    assert databases(shelf, f"%{one.digest}") == []


def test_what_is_only_called_a_template_is_in_nobodys_way(
    server: "tuple[PostgreSQL, Layer]",
) -> None:
    shelf, one = server
    sql = f"ALTER DATABASE {template(one.digest)} WITH IS_TEMPLATE false"
    execute(shelf, "postgres", sql)
    publish(shelf, one, "CREATE TABLE t (a integer)")
    assert shelf.find(one.digest)


def test_two_who_built_the_same(server: "tuple[PostgreSQL, Layer]") -> None:
    """As when the session of a claim is cut: the first one's serves both."""
    shelf, _ = server
    one = layer("twice")
    draft = shelf.draft(one)
    manifest = Manifest(digest=one.digest, name="twice", series="1")
    other = PostgreSQL(
        shelf.address, "00dead22", file_copy=True, binaries=binaries, environ=os.environ
    )
    other.publish(other.draft(one), manifest)
    other.close()
    found = shelf.publish(draft, Manifest(digest=one.digest, name="twice"))
    assert found.series == "1"
    assert not shelf._exists(draft.database)
    shelf.remove(one.digest)


def test_a_session_that_is_cut_makes_no_run_dead(
    server: "tuple[PostgreSQL, Layer]", store: Store
) -> None:
    """By an idle timeout or a failover: its leases stay, and its templates."""
    shelf, one = server
    shelf.use(one.digest)
    mine = shelf.clone(one.digest, "mine")
    pid = shelf._presence._session.info.backend_pid
    with Run(store) as run:
        other = PostgreSQL(
            shelf.address, run.id, file_copy=True, binaries=binaries, environ=os.environ
        )
        execute(shelf, "postgres", f"SELECT pg_terminate_backend({pid}, 5000)")
        assert other.sweep() == ()
        assert databases(shelf, mine) == [mine]
        assert not other.remove(one.digest)
        other.close()
    shelf.drop(mine)
    shelf._presence.close()


def test_a_session_of_ours_is_not_cut_for_being_idle(
    server: "tuple[PostgreSQL, Layer]",
) -> None:
    """Nor stopped in its work by what a role or a database is set to."""
    shelf, _ = server
    user = "ALTER ROLE postgres IN DATABASE postgres"
    settings = {
        "idle_session_timeout": "'300ms'",
        "statement_timeout": "'300ms'",
        "transaction_timeout": "'300ms'",
        "default_transaction_read_only": "on",
        "role": "pg_monitor",
    }
    try:
        for name, value in settings.items():
            execute(shelf, "postgres", f"{user} SET {name} = {value}")
        with connect(shelf.address) as connection:
            time.sleep(0.5)
            connection.execute("SELECT pg_sleep(0.5)")
            connection.execute("CREATE DATABASE not_read_only")
            connection.execute("DROP DATABASE not_read_only")
    finally:
        execute(shelf, "postgres", f"{user} RESET ALL")


def test_a_run_that_is_known_to_live_needs_no_session(
    server: "tuple[PostgreSQL, Layer]",
) -> None:
    shelf, one = server
    mine = shelf.clone(one.digest, "known")
    shelf._presence.close()
    other = PostgreSQL(
        shelf.address,
        "00dead33",
        file_copy=True,
        binaries=binaries,
        environ=os.environ,
        living=lambda: {shelf.run},
        grace=0.0,
    )
    assert other.sweep() == ()
    other.close()
    assert databases(shelf, mine) == [mine]
    shelf.drop(mine)


def test_a_drafts_name_is_never_a_templates(shelf: Shelf) -> None:
    one = layer("named")
    draft: Draft = shelf.draft(one)
    assert "harness_t_" not in draft.database
    assert not draft.database.endswith(".sqlite")
    shelf.discard(draft)
