# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of places that keep templates, held by each of them."""

import multiprocessing
import os
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from harness.commands.workshop import binaries
from harness.errors import TemplateError
from harness.postgres import connect
from harness.store import Run, Store
from harness.template.base import Draft, Manifest, Shelf
from harness.template.layer import Layer
from harness.template.postgresql import PostgreSQL


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
            assert other.sweep() == ("harness_c_00dead00_1",)
            rows = execute(shelf, mine, "SELECT datname FROM pg_database")
            assert {(mine,), ("somebody_elses",)} <= set(rows)
        finally:
            other.drop("somebody_elses")
            other.close()
    shelf.drop(mine)


def test_a_drafts_name_is_never_a_templates(shelf: Shelf) -> None:
    one = layer("named")
    draft: Draft = shelf.draft(one)
    assert "harness_t_" not in draft.database
    assert not draft.database.endswith(".sqlite")
    shelf.discard(draft)
