# SPDX-License-Identifier: GPL-3.0-or-later
"""The state directory, its locks and its register."""

import errno
import json
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from harness import store as store_
from harness import waiting
from harness.errors import DiskFull, ExitCode, MissingTool
from harness.locks import Lock, locked
from harness.store import Run, Store, default, private, sweep


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache" / "harness")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/home/ada"}, "/home/ada/.cache/harness"),
        ({"HOME": "/home/ada", "XDG_CACHE_HOME": "/fast"}, "/fast/harness"),
        ({"HOME": "/home/ada", "XDG_CACHE_HOME": ""}, "/home/ada/.cache/harness"),
        ({"XDG_CACHE_HOME": "/fast"}, "/fast/harness"),
    ],
)
def test_the_default_directory(environ: dict[str, str], expected: str) -> None:
    assert default(environ) == Path(expected)


def test_without_a_home_it_is_temporary(tmp_path: Path) -> None:
    assert default({}).parts[-2:] == (".cache", "harness")


# -- documents ---------------------------------------------------------------


def test_the_store_is_made_on_first_use(tmp_path: Path) -> None:
    Store(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_relative_store_stays_where_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Store(Path("state")).path == tmp_path / "state"


def test_a_store_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(MissingTool, match="state cannot be written: File exi") as e:
        Store(tmp_path / "state")
    assert e.value.code == ExitCode.MISSING
    assert "HARNESS_STATE" in e.value.remedy


def test_a_store_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(store_.tempfile, "TemporaryFile", refuse)
    with pytest.raises(MissingTool, match="cannot be written: Read-only file system"):
        Store(tmp_path)


def test_documents(store: Store) -> None:
    assert store.read("timings.json") is None
    store.write("deep/timings.json", {"é": 1.5})
    assert store.read("deep/timings.json") == {"é": 1.5}
    assert [one.name for one in (store.path / "deep").iterdir()] == ["timings.json"]


def test_a_damaged_document_is_none(store: Store) -> None:
    (store.path / "timings.json").write_bytes(b'{"a": \xff')
    assert store.read("timings.json") is None


def test_a_document_is_replaced_at_once(store: Store) -> None:
    store.write("asked.json", [1])
    before = (store.path / "asked.json").stat().st_ino
    with (store.path / "asked.json").open() as reader:
        store.write("asked.json", [2])
        assert json.load(reader) == [1]
    assert (store.path / "asked.json").stat().st_ino != before


def test_a_failed_write_leaves_the_old_document_and_no_half(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write("asked.json", [1])

    def refuse(source: str, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store_.os, "replace", refuse)
    with pytest.raises(KeyboardInterrupt):
        store.write("asked.json", [2])
    assert store.read("asked.json") == [1]
    assert [one.name for one in store.path.iterdir()] == ["asked.json"]


def test_a_full_disk_is_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: str, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store_.os, "replace", full)
    with pytest.raises(DiskFull, match=r"no space left for .*asked\.json") as caught:
        store.write("asked.json", [2])
    assert "bytes are free in" in caught.value.checked
    assert "prune" in caught.value.remedy


def test_another_error_is_not_a_full_disk(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: str, target: Path) -> None:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(store_.os, "replace", refuse)
    with pytest.raises(PermissionError):
        store.write("asked.json", [2])


def test_directories(store: Store) -> None:
    made = store.directory("pytest", "tryton-7.0")
    assert made == store.path / "pytest" / "tryton-7.0"
    assert made.is_dir()
    assert store.directory("pytest", "tryton-7.0") == made


# -- locks -------------------------------------------------------------------


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Lock, Lock]:
    return Lock(tmp_path / "lock"), Lock(tmp_path / "lock")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(False, False, False), (False, True, False), (True, False, False), (True,) * 3],
    ids=["exclusive", "shared-second", "shared-first", "both-shared"],
)
def test_who_may_hold_it_too(
    pair: tuple[Lock, Lock], *, first: bool, second: bool, expected: bool
) -> None:
    one, other = pair
    assert one.acquire(shared=first, wait=0)
    assert other.acquire(shared=second, wait=0) is expected


def test_released_it_is_free(pair: tuple[Lock, Lock]) -> None:
    one, other = pair
    one.acquire()
    one.release()
    one.release()
    assert other.acquire(wait=0)


def test_taken(pair: tuple[Lock, Lock]) -> None:
    one, other = pair
    assert not other.taken
    one.acquire(shared=True)
    assert other.taken
    one.release()
    assert not other.taken


def test_waiting_ends_in_time(pair: tuple[Lock, Lock]) -> None:
    one, other = pair
    one.acquire()
    began = time.monotonic()
    assert not other.acquire(wait=0.1)
    assert 0.1 <= time.monotonic() - began < 5


def test_waiting_ends_with_the_release(pair: tuple[Lock, Lock]) -> None:
    one, other = pair
    one.acquire()
    timer = threading.Timer(0.1, one.release)
    timer.start()
    assert other.acquire(wait=30)
    timer.join()


def test_an_exclusive_lock_becomes_a_shared_one(pair: tuple[Lock, Lock]) -> None:
    one, other = pair
    one.acquire()
    one.acquire(shared=True)
    assert other.acquire(shared=True, wait=0)


def test_a_refused_lock_can_be_asked_for_again(pair: tuple[Lock, Lock]) -> None:
    one, other = pair
    one.acquire()
    assert not other.acquire(wait=0)
    one.release()
    assert other.acquire(wait=0)


def test_children_do_not_inherit_a_lock(pair: tuple[Lock, Lock]) -> None:
    one, _ = pair
    one.acquire()
    assert one._handle is not None
    assert not os.get_inheritable(one._handle)


def test_locked(pair: tuple[Lock, Lock]) -> None:
    one, _ = pair
    with pytest.raises(ZeroDivisionError), locked(one.path):
        assert one.taken
        1 / 0  # noqa: B018
    assert not one.taken


# -- the register ------------------------------------------------------------


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where runs have their directories."""
    path = tmp_path / "tmp"
    path.mkdir()
    monkeypatch.setattr(store_, "scratches", lambda: path)
    return path


def kill(run: Run) -> None:
    run.__enter__()
    (run.scratch() / "files").mkdir()
    run._lock.release()


def test_a_run_is_live_while_it_lasts(store: Store) -> None:
    with Run(store) as run:
        entry = store.path / "runs" / run.id
        assert stat.S_ISREG(entry.stat().st_mode)
        assert Lock(entry).taken
        assert sweep(store) == ()
        assert entry.exists()
    assert list((store.path / "runs").iterdir()) == []


def test_the_id_begins_with_the_time_and_is_unique(store: Store) -> None:
    ids = {Run(store).id for _ in range(50)}
    assert len(ids) == 50
    for one in ids:
        assert time.strptime(one[:14], "%Y%m%d%H%M%S").tm_year >= 2024
        assert one.isalnum()


def test_the_directory_of_a_run_goes_with_it(store: Store, scratch: Path) -> None:
    with Run(store) as run:
        path = run.scratch()
        assert path == run.scratch()
        assert path.parent == scratch
        assert run.id in path.name
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        (path / "files").mkdir()
    assert list(scratch.iterdir()) == []


def test_what_a_killed_run_left_is_swept(store: Store, scratch: Path) -> None:
    killed = Run(store)
    kill(killed)
    live = Run(store)
    live._lock.acquire()
    live.scratch()
    assert sweep(store) == (killed.id,)
    assert [one.name for one in (store.path / "runs").iterdir()] == [live.id]
    assert list(scratch.iterdir()) == [live.scratch()]
    live.__exit__()


def test_what_a_run_left_in_another_place_is_swept(
    store: Store, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its TMPDIR was another one."""
    kill(Run(store))
    [left] = scratch.iterdir()
    (tmp_path / "other").mkdir()
    monkeypatch.setattr(store_, "scratches", lambda: tmp_path / "other")
    sweep(store)
    assert not left.exists()


@pytest.mark.parametrize(
    ("usual", "taken"),
    [("/var/tmp", "/var/tmp"), ("/deep" * 10, "/deep" * 10), ("/deep" * 11, "/tmp")],
)
def test_sockets_of_a_run_have_short_names(
    monkeypatch: pytest.MonkeyPatch, usual: str, taken: str
) -> None:
    monkeypatch.setattr(store_.tempfile, "gettempdir", lambda: usual)
    assert store_.scratches() == Path(taken)


def test_a_damaged_entry_removes_nothing_else(
    store: Store, scratch: Path, tmp_path: Path
) -> None:
    killed = Run(store)
    kill(killed)
    (tmp_path / "mine").mkdir()
    (store.path / "runs" / killed.id).write_text(str(tmp_path / "mine"))
    assert sweep(store) == (killed.id,)
    assert (tmp_path / "mine").exists()


def test_the_next_run_sweeps(store: Store, scratch: Path) -> None:
    kill(Run(store))
    with Run(store) as run:
        assert [one.name for one in (store.path / "runs").iterdir()] == [run.id]
        assert list(scratch.iterdir()) == []


def test_a_run_waits_to_begin_while_another_sweeps(store: Store) -> None:
    sweeping = Lock(store.path / "runs.lock")
    sweeping.acquire()
    swept: list[float] = []

    def release() -> None:
        swept.append(time.monotonic())
        sweeping.release()

    timer = threading.Timer(0.1, release)
    timer.start()
    with Run(store):
        assert swept
    timer.join()


def test_a_run_ends_where_its_entry_is_gone(store: Store) -> None:
    with Run(store) as run:
        (store.path / "runs" / run.id).unlink()


# -- what others may have prepared ---------------------------------------------


def test_a_private_directory(tmp_path: Path) -> None:
    made = private(tmp_path / "one")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert private(tmp_path / "one") == made


@pytest.mark.parametrize("how", ["mode", "link", "lost link", "file", "owner"])
def test_a_directory_that_is_not_for_us_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path, other = tmp_path / "one", tmp_path / "other"
    if how == "link":
        other.mkdir(mode=0o700)
    if how.endswith("link"):
        path.symlink_to(other)
    elif how == "file":
        path.touch(mode=0o600)
    else:
        path.mkdir(mode=0o700 if how == "owner" else 0o755)
    if how == "owner":
        me = os.getuid()
        monkeypatch.setattr(store_.os, "getuid", lambda: me + 1)
    with pytest.raises(MissingTool, match="is not used") as caught:
        private(path)
    assert str(path) in caught.value.remedy


def test_a_run_does_not_take_a_directory_that_is_there(
    store: Store, scratch: Path
) -> None:
    run = Run(store)
    (scratch / f"{store_.SCRATCH}{run.id}").mkdir(mode=0o755)
    with pytest.raises(MissingTool, match="is not used"):
        run.scratch()


@pytest.mark.parametrize("inner", ["state", "deep/state", "link/state"])
def test_a_state_directory_that_somebody_else_has_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inner: str
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    path = shared / inner
    if inner.startswith("link"):
        (tmp_path / "mine").symlink_to(shared)
        path = tmp_path / "mine" / "state"
    path.mkdir(parents=True)
    Store(path)
    theirs = shared / Path(inner).parts[-1 if inner.startswith("link") else 0]
    me = os.getuid()
    if me:
        monkeypatch.setattr(store_.os, "getuid", lambda: me + 1)
    else:
        os.chown(theirs, 65534, -1)
    Store(path)  # nobody else may write above it
    shared.chmod(0o1777)
    with pytest.raises(MissingTool, match="is not used"):
        Store(path)
    theirs.rename(tmp_path / "theirs")
    theirs.symlink_to(tmp_path / "theirs")
    if me == 0:
        os.chown(theirs, 65534, -1, follow_symlinks=False)
        with pytest.raises(MissingTool, match="is not used"):
            Store(path)


def test_who_holds_a_lock_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    lock = Lock(path)
    lock.acquire()
    assert Lock(path).holder() == f"process {os.getpid()}"
    lock.release()
    assert Lock(path).holder() == "another process"


def test_who_waits_for_a_lock_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.lock"
    held = Lock(path)
    held.acquire()
    said: list[str] = []
    monkeypatch.setattr(
        "harness.store.time.sleep",
        lambda seconds: said.extend(what for what, _ in waiting.now()[1]),
    )
    assert not Lock(path).acquire(wait=0.5)
    assert said[0] == f"a.lock, a lock held by process {os.getpid()}"
    held.release()
