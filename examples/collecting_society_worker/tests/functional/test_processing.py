# SPDX-License-Identifier: GPL-3.0-or-later
import datetime as dt
import hashlib

import pytest

from collecting_society_worker import recovery

STEPS = ["preprocessed", "checksummed", "fingerprinted", "archived"]


class TestProcessing:
    def test_from_upload_to_archive(self, worker, upload, record, files):
        uuid = upload(2)
        data = files.find(uuid).read_bytes()
        assert worker.work() == 0
        found = record(uuid)
        assert [log.to_state for log in found.logs] == STEPS
        assert files.path("archived", uuid).read_bytes() == data
        assert [path.name for path in files.excerpts(uuid)] == [f"{uuid}.wav"]
        assert found.checksums[0].code == hashlib.sha256(data).hexdigest()
        assert found.fingerprints[0].algorithm == "pcm-sha256"
        assert found.duration == dt.timedelta(seconds=2)
        assert (found.sample_rate, found.channels) == (8000, 1)
        assert found.mime_type == "audio/wav"
        assert found.volume is not None
        assert found.size == len(data)

    def test_size_that_was_not_announced(self, worker, upload, record, files):
        uuid = upload(size=None)
        assert worker.work() == 0
        assert record(uuid).size == files.find(uuid).stat().st_size

    @pytest.mark.parametrize(
        ("arguments", "reason", "note"),
        [
            ({"data": b"", "size": 5}, "format", "empty"),
            ({"data": b"la la la"}, "format", "not audio"),
            ({"seconds": 0.5}, "format", "0.50 seconds"),
            ({"seconds": 11}, "size", "11.00 seconds"),
        ],
    )
    def test_rejected(self, worker, upload, record, files, arguments, reason, note):
        uuid = upload(**arguments)
        assert worker.work() == 0
        found = record(uuid)
        assert (found.processing_state, found.rejection_reason) == ("rejected", reason)
        assert note in found.rejection_note
        assert files.find(uuid) == files.path("rejected", uuid)

    def test_silence(self, worker, upload, record, sound, tmp_path):
        uuid = upload(data=sound(tmp_path / "x", silent=True).read_bytes())
        worker.work()
        assert record(uuid).rejection_reason == "silence"

    def test_the_same_file(self, worker, upload, record, files):
        first = upload()
        second = upload(data=files.find(first).read_bytes())
        worker.work()
        found = record(second)
        assert record(first).processing_state == "archived"
        assert found.rejection_reason == "checksum_collision"
        assert found.duplicate_of == record(first)

    def test_the_same_recording(self, worker, upload, record, files):
        first = upload()
        tagged = files.find(first).read_bytes() + b"LIST\x04\0\0\0INFO"
        second = upload(data=tagged)
        worker.work()
        found = record(second)
        assert found.rejection_reason == "fingerprint_collision"
        assert found.duplicate_of == record(first)
        assert files.excerpts(second) == []

    def test_retry(self, worker, upload, record, make_bench):
        uuid = upload()
        worker.bench = make_bench(minimum=2)
        worker.work()
        record(uuid).click("retry")
        worker.bench = make_bench()
        assert worker.work() == 0
        assert record(uuid).processing_state == "archived"

    def test_file_from_the_record(self, worker, tryton, record, sound, tmp_path, files):
        from proteus import Model

        data = sound(tmp_path / "x").read_bytes()
        content = Model.get("collecting_society.content")(name="x.wav", data=data)
        content.save()
        assert worker.work() == 0
        assert files.path("archived", content.uuid).read_bytes() == data

    def test_no_volume_has_room(self, worker, upload, record, files, caplog):
        from proteus import Model

        uuid = upload()
        volumes = Model.get("collecting_society.volume").find([("online", "=", True)])
        for volume in volumes:
            volume.online = False
            volume.save()
        assert worker.work() == 1
        assert "No volume has room" in caplog.text
        assert record(uuid).processing_state == "fingerprinted"
        for volume in volumes:
            volume.online = True
            volume.save()
        assert worker.work() == 0
        assert record(uuid).processing_state == "archived"

    def test_rejected_in_the_client(self, worker, tryton, upload, files):
        from collecting_society_worker.errors import Rejected

        uuid = upload()
        tryton.reject(tryton.get(uuid), Rejected("silence", "By hand."))
        recovery.settle(worker)
        assert files.find(uuid) == files.path("rejected", uuid)

    def test_questions_in_pages(self, tryton, upload, monkeypatch):
        from collecting_society_worker import records

        monkeypatch.setattr(records, "PAGE", 2)
        made = [upload() for _ in range(5)]
        assert [uuid for uuid in tryton.waiting() if uuid in made] == made
        assert tryton.states([*made, "x"]) == dict.fromkeys(made, "uploaded")
        assert tryton.counts()["uploaded"] >= 5
