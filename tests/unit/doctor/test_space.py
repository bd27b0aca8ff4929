# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of room: disks, shared memory, memory."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.config.schema import DatabaseSettings
from harness.doctor import space
from harness.doctor.base import Usage, nearest
from harness.proc import Completed

GIB = 2**30
Make = Callable[..., Any]
Told = Callable[..., tuple[str, str, str]]


def free(count: int) -> Callable[[Path], Usage]:
    return lambda path: Usage(total=64 * GIB, free=count)


def test_the_nearest_directory(tmp_path: Path) -> None:
    assert nearest(tmp_path) == tmp_path
    assert nearest(tmp_path / "a" / "b") == tmp_path


def test_room_for_the_state(make: Make, told: Told, tmp_path: Path) -> None:
    expected = ("ok", f"32.0 GiB free in {tmp_path}/state", "")
    assert told(space.state(make())) == expected
    assert not (tmp_path / "state").exists()


def test_little_room_for_the_state(make: Make, told: Told) -> None:
    status, text, remedy = told(space.state(make(usage=free(GIB))))
    assert (status, remedy) == ("warning", "harness template prune --all")
    assert text.startswith("only 1.0 GiB free in ")


def test_a_state_that_is_a_file(make: Make, told: Told, tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    status, text, remedy = told(space.state(make()))
    assert (status, remedy) == ("missing", "export HARNESS_STATE=DIRECTORY")
    assert text == f"{tmp_path}/state cannot be written; needed for everything"


def test_what_cannot_be_measured(make: Make, told: Told) -> None:
    assert told(space.temporary(make(usage=lambda path: None)))[0] == "skipped"


def test_little_room_for_files(make: Make, told: Told) -> None:
    found = told(space.temporary(make(usage=free(5))))
    assert found[::2] == ("warning", "export TMPDIR=DIRECTORY")


def at(engine: Any, root: Path, host: str = "unix:///x") -> None:
    info = json.dumps({"DockerRootDir": str(root)})
    engine.answers["info"] = Completed(code=0, stdout=info, stderr="")
    engine.answers["context inspect"] = Completed(code=0, stdout=host, stderr="")


def test_the_disk_of_the_engine(
    make: Make, engine: Any, told: Told, tmp_path: Path
) -> None:
    at(engine, tmp_path)
    assert told(space.docker(make()))[0] == "ok"
    found = told(space.docker(make(usage=free(GIB))))
    assert found[::2] == ("warning", "docker builder prune")


def test_the_disk_of_an_engine_elsewhere(
    make: Make, engine: Any, told: Told, tmp_path: Path
) -> None:
    at(engine, tmp_path, "tcp://far")
    assert told(space.docker(make()))[0] == "skipped"
    engine.absent()
    assert told(space.docker(make()))[:2] == ("skipped", "docker is not installed")


@pytest.mark.parametrize(
    ("server", "storage", "status"),
    [
        ("auto", "auto", "warning"),
        ("local", "auto", "warning"),
        ("auto", "memory", "warning"),
        ("local", "memory", "missing"),
        ("local", "disk", "skipped"),
        ("docker", "memory", "warning"),
        ("sqlite", "auto", "skipped"),
        ("postgresql://localhost/", "auto", "skipped"),
    ],
)
def test_little_shared_memory(
    make: Make, told: Told, server: str, storage: str, status: str
) -> None:
    config = {"database": DatabaseSettings(server=server, storage=storage)}
    assert told(space.shared(make(config=config, usage=free(GIB))))[0] == status


def test_shared_memory_grows_by_what_is_in_it(
    make: Make, told: Told, tmp_path: Path
) -> None:
    usage = Usage(total=2 * GIB, free=2 * GIB - 5)
    remedy = told(space.shared(make(usage=lambda path: usage)))[2]
    assert remedy == f"sudo mount -o remount,size=4G {tmp_path}/shm"


def test_no_shared_memory(make: Make, told: Told, tmp_path: Path) -> None:
    status, _, remedy = told(space.shared(make(memory=tmp_path / "none")))
    assert (status, remedy) == ("warning", "export HARNESS_DATABASE_STORAGE=disk")


def test_enough_shared_memory(make: Make, told: Told) -> None:
    assert told(space.shared(make()))[0] == "ok"


def test_memory(make: Make, told: Told, tmp_path: Path) -> None:
    assert told(space.memory(make())) == ("ok", "8.0 GiB of 16.0 GiB available", "")
    text = "MemTotal: 4194304 kB\nMemAvailable: 524288 kB\n"
    (tmp_path / "proc" / "meminfo").write_text(text)
    found = told(space.memory(make()))
    assert found[0] == "warning"
    assert found[1].startswith("only 512.0 MiB of 4.0 GiB available;")


def test_memory_without_proc(make: Make, told: Told, tmp_path: Path) -> None:
    assert told(space.memory(make(proc=tmp_path / "none")))[0] == "skipped"
