# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker killed before each of its effects in turn, and the one that comes after.

The child is a real process, ended by SIGKILL: nothing is cleaned up.  An effect is
what others can see: a renamed, removed or flushed file, half a copy, a transaction.
"""

import base64
import errno
import os
import shutil
import signal
from itertools import count

import pytest

from collecting_society_worker import recovery


class Effects:
    """Counts effects; the worker dies before number `last`."""

    def __init__(self, last):
        self.last = last
        self.seen = 0

    def __call__(self):
        self.seen += 1
        if self.seen == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, *, two_file_systems):
        rename, copyfile = os.rename, shutil.copyfile

        def guarded(source, target):
            across = os.path.dirname(source) != os.path.dirname(target)
            if two_file_systems and across:
                raise OSError(errno.EXDEV, "Invalid cross-device link")
            self()
            rename(source, target)

        def halved(source, target):
            with open(target, "wb") as half:
                half.write(b"half")
            self()
            copyfile(source, target)

        os.rename, shutil.copyfile = guarded, halved
        for name in ("fsync", "unlink"):
            setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, function):
        def counted(*arguments, **values):
            self()
            return function(*arguments, **values)

        return counted


def kill(worker, last, two_file_systems):
    """Run a worker in a process of its own; whether it came to its end."""
    child = os.fork()
    if child == 0:
        effects = Effects(last)
        effects.watch(two_file_systems=two_file_systems)
        worker.records.effect = effects
        worker.work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFEXITED(status)


def check(worker, tree, make, end, two_file_systems=False):
    """Whatever the effect before which it died, the end is as without a death."""
    for last in count(1):
        made = make()
        alive = kill(worker, last, two_file_systems)
        assert all(map(worker.files.find, made)), f"lost before effect {last}"
        if not alive:
            assert recovery.recover(worker, stale=100) == []
            assert worker.work() == 0
        worker.files.sweep(-1)
        end(made, last)
        assert list((worker.files.root / "locks").iterdir()) == []
        for path in tree():
            (worker.files.root / path).unlink()
        worker.records.path.unlink()
        if alive:
            return last
    raise AssertionError


@pytest.mark.parametrize("two_file_systems", [False, True])
def test_good(worker, sheet, upload, tree, two_file_systems):
    def end(made, last):
        (uuid,) = made
        assert tree() == [f"archived/{uuid}", f"excerpts/{uuid}.wav"], last
        assert sheet.row(uuid)["log"] == [
            "preprocessed",
            "checksummed",
            "fingerprinted",
            "archived",
        ]
        size = (worker.files.root / "archived" / uuid).stat().st_size
        assert size == sheet.row(uuid)["size"], last

    points = check(worker, tree, lambda: [upload()], end, two_file_systems)
    assert points >= (40 if two_file_systems else 26)


def test_rejected(worker, sheet, upload, tree):
    def end(made, last):
        (uuid,) = made
        assert tree() == [f"rejected/{uuid}"], last
        assert sheet.row(uuid)["reason"] == "format"
        assert sheet.row(uuid)["log"][-1] == "rejected"

    assert check(worker, tree, lambda: [upload(0.5)], end) > 10


def test_twins(worker, sheet, upload, files, tree):
    "Exactly one of them stays, whoever dies when"

    def make():
        first = upload()
        return [first, upload(data=files.path("uploaded", first).read_bytes())]

    def end(made, last):
        states = sorted(sheet.row(uuid)["state"] for uuid in made)
        assert states == ["archived", "rejected"], last
        for uuid in made:
            assert files.path(sheet.row(uuid)["state"], uuid).exists()

    assert check(worker, tree, make, end) > 30


def test_file_from_the_record(worker, sheet, sound, files, tmp_path, tree):
    data = sound(tmp_path / "x").read_bytes()

    def make():
        sheet.add(data=base64.b64encode(data).decode())
        return []

    def end(made, last):
        (row,) = sheet.rows()
        assert files.path("archived", row["uuid"]).read_bytes() == data, last

    assert check(worker, tree, make, end) > 25
