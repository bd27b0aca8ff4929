# SPDX-License-Identifier: GPL-3.0-or-later
"""What the dead have left: what can be mended is, the rest is reported."""

import logging
import time
from collections.abc import Iterator
from contextlib import suppress

from .errors import WorkerError
from .files import Files, is_uuid
from .model import WORKING, Finding
from .records import Records
from .worker import RESTING, Worker

log = logging.getLogger(__name__)
BUSY = ("uploaded", "checksummed", "previewed")
"""Places where files do not stay."""
STORES = ("archived", "rejected")


def recover(worker: Worker, *, stale: float) -> list[Finding]:
    """Sweep, bring each file to where its record says, and look at all places."""
    for path in worker.files.sweep(stale):
        log.warning("%s was given up by its writer, and is removed", path)
    settle(worker, (*BUSY, *STORES))
    return list(examine(worker.files, worker.records, stale=stale))


def settle(worker: Worker, places: tuple[str, ...] = BUSY) -> None:
    """Follow the records that were changed by hand, or just before a death."""
    for place in places:
        states = worker.records.states(worker.files.names(place))
        for uuid, state in states.items():
            if RESTING.get(state, place) != place:
                _settle_one(worker, uuid, state)


def _settle_one(worker: Worker, uuid: str, state: str) -> None:
    try:
        with worker.files.lock(uuid) as ours:
            if ours:
                worker.settle(uuid, state)
                log.info("%s: brought to %s/", uuid, RESTING[state])
    except (OSError, WorkerError) as error:
        log.error("%s waits: %s", uuid, error)


def examine(files: Files, records: Records, *, stale: float) -> Iterator[Finding]:
    """What does not fit together; changes nothing."""
    yield from _without_record(files, records, stale)
    yield from _without_file(files, records)


def _without_record(files: Files, records: Records, stale: float) -> Iterator[Finding]:
    """The receiver writes the file first: only what is old has been forgotten."""
    limit = time.time() - stale
    for place in (*BUSY, *STORES):
        names = files.names(place)
        known = records.states(names)
        for uuid in names:
            if uuid in known:
                continue
            path = files.path(place, uuid)
            with suppress(FileNotFoundError):
                if place != "uploaded" or path.stat().st_mtime < limit:
                    yield Finding(
                        kind="no record", uuid=uuid, text=f"{path} has no record"
                    )


def _without_file(files: Files, records: Records) -> Iterator[Finding]:
    for uuid in records.waiting():
        if not is_uuid(uuid):
            yield Finding(kind="no UUID", uuid=uuid, text="no file can have this name")
        elif files.find(uuid) is None:
            content = records.get(uuid)
            if content and content.state in WORKING and not content.data:
                text = f"{content.name!r} is {content.state}, and has no file"
                yield Finding(kind="no file", uuid=uuid, text=text)
