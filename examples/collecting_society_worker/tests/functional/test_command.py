# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker as a process of its own, a client of the server in this one."""

import json
import signal

import pytest

from collecting_society_worker import recovery

STEPS = ["preprocessed", "checksummed", "fingerprinted", "archived"]


@pytest.mark.isolation("test")
class TestKilled:
    "By the true signal, with a true server; unit/test_killed.py has all points"

    @pytest.mark.parametrize(
        "point",
        [
            "rename:1",
            "after:preprocess",
            "after:checksum.create",
            "after:checksum",
            "rename:2",
            "after:fingerprint",
            "before:archive",
        ],
    )
    def test_the_next_one_goes_on(self, worker, upload, record, files, start, point):
        uuid = upload()
        data = files.find(uuid).read_bytes()
        with start("run", "--once", killed=point) as process:
            messages = process.communicate(timeout=60)[1]
        assert process.returncode == -signal.SIGKILL, messages
        assert files.find(uuid).read_bytes() == data
        assert recovery.recover(worker, stale=100) == []
        assert worker.work() == 0
        assert files.path("archived", uuid).read_bytes() == data
        assert len(files.copies(uuid)) == len(files.excerpts(uuid)) == 1
        found = record(uuid)
        assert [log.to_state for log in found.logs] == STEPS
        assert len(found.checksums) == len(found.fingerprints) == 1


class TestTogether:
    def test_two_at_once(self, upload, record, files, start):
        made = [upload() for _ in range(8)]
        twins = [made[3], upload(data=files.find(made[3]).read_bytes())]
        workers = [start("run", "--once") for _ in "ab"]
        done = []
        for process in workers:
            with process:
                done.append(process.communicate(timeout=120)[1])
        assert [process.returncode for process in workers] == [0, 0], done
        for uuid in set(made) - set(twins):
            assert [log.to_state for log in record(uuid).logs] == STEPS
            assert files.path("archived", uuid).is_file()
            assert "".join(done).count(f"{uuid}: archived") == 1
        states = sorted(record(uuid).processing_state for uuid in twins)
        assert states == ["archived", "rejected"]
        assert all(": archived" in said for said in done), "one has done it all"


class TestCommands:
    def test_run_until_the_signal(self, upload, start, record):
        uuid = upload()
        with start("run", "--interval", "60") as process:
            while "archived" not in process.stderr.readline():
                assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
        assert process.returncode == 0
        assert record(uuid).processing_state == "archived"

    def test_reject_and_retry(self, upload, command, record, files):
        uuid = upload()
        code, _, said = command("reject", uuid, "--reason", "silence", "--note", "Hush")
        assert code == 0, said
        assert record(uuid).rejection_note == "Hush"
        assert files.find(uuid) == files.path("rejected", uuid)
        code, _, said = command("reject", uuid, "--reason", "silence")
        assert (code, "is rejected already" in said) == (2, True)
        assert command("retry", uuid)[0] == 0
        assert record(uuid).processing_state == "uploaded"
        record(uuid).click("preprocess")
        assert command("run", "--once")[0] == 0
        assert record(uuid).processing_state == "archived"

    def test_status(self, upload, command, files):
        uuid = upload()
        code, output, said = command("status", "--json")
        assert code == 0, said
        found = json.loads(output)
        assert found["records"]["uploaded"] == found["files"]["uploaded"] == 1
        files.find(uuid).unlink()
        code, output, _ = command("status")
        assert code == 1
        assert f"no file: {uuid}" in output
        assert command("reject", uuid, "--reason", "missing")[0] == 0

    @pytest.mark.parametrize(
        ("arguments", "more", "code", "text"),
        [
            (["retry", "../x"], {}, 2, "is not a UUID"),
            (["retry", "0" * 8 + "-0000" * 3 + "-" + "0" * 12], {}, 2, "no content"),
            (["status"], {"PROCESSING_PASSWORD": "wrong"}, 2, "refuses user or"),
            (["status"], {"PROCESSING_URI": "http://127.0.0.1:9/x/"}, 5, "not answer"),
            (["status"], {"PROCESSING_FILES": "/nowhere"}, 2, "is it mounted?"),
        ],
    )
    def test_mistakes(self, command, arguments, more, code, text):
        found, _, said = command(*arguments, **more)
        assert found == code, said
        assert text in said
        assert "Traceback" not in said
