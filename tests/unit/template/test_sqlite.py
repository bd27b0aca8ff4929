# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates as SQLite files."""

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from harness.errors import DiskFull, TemplateError
from harness.locks import Lock
from harness.store import Run, Store
from harness.template import sqlite
from harness.template.base import Draft, Manifest
from harness.template.layer import Layer
from harness.template.sqlite import SQLite

BASE = Layer(name="base", digest="ba5e", parent=None, language="en")
PARTY = Layer(
    name="party", digest="9a47", parent=BASE, language="en", modules=("party",)
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


@pytest.fixture
def shelf(store: Store) -> SQLite:
    return SQLite(store, "20260101120000abcdef")


def write(database: str, *names: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS module (name TEXT)")
        connection.executemany("INSERT INTO module VALUES (?)", [(n,) for n in names])


def rows(database: str | Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM module")]


def publish(shelf: SQLite, layer: Layer, *names: str, used: float = 1.0) -> Manifest:
    draft = shelf.draft(layer)
    write(draft.database, *names)
    return shelf.publish(
        draft, Manifest(digest=layer.digest, name=layer.name, used=used)
    )


def files(shelf: SQLite) -> list[str]:
    return sorted(path.name for path in shelf.directory.iterdir())


def test_a_template_is_published_at_once(shelf: SQLite) -> None:
    draft = shelf.draft(BASE)
    write(draft.database, "ir", "res")
    assert shelf.find("ba5e") is None
    assert shelf.all() == ()
    made = shelf.publish(draft, Manifest(digest="ba5e", name="base"))
    assert made.size == os.stat(shelf.directory / "ba5e.sqlite").st_size > 0
    assert shelf.find("ba5e") == made
    assert shelf.all() == (made,)
    assert files(shelf) == ["ba5e.json", "ba5e.sqlite"]


@pytest.mark.parametrize("left", [".json", ".sqlite"])
def test_a_removal_or_a_publication_that_was_cut_is_swept(
    shelf: SQLite, store: Store, left: str
) -> None:
    publish(shelf, BASE, "ir")
    for path in shelf.directory.iterdir():
        if path.suffix != left:
            path.unlink()
    other = SQLite(store, "20260101120001abcdef")
    assert other.sweep() == ()  # it may just be published
    monkey = pytest.MonkeyPatch()
    monkey.setattr(sqlite, "SETTLED", -1.0)
    try:
        assert other.sweep() == (f"ba5e{left}",)
    finally:
        monkey.undo()
    assert files(shelf) == []
    publish(shelf, BASE, "ir")


def test_a_template_is_read_only(shelf: SQLite) -> None:
    publish(shelf, BASE, "ir")
    mode = (shelf.directory / "ba5e.sqlite").stat().st_mode
    assert stat.S_IMODE(mode) == 0o444


def test_a_draft_is_a_copy_of_its_parent(shelf: SQLite) -> None:
    publish(shelf, BASE, "ir")
    publish(shelf, PARTY, "party")
    assert rows(shelf.directory / "9a47.sqlite") == ["ir", "party"]
    assert rows(shelf.directory / "ba5e.sqlite") == ["ir"]


def test_what_a_killed_build_left_is_not_built_upon(shelf: SQLite) -> None:
    write(shelf.draft(BASE).database, "half")
    publish(shelf, BASE, "ir")
    assert rows(shelf.directory / "ba5e.sqlite") == ["ir"]


def test_a_discarded_draft_leaves_nothing(shelf: SQLite) -> None:
    draft = shelf.draft(BASE)
    write(draft.database, "half")
    shelf.discard(draft)
    shelf.discard(draft)
    assert files(shelf) == []


def test_a_parent_that_is_gone(shelf: SQLite) -> None:
    with pytest.raises(TemplateError, match=r"ba5e\.sqlite is gone") as caught:
        shelf.draft(PARTY)
    assert "rebuilt" in caught.value.remedy


def test_a_full_disk(shelf: SQLite, monkeypatch: pytest.MonkeyPatch) -> None:
    _refuse(monkeypatch, OSError(28, "No space left on device"))
    with pytest.raises(DiskFull, match="no space left"):
        shelf.draft(PARTY)


def test_a_parent_that_may_not_be_read(
    shelf: SQLite, monkeypatch: pytest.MonkeyPatch
) -> None:
    _refuse(monkeypatch, PermissionError(13, "Permission denied", "ba5e.sqlite"))
    with pytest.raises(TemplateError, match=r"^ba5e\.sqlite: Permission denied$"):
        shelf.draft(PARTY)


def _refuse(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    def copyfile(source: Path, target: Path) -> None:
        raise error

    monkeypatch.setattr(sqlite.shutil, "copyfile", copyfile)


def test_a_manifest_without_its_file_is_no_template(shelf: SQLite) -> None:
    publish(shelf, BASE, "ir")
    (shelf.directory / "ba5e.sqlite").unlink()
    assert shelf.find("ba5e") is None


def test_a_file_without_manifest_is_no_template(shelf: SQLite) -> None:
    publish(shelf, BASE, "ir")
    (shelf.directory / "ba5e.json").unlink()
    assert shelf.find("ba5e") is None
    assert shelf.all() == ()


def test_the_last_used_come_first(shelf: SQLite) -> None:
    publish(shelf, BASE, "ir", used=1.0)
    publish(shelf, PARTY, "party", used=2.0)
    assert [one.name for one in shelf.all()] == ["party", "base"]


def test_a_removed_template(shelf: SQLite) -> None:
    publish(shelf, BASE, "ir")
    with shelf.claim("ba5e", deadline=1, waiting=lambda: None):
        pass
    shelf.remove("ba5e")
    shelf.remove("ba5e")
    assert files(shelf) == ["ba5e.lock"]  # a builder may hold it


def test_a_template_can_be_written_and_read(shelf: SQLite, tmp_path: Path) -> None:
    publish(shelf, BASE, "ir")
    shelf.save("ba5e", tmp_path / "content")
    shelf.remove("ba5e")
    draft = shelf.draft(BASE)
    shelf.restore(draft, tmp_path / "content")
    shelf.publish(draft, Manifest(digest="ba5e", name="base"))
    assert rows(shelf.clone("ba5e", "1")) == ["ir"]


# -- clones ------------------------------------------------------------------


def test_a_clone_is_the_template_for_the_worker_to_copy(shelf: SQLite) -> None:
    publish(shelf, BASE, "ir")
    clone = shelf.clone("ba5e", "1")
    assert clone == str(shelf.directory / "ba5e.sqlite")
    assert shelf.clean(clone) is False
    shelf.drop(clone)
    assert rows(clone) == ["ir"]


def test_a_clone_of_a_template_that_is_gone(shelf: SQLite) -> None:
    with pytest.raises(TemplateError, match="template ba5e is gone"):
        shelf.clone("ba5e", "1")


# -- claims ------------------------------------------------------------------


def claim(shelf: SQLite, deadline: float, waiting: Callable[[], None]) -> None:
    with shelf.claim("ba5e", deadline=deadline, waiting=waiting):
        pass


def test_a_claim_is_exclusive_and_has_a_deadline(shelf: SQLite) -> None:
    waited: list[bool] = []
    with shelf.claim("ba5e", deadline=1, waiting=lambda: waited.append(False)):
        began = time.monotonic()
        with pytest.raises(TemplateError, match=r"template ba5e for more than 0\.1 s"):
            claim(shelf, 0.1, lambda: waited.append(True))
        assert 0.1 <= time.monotonic() - began < 5
    assert waited == [True]


def test_a_dead_builder_gives_its_claim_to_the_next(shelf: SQLite) -> None:
    dead = Lock(shelf.directory / "ba5e.lock")
    dead.acquire()
    timer = threading.Timer(0.1, dead.release)
    timer.start()
    claim(shelf, 30, lambda: None)
    timer.join()


def test_claims_of_two_templates_do_not_meet(shelf: SQLite) -> None:
    def fail() -> None:
        raise AssertionError("waited")

    with (
        shelf.claim("ba5e", deadline=1, waiting=fail),
        shelf.claim("9a47", deadline=1, waiting=fail),
    ):
        pass


def test_a_failed_build_gives_its_claim_back(shelf: SQLite) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        shelf.claim("ba5e", deadline=1, waiting=lambda: None),
    ):
        raise ZeroDivisionError
    assert not Lock(shelf.directory / "ba5e.lock").taken


# -- sweeping ----------------------------------------------------------------


def old(draft: Draft) -> str:
    Path(draft.database).touch()
    os.utime(draft.database, (1.0, 1.0))
    return Path(draft.database).name


def test_drafts_of_dead_runs_are_swept(shelf: SQLite, store: Store) -> None:
    publish(shelf, BASE, "ir")
    name = old(SQLite(store, "20250101120000ffffff").draft(PARTY))
    journal = shelf.directory / f"{name}-journal"
    journal.touch()
    os.utime(journal, (1.0, 1.0))
    assert sorted(shelf.sweep()) == [name, f"{name}-journal"]
    assert files(shelf) == ["ba5e.json", "ba5e.sqlite"]


def test_drafts_that_a_killed_run_has_just_begun_are_swept(
    shelf: SQLite, store: Store
) -> None:
    """The next run begins within seconds; what runs live is known."""
    draft = SQLite(store, "20250101120000ffffff").draft(BASE)
    Path(draft.database).touch()
    assert shelf.sweep() == (Path(draft.database).name,)


def test_drafts_of_another_run_are_not_swept(shelf: SQLite, store: Store) -> None:
    with Run(store) as other:
        old(SQLite(store, other.id).draft(BASE))
        assert shelf.sweep() == ()


def test_drafts_that_are_written_to_are_not_swept(shelf: SQLite) -> None:
    name = old(shelf.draft(BASE))
    with shelf.claim("ba5e", deadline=1, waiting=lambda: None):
        assert shelf.sweep() == ()
    assert name in files(shelf)


def test_a_draft_that_was_just_begun_is_not_swept(shelf: SQLite) -> None:
    write(shelf.draft(BASE).database, "ir")
    assert shelf.sweep() == ()
