# SPDX-License-Identifier: GPL-3.0-or-later
"""One content through its stages, one pass over all, and the loop.

The record's state says what is next, and the file follows it: a stage looks at the
file wherever it lies, brings it to its place, and changes the record last.  Whenever
the worker dies, the next one does the stage again and comes to the same end.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from .errors import Refused, Rejected, Unreachable, WorkerError
from .files import Files, published
from .health import Health
from .model import WORKING, Content
from .records import Records
from .stages import Bench, archive, checksum, fingerprint, format, preview

log = logging.getLogger(__name__)
DUPLICATES = "duplicates"
"""The lock under which twins are looked for: of two at once one must be the first."""
RESTING = {"archived": "archived", "rejected": "rejected", "dropped": "dropped"}
"""Where the file of a content lies that does not wait for the worker."""


@dataclass(kw_only=True)
class Worker:
    """What does the work; several may share files and records."""

    files: Files
    records: Records
    bench: Bench
    health: Health = field(default_factory=Health)
    stop: Event = field(default_factory=Event)
    said: dict[str, str] = field(default_factory=dict)
    """Why contents wait: not said again with each pass."""

    def run(self, *, once: bool, interval: float, before: Callable[[], object]) -> int:
        """Pass after pass until `stop`; how many contents the last one left waiting.

        `before` is called at the beginning of each pass.
        """
        while True:
            waiting = 0
            try:
                before()
                waiting = self.work()
                self.health.say()
            except (Unreachable, Refused) as error:
                if once:
                    raise
                log.error("%s; trying again in %g s", error, interval)
                self.health.say(str(error))
            if once or self.stop.wait(interval):
                return waiting

    def work(self) -> int:
        """Process all that waits; how many could not be."""
        left = 0
        for uuid in self.records.waiting():
            if self.stop.is_set():
                break
            left += not self.process(uuid)
        return left

    def process(self, uuid: str) -> bool:
        """Take one content as far as it goes; whether it rests now.

        What another worker holds is that one's.  An error leaves file and record
        where they are, and does not keep the others waiting.
        """
        try:
            with self.files.lock(uuid) as ours:
                if ours:
                    self._advance(uuid)
        except (Unreachable, Refused):
            raise
        except (WorkerError, OSError) as error:
            if self.said.get(uuid) != str(error):
                log.error("%s waits: %s", uuid, error)
            self.said[uuid] = str(error)
            return False
        except Exception:
            log.exception("%s waits: this should not happen", uuid)
            return False
        return True

    def _advance(self, uuid: str) -> None:
        before = None
        while content := self.records.get(uuid):
            if content.state == before:
                raise WorkerError(f"the record stays {content.state}")
            before = content.state
            if content.state not in WORKING:
                self.settle(uuid, content.state)
                return
            try:
                STAGES[content.state](self, content, self._file(content))
            except Rejected as rejected:
                self.reject(content, rejected)

    def _file(self, content: Content) -> Path:
        """The file; one that was uploaded into the record is written out."""
        file = self.files.find(content.uuid)
        if file is None and content.data:
            file = self.files.path("uploaded", content.uuid)
            with published(file) as part:
                part.write_bytes(self.records.data(content))
            log.info("%s: file written from the record", content.uuid)
        if file is None:
            raise WorkerError(
                f"there is no file in {self.files.root}; put it into uploaded/, or:"
                f" reject {content.uuid} --reason missing"
            )
        return file

    def reject(self, content: Content, rejected: Rejected) -> None:
        """The record first, so that the reason is not lost; the file follows."""
        self.records.reject(content, rejected)
        log.info("%s: rejected, %s: %s", content.uuid, rejected.reason, rejected.note)
        self.settle(content.uuid, "rejected")

    def settle(self, uuid: str, state: str) -> None:
        """Bring the file of a content that rests to where it belongs."""
        if state != "archived":
            self.files.discard_excerpts(uuid)
        if self.files.find(uuid):
            self.files.place(uuid, RESTING[state])

    def _checksum(self, content: Content, file: Path) -> None:
        digest = checksum.measure(file, content, self.bench)
        self.files.place(content.uuid, "checksummed")
        with self.files.lock(DUPLICATES, wait=True):
            self.records.checksummed(content, digest)
        log.info("%s: checksummed", content.uuid)

    def _preview(self, content: Content, file: Path) -> None:
        sound = format.check(file, content, self.bench)
        mark = None
        if sound:
            mark = fingerprint.take(file, content, sound, self.bench)
            preview.cut(file, content, sound, self.bench, self.files.root)
        self.files.place(content.uuid, "previewed")
        with self.files.lock(DUPLICATES, wait=True):
            self.records.fingerprinted(content, sound, mark)
        log.info("%s: previewed", content.uuid)

    def _archive(self, content: Content, file: Path) -> None:
        archive.verify(file, content)
        self.files.place(content.uuid, "archived")
        self.records.archived(content)
        log.info("%s: archived", content.uuid)


STAGES: dict[str, Callable[[Worker, Content, Path], None]] = {
    "uploaded": Worker._checksum,
    "preprocessed": Worker._checksum,
    "checksummed": Worker._preview,
    "fingerprinted": Worker._archive,
}
