# SPDX-License-Identifier: GPL-3.0-or-later
import base64
import os
import time
from pathlib import Path
from threading import Event
from uuid import uuid4

import pytest

from collecting_society_worker import __main__, recovery, settings
from collecting_society_worker.errors import Refused, Rejected, Unreachable
from collecting_society_worker.health import Health
from collecting_society_worker.stages import checksum
from collecting_society_worker.worker import Worker

ORDER = ["preprocessed", "checksummed", "fingerprinted", "archived"]


def test_from_upload_to_archive(worker, sheet, upload, tree):
    uuid = upload()
    assert worker.work() == 0
    assert sheet.row(uuid)["log"] == ORDER
    assert tree() == [f"archived/{uuid}", f"excerpts/{uuid}.wav"]


def test_lyrics_have_no_excerpt(worker, sheet, upload, tree):
    uuid = upload(data=b"la la la", category="lyrics")
    assert worker.work() == 0
    assert sheet.row(uuid)["log"] == ORDER
    assert tree() == [f"archived/{uuid}"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"data": b""}, "format"),
        ({"data": b"la la la"}, "format"),
        ({"data": b"x" * (10**6 + 1)}, "size"),
        ({"seconds": 0.5}, "format"),
        ({"seconds": 11}, "size"),
    ],
)
def test_rejected(worker, sheet, upload, tree, arguments, reason):
    uuid = upload(**arguments)
    assert worker.work() == 0
    row = sheet.row(uuid)
    assert (row["state"], row["reason"]) == ("rejected", reason)
    assert tree() == [f"rejected/{uuid}"]


def test_the_first_of_twins_is_kept(worker, sheet, upload, files):
    first = upload()
    twins = [upload(data=files.path("uploaded", first).read_bytes()) for _ in "ab"]
    worker.work()
    assert sheet.row(first)["state"] == "archived"
    for twin in twins:
        assert sheet.row(twin)["reason"] == "checksum_collision"


def test_retry_begins_where_the_file_is(worker, sheet, upload, make_bench, tree):
    uuid = upload()
    worker.bench = make_bench(minimum=2)
    worker.work()
    assert tree() == [f"rejected/{uuid}"]
    worker.bench = make_bench()
    sheet.retry(sheet.get(uuid))
    worker.work()
    assert sheet.row(uuid)["state"] == "archived"
    assert tree() == [f"archived/{uuid}", f"excerpts/{uuid}.wav"]


def test_file_from_the_record(worker, sheet, sound, tmp_path, files):
    data = sound(tmp_path / "x").read_bytes()
    uuid = sheet.add(data=base64.b64encode(data).decode())
    assert worker.work() == 0
    assert files.path("archived", uuid).read_bytes() == data


def test_what_waits_does_not_hold_up_others(worker, sheet, upload, caplog):
    lost, good = sheet.add(), upload()
    for _ in range(3):
        assert worker.work() == 1
    assert sheet.row(lost)["state"] == "uploaded"
    assert sheet.row(good)["state"] == "archived"
    said = [r for r in caplog.records if lost in r.message and "waits" in r.message]
    assert len(said) == 1
    assert "there is no file" in said[0].message


def test_an_error_of_ours_does_not_hold_up_others(worker, upload, monkeypatch, caplog):
    bad = upload()
    upload()
    measure = checksum.measure

    def broken(file, content, bench):
        if content.uuid == bad:
            raise ZeroDivisionError
        return measure(file, content, bench)

    monkeypatch.setattr(checksum, "measure", broken)
    assert worker.work() == 1
    assert [r.levelname for r in caplog.records if bad in r.message] == ["ERROR"]


def test_a_dead_server_ends_the_pass(worker, sheet, upload, monkeypatch):
    upload()

    def dead(content, digest):
        raise Unreachable("gone")

    monkeypatch.setattr(sheet, "checksummed", dead)
    with pytest.raises(Unreachable):
        worker.run(once=True, interval=1, before=lambda: None)
    passes = []

    def before():
        passes.append(1)
        if len(passes) == 3:
            worker.stop.set()

    worker.run(once=False, interval=0.001, before=before)
    assert len(passes) == 3


def test_stop_finishes_the_file_in_hand(worker, sheet, upload, monkeypatch):
    first, second = upload(), upload()
    archived = sheet.archived

    def stop(content):
        worker.stop.set()
        archived(content)

    monkeypatch.setattr(sheet, "archived", stop)
    worker.run(once=False, interval=60, before=lambda: None)
    assert sheet.row(first)["state"] == "archived"
    assert sheet.row(second)["state"] == "uploaded"


def test_another_workers_file_is_left_alone(worker, sheet, upload, files):
    uuid = upload()
    with files.lock(uuid) as ours:
        assert ours
        assert worker.work() == 0
    assert sheet.row(uuid)["log"] == []


def test_files_follow_records_changed_by_hand(worker, sheet, upload, tree):
    archived, rejected = upload(), upload()
    sheet.reject(sheet.get(rejected), Rejected("silence", ""))
    worker.work()
    recovery.settle(worker)
    assert f"rejected/{rejected}" in tree()
    sheet.save(sheet.get(archived).id, state="dropped")
    recovery.recover(worker, stale=100)
    assert tree() == [f"dropped/{archived}", f"rejected/{rejected}"]


def test_what_does_not_fit_is_reported_and_kept(worker, sheet, files, tree):
    lost = sheet.add()
    odd = sheet.add(uuid="../odd")
    places = ["uploaded", "previewed", "archived"]
    orphans = {place: str(uuid4()) for place in places}
    fresh = str(uuid4())
    for place, uuid in orphans.items():
        files.path(place, uuid).write_bytes(b"sound")
    os.utime(files.path("uploaded", orphans["uploaded"]), (0, time.time() - 101))
    files.path("uploaded", fresh).write_bytes(b"sound")
    before = tree()
    found = {(f.kind, f.uuid) for f in recovery.recover(worker, stale=100)}
    assert found == {
        ("no file", lost),
        ("no UUID", odd),
        *(("no record", uuid) for uuid in orphans.values()),
    }
    assert tree() == before


def test_two_files_of_one_name_wait(worker, sheet, upload, files, tree, caplog):
    uuid = upload()
    good = files.path("uploaded", uuid).read_bytes()
    files.path("rejected", uuid).write_bytes(b"another")
    before = tree()
    assert worker.work() == 1
    assert "differ, both are kept" in caplog.text
    assert sheet.row(uuid)["log"] == []
    assert sorted(path.read_bytes() for path in files.copies(uuid)) == sorted(
        [good, b"another"]
    )
    assert len(tree()) == len(before)


# -- as a service --------------------------------------------------------------


class Reconnecting:
    """Connects after some failures, and says what the service said meanwhile."""

    def __init__(self, worker, stop, *errors):
        self.worker, self.stop, self.errors = worker, stop, list(errors)
        self.said = []

    def __call__(self, found, environ, stop):
        self.said.append(Path(found.health).read_text().strip())
        if self.errors:
            raise self.errors.pop(0)
        self.worker.health = Health(found.health)
        self.worker.stop = stop
        return self.worker


@pytest.mark.parametrize("error", [Unreachable("down"), Refused("401")], ids=str)
def test_a_service_connects_again(worker, upload, sheet, tmp_path, monkeypatch, error):
    """Before, it ended with the first: its database was away for a moment."""
    uuid = upload()
    found = settings.Settings(health=str(tmp_path / "health"), interval=0.01)
    stop = Event()
    connect = Reconnecting(worker, stop, error, error)
    monkeypatch.setattr(__main__, "_worker", connect)
    monkeypatch.setattr(recovery, "settle", lambda worker: None)
    monkeypatch.setattr(recovery, "recover", lambda worker, stale: [])
    monkeypatch.setattr(
        Worker, "work", lambda self: (self.process(uuid), stop.set(), 0)[-1]
    )
    assert __main__._serve(found, {}, stop, once=False, interval=None) == 0
    assert connect.said == ["it begins", str(error), str(error)]
    assert Path(found.health).read_text() == "ok\n"
    assert sheet.row(uuid)["state"] == "archived"


def test_a_server_that_goes_is_seen_from_outside(worker, tmp_path):
    worker.health = Health(str(tmp_path / "health"))
    answers = [Unreachable("the server does not answer"), Refused("401"), None]
    seen = []

    def before():
        if worker.health and Path(worker.health.path).exists():
            seen.append(Path(worker.health.path).read_text().strip())
        error = answers.pop(0)
        if not answers:
            worker.stop.set()
        if error:
            raise error

    worker.run(once=False, interval=0.01, before=before)
    assert seen == ["the server does not answer", "401"]
    assert Path(worker.health.path).read_text() == "ok\n"
