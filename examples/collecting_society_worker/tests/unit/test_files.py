# SPDX-License-Identifier: GPL-3.0-or-later
import errno
import os
import shutil
import signal
import subprocess
import time
import uuid

import pytest

from collecting_society_worker import files as module
from collecting_society_worker.errors import WorkerError
from collecting_society_worker.files import Files, published


@pytest.fixture
def name():
    return str(uuid.uuid4())


@pytest.fixture
def two_file_systems(monkeypatch):
    """Renaming between directories is refused, as between file systems."""
    rename = os.rename

    def refuse(source, target):
        if os.path.dirname(source) != os.path.dirname(target):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)


def everything(files):
    return sorted(
        path.relative_to(files.root).as_posix()
        for path in files.root.rglob("*")
        if path.is_file()
    )


@pytest.mark.parametrize("bad", ["../../etc/passwd", "", "x", "A" * 36, "0" * 36])
def test_only_a_uuid_becomes_a_path(files, bad):
    with pytest.raises(WorkerError, match="not a UUID"):
        files.path("uploaded", bad)


def test_place(files, name):
    files.path("uploaded", name).write_bytes(b"sound")
    for _ in range(2):
        assert files.place(name, "checksummed").read_bytes() == b"sound"
        assert everything(files) == [f"checksummed/{name}"]


def test_place_on_another_file_system(files, name, two_file_systems):
    files.path("uploaded", name).write_bytes(b"sound")
    files.place(name, "checksummed")
    assert everything(files) == [f"checksummed/{name}"]
    assert files.find(name).read_bytes() == b"sound"


def test_second_copy_is_removed(files, name):
    "The worker died between the copy to another file system and its removal here"
    for place in ["uploaded", "checksummed"]:
        files.path(place, name).write_bytes(b"sound")
    assert files.find(name).parent.name == "checksummed"
    files.place(name, "checksummed")
    assert everything(files) == [f"checksummed/{name}"]


def test_another_file_of_the_same_name_is_kept(files, name):
    files.path("uploaded", name).write_bytes(b"sound")
    files.path("checksummed", name).write_bytes(b"noise")
    with pytest.raises(WorkerError, match="differ, both are kept"):
        files.place(name, "checksummed")
    assert everything(files) == [f"checksummed/{name}", f"uploaded/{name}"]


def test_what_fails_is_not_published(files):
    target = files.root / "excerpts" / "x.ogg"
    with pytest.raises(ZeroDivisionError), published(target) as part:
        part.write_bytes(b"half")
        raise ZeroDivisionError
    assert everything(files) == []


def test_disk_full(files, name, two_file_systems, monkeypatch):
    "The file stays where it is, and nothing stays where it was to go"

    def full(source, target):
        target.write_bytes(source.read_bytes()[:2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    files.path("uploaded", name).write_bytes(b"sound")
    with pytest.raises(OSError, match="No space left"):
        files.place(name, "checksummed")
    assert everything(files) == [f"uploaded/{name}"]


def test_full_file_system(files, name):
    "The same, on a true one"
    target = files.root / "archived"
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", target]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system can only be mounted by root")
    try:
        files.path("uploaded", name).write_bytes(b"sound" * 10**5)
        with pytest.raises(OSError, match="No space left"):
            files.place(name, "archived")
        assert everything(files) == [f"uploaded/{name}"]
        files.path("uploaded", name).write_bytes(b"sound")
        files.place(name, "archived")
        assert everything(files) == [f"archived/{name}"]
    finally:
        subprocess.run(["umount", target], check=True)


def test_sweep_takes_what_nobody_writes_to(files, name):
    old = files.root / "uploaded" / f"{name}.part"
    new = files.root / "excerpts" / f"{name}.ogg.part"
    for path in [old, new]:
        path.write_bytes(b"half")
    os.utime(old, (0, time.time() - 100))
    assert files.sweep(99) == [old]
    assert everything(files) == [f"excerpts/{name}.ogg.part"]


def test_names_are_whole_files(files, name):
    for other in [name, f"{name}.part", "README", f".{name}"]:
        (files.root / "uploaded" / other).touch()
    assert files.names("uploaded") == [name]


def test_excerpts(files, name):
    for other in [f"{name}.ogg", f"{name}.ogg.part", f"{uuid.uuid4()}.ogg"]:
        (files.root / "excerpts" / other).touch()
    assert [path.name for path in files.excerpts(name)] == [f"{name}.ogg"]
    files.discard_excerpts(name)
    assert files.excerpts(name) == []


def test_lock_is_one_workers(files, name):
    other = Files(files.root)
    with files.lock(name) as ours:
        assert ours
        with other.lock(name) as theirs:
            assert not theirs
    with other.lock(name) as theirs:
        assert theirs
    assert everything(files) == []


def test_lock_of_a_dead_worker_is_free(files, name):
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        with files.lock(name):
            os.write(told, b"!")
            time.sleep(60)
        os._exit(0)
    os.read(ready, 1)
    with files.lock(name) as ours:
        assert not ours
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with files.lock(name) as ours:
        assert ours
    os.close(ready)
    os.close(told)


def test_lock_that_its_owner_has_just_removed(files, name, monkeypatch):
    "Locking a file that has no name any more would lock nobody out"
    path = files.root / "locks" / name
    flock, calls = module.fcntl.flock, []

    def late(descriptor, operation):
        if not calls:
            path.unlink()
        calls.append(operation)
        flock(descriptor, operation)

    monkeypatch.setattr(module.fcntl, "flock", late)
    with files.lock(name) as ours:
        assert ours
        assert path.exists()
    assert len(calls) == 2
