# SPDX-License-Identifier: GPL-3.0-or-later
"""What dead runs left, and what is left alone."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.config.schema import Templates
from harness.doctor import leftovers
from harness.locks import Lock
from harness.proc import Completed
from harness.store import Store
from harness.template.base import Manifest

NOW = 1_800_000_000.0
Make = Callable[..., Any]
Told = Callable[..., tuple[str, str, str]]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


@pytest.fixture
def live(store: Store) -> Iterator[str]:
    """The id of a run that goes on."""
    lock = Lock(store.directory("runs") / "alive")
    lock.acquire()
    yield "alive"
    lock.release()


def old(path: Path) -> Path:
    path.mkdir()
    os.utime(path, (NOW - 3600, NOW - 3600))
    return path


# -- containers ----------------------------------------------------------------


def test_nothing_is_left(make: Make, store: Store, told: Told) -> None:
    assert told(leftovers.containers(make()))[0] == "ok"


def test_objects_of_dead_runs(
    make: Make, engine: Any, store: Store, live: str, told: Told
) -> None:
    lines = f"1\tone\tserver\t{live}\n2\ttwo\tserver\tdead\n3\tthree\tstack\t\n"
    engine.answers["container ls"] = Completed(code=0, stdout=lines, stderr="")
    text = "n\tnet\tnetwork\tdead\n"
    engine.answers["network ls"] = Completed(code=0, stdout=text, stderr="")
    assert told(leftovers.containers(make())) == (
        "warning",
        "of dead runs: container two, network net",
        "harness clean",
    )
    assert f"label=harness.state={store.id}" in " ".join(engine.calls)


def test_no_state_directory_is_made(make: Make, told: Told, tmp_path: Path) -> None:
    machine = make()
    for check in (leftovers.containers, leftovers.scratch, leftovers.memory):
        assert told(check(machine))[0] == "ok"
    assert told(leftovers.templates(machine))[:2] == ("ok", "none in files")
    assert not (tmp_path / "state").exists()


def test_no_engine(make: Make, engine: Any, told: Told) -> None:
    engine.absent()
    assert told(leftovers.containers(make()))[0] == "skipped"


# -- directories ---------------------------------------------------------------


@pytest.fixture
def uid() -> int:
    return os.getuid()


def test_scratch_of_a_dead_run(
    make: Make, told: Told, tmp_path: Path, live: str, uid: int
) -> None:
    machine = make(uid=uid)
    old(tmp_path / "tmp" / f"harness-run-{live}")
    dead = old(tmp_path / "tmp" / "harness-run-dead")
    (tmp_path / "tmp" / "harness-run-file").touch()
    assert told(leftovers.scratch(machine)) == (
        "warning",
        f"of dead runs: {dead}",
        "harness clean",
    )


def test_scratch_of_others_is_left_alone(
    make: Make, told: Told, tmp_path: Path, uid: int
) -> None:
    machine = make(uid=uid)
    bound = old(tmp_path / "tmp" / "harness-run-bound")
    (tmp_path / "proc" / "net" / "unix").write_text(
        f"Num RefCount\nffff: 2 0 1 01 01 {bound}/broker\nffff: 2 0 1 01 02\n"
    )
    young = old(tmp_path / "tmp" / "harness-run-young")
    os.utime(young, (NOW, NOW))
    assert told(leftovers.scratch(machine))[0] == "ok"
    assert told(leftovers.scratch(replace(machine, uid=uid + 1)))[0] == "ok"


def test_memory_that_nobody_uses(
    make: Make, told: Told, tmp_path: Path, uid: int, store: Store
) -> None:
    machine = make(uid=uid)
    shm = tmp_path / "shm"
    used = old(shm / f"harness-{uid}-used")
    (store.path / "server").symlink_to(used)
    running = old(shm / f"harness-{uid}-running")
    lock = Lock(running / "supervisor.lock")
    lock.acquire()
    dead = old(shm / f"harness-{uid}-dead")
    (dead / "users.lock").touch()
    (dead / "data").write_bytes(b"x" * 2048)
    for path in (running, dead):
        os.utime(path, (NOW - 3600, NOW - 3600))
    old(shm / f"harness-{uid + 1}-other")
    status, text, remedy = told(leftovers.memory(machine))
    lock.release()
    assert (status, remedy) == ("warning", "harness clean")
    assert text == f"used by no known state directory: {dead}: 2.0 KiB"
    assert not (dead / "supervisor.lock").exists()


def test_sockets_of_a_known_server_are_in_use(
    make: Make, tmp_path: Path, store: Store
) -> None:
    data = tmp_path / "far" / "away"
    data.mkdir(parents=True)
    (store.path / "server").symlink_to(data)
    names = leftovers.in_use(make(uid=7))
    assert "away" in names
    assert any(one.startswith("harness-7-") and len(one) == 22 for one in names)


def test_the_projects_own_state_directories_are_known(
    make: Make, tmp_path: Path
) -> None:
    machine = make()
    inner = machine.config.root / ".harness" / "tests"
    inner.mkdir(parents=True)
    (inner / "server").symlink_to(tmp_path / "shm" / "harness-1000-tests")
    assert "harness-1000-tests" in leftovers.in_use(machine)


def test_data_that_a_container_uses(
    make: Make, engine: Any, told: Told, tmp_path: Path, uid: int
) -> None:
    path = old(tmp_path / "shm" / f"harness-{uid}-mounted")
    mounts = f"volume,{path}\n/etc/x\n"
    assert told(leftovers.memory(make(uid=uid)))[0] == "warning"
    engine.answers["ps --no-trunc"] = Completed(code=0, stdout=mounts, stderr="")
    assert told(leftovers.memory(make(uid=uid)))[0] == "ok"


@pytest.mark.parametrize(
    ("pid", "without_engine", "status"),
    [
        ("1", False, "warning"),  # no container has it mounted
        ("1", True, "ok"),  # nobody can say
        ("42", False, "ok"),
        ("43", False, "warning"),
    ],
)
def test_data_of_a_server(
    make: Make,
    engine: Any,
    told: Told,
    tmp_path: Path,
    uid: int,
    pid: str,
    status: str,
    *,
    without_engine: bool,
) -> None:
    machine = make(uid=uid)
    (tmp_path / "proc" / "42").mkdir()
    path = old(tmp_path / "shm" / f"harness-{uid}-data")
    (path / "data").mkdir()
    (path / "data" / "postmaster.pid").write_text(f"{pid}\n/data\n")
    os.utime(path, (NOW - 3600, NOW - 3600))
    if without_engine:
        engine.absent()
    assert told(leftovers.memory(machine))[0] == status


def test_the_data_of_the_server_in_a_container_is_known(
    make: Make, tmp_path: Path, store: Store
) -> None:
    link = store.directory("docker", "15") / "data"
    machine = make()
    link.symlink_to(old(tmp_path / "shm" / "harness-1000-docker"))
    assert "harness-1000-docker" in leftovers.in_use(machine)


@pytest.mark.parametrize(("watched", "status"), [(True, "ok"), (False, "warning")])
def test_a_server_without_its_supervisor(
    make: Make, engine: Any, store: Store, told: Told, status: str, *, watched: bool
) -> None:
    lines = "1\tdb\tserver\t\n"
    engine.answers["container ls"] = Completed(code=0, stdout=lines, stderr="")
    lock = Lock(store.directory("docker", "15") / "supervisor.lock")
    lock.acquire()
    if not watched:
        lock.release()
    assert told(leftovers.containers(make()))[0] == status
    lock.release()


# -- templates -----------------------------------------------------------------


def shelve(store: Store, digest: str, *, used: float) -> None:
    """A template in a file, as `SQLite` keeps it."""
    path = store.directory("sqlite") / f"{digest}.sqlite"
    path.touch()
    manifest = Manifest(digest=digest, name=digest, used=used, size=10)
    path.with_suffix(".json").write_text(manifest.dump())


def test_templates_within_the_limits(make: Make, store: Store, told: Told) -> None:
    assert told(leftovers.templates(make()))[:2] == ("ok", "none in files")
    shelve(store, "a", used=NOW - 60)
    found = told(leftovers.templates(make()))
    assert found[:2] == ("ok", "1 in files, none beyond the limits")


def test_old_templates(make: Make, store: Store, told: Told) -> None:
    shelve(store, "a", used=NOW - 60)
    shelve(store, "b", used=NOW - 90 * 86400)
    status, text, remedy = told(leftovers.templates(make()))
    assert (status, remedy) == ("warning", "harness template prune --database sqlite")
    assert text == ("1 of 2 in files are beyond the limits: not used for 2160 h 00 min")


def test_too_many_templates(make: Make, store: Store, told: Told) -> None:
    shelve(store, "a", used=NOW - 60)
    shelve(store, "b", used=NOW - 30)
    machine = make(config={"templates": Templates(count=1)})
    assert told(leftovers.templates(machine))[1].endswith("more than 1 templates")
