# SPDX-License-Identifier: GPL-3.0-or-later
"""Records without a database: a JSON file, so that they outlive a killed worker."""

import base64
import json
import os
import uuid
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from collecting_society_worker.errors import Rejected, WorkerError
from collecting_society_worker.files import Files
from collecting_society_worker.model import (
    WORKING,
    Content,
    Digest,
    Fingerprint,
    Sound,
)
from collecting_society_worker.stages import Bench
from collecting_society_worker.worker import Worker

Row = dict[str, Any]


class Sheet:
    """`Records` in a file; every change is one `save`, like a transaction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.effect: Callable[[], None] = lambda: None
        """Called before and after a change."""

    def rows(self) -> list[Row]:
        return json.loads(self.path.read_text()) if self.path.exists() else []

    def save(self, id_: int, **values: Any) -> None:
        self.effect()
        rows = self.rows()
        row = rows[id_]
        state = values.get("state")
        if state and (row["state"], state) not in TRANSITIONS:
            raise WorkerError(f"from {row['state']} to {state}: no")
        row.update(values)
        if state:
            row["log"].append(state)
        part = self.path.with_suffix(".new")
        part.write_text(json.dumps(rows))
        os.replace(part, self.path)
        self.effect()

    def add(self, **values: Any) -> str:
        rows = self.rows()
        row = {
            "id": len(rows),
            "uuid": str(uuid.uuid4()),
            "name": "song.wav",
            "state": "uploaded",
            "category": "audio",
            "size": None,
            "data": "",
            "log": [],
            "sums": {},
            **values,
        }
        self.path.write_text(json.dumps([*rows, row]))
        return row["uuid"]

    def row(self, uuid: str) -> Row:
        return next(row for row in self.rows() if row["uuid"] == uuid)

    def limit(self) -> int:
        return 10**6

    def waiting(self) -> list[str]:
        return [row["uuid"] for row in self.rows() if row["state"] in WORKING]

    def get(self, uuid: str) -> Content | None:
        if uuid not in self.states([uuid]):
            return None
        row = self.row(uuid)
        names = ("id", "uuid", "name", "state", "category", "size")
        return Content(
            **{name: row[name] for name in names},
            data=len(row["data"]),
            checksum=row["sums"].get("checksum"),
        )

    def states(self, uuids: Iterable[str]) -> dict[str, str]:
        known = {row["uuid"]: row["state"] for row in self.rows()}
        return {one: known[one] for one in uuids if one in known}

    def counts(self) -> dict[str, int]:
        states = [row["state"] for row in self.rows()]
        return {state: states.count(state) for state in states}

    def data(self, content: Content) -> bytes:
        return base64.b64decode(self.row(content.uuid)["data"])

    def checksummed(self, content: Content, digest: Digest) -> None:
        if content.state == "uploaded":
            self.save(content.id, size=digest.size, state="preprocessed")
        self._mark(content, "checksum", digest.code)
        self.save(content.id, state="checksummed")

    def fingerprinted(
        self, content: Content, sound: Sound | None, found: Fingerprint | None
    ) -> None:
        if found:
            self._mark(content, "fingerprint", found.code)
        self.save(content.id, state="fingerprinted")

    def _mark(self, content: Content, name: str, code: str) -> None:
        sums = self.row(content.uuid)["sums"]
        self.save(content.id, sums={**sums, name: code})
        for row in self.rows():
            same = row["id"] != content.id and row["sums"].get(name) == code
            if same and row["state"] not in ("rejected", "dropped"):
                raise Rejected(f"{name}_collision", "twin", duplicate=row["id"])

    def archived(self, content: Content) -> None:
        self.save(content.id, state="archived")

    def reject(self, content: Content, rejected: Rejected) -> None:
        self.save(content.id, state="rejected", reason=rejected.reason)

    def retry(self, content: Content) -> None:
        self.save(content.id, state="uploaded", sums={}, reason=None)


STEPS = (*WORKING, "archived")
TRANSITIONS = {
    *pairwise(STEPS),
    *((step, "rejected") for step in WORKING),
    ("rejected", "uploaded"),
    ("rejected", "dropped"),
    ("archived", "dropped"),
}


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    return Sheet(tmp_path / "records.json")


@pytest.fixture
def worker(files: Files, sheet: Sheet, bench: Bench) -> Worker:
    return Worker(files=files, records=sheet, bench=bench)


@pytest.fixture
def upload(
    files: Files, sheet: Sheet, sound: Callable[..., Path]
) -> Callable[..., str]:
    """What the receiver does: the file, then the record."""

    def upload(
        seconds: float = 1.5, *, data: bytes | None = None, **values: Any
    ) -> str:
        name = str(uuid.uuid4())
        path = files.path("uploaded", name)
        if data is None:
            sound(path, seconds)
        else:
            path.write_bytes(data)
        return sheet.add(uuid=name, size=path.stat().st_size, **values)

    return upload


@pytest.fixture
def tree(files: Files) -> Callable[[], list[str]]:
    """All files, without locks."""

    def tree() -> list[str]:
        return sorted(
            path.relative_to(files.root).as_posix()
            for path in files.root.rglob("*")
            if path.is_file() and path.parent.name != "locks"
        )

    return tree
