# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates as SQLite files; a clone is a copy in the worker's memory.

There is nothing to drop and nothing to sweep but half-written files, which
never carry a template's name.
"""

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import TemplateError
from harness.locks import Lock
from harness.store import FULL, Store, disk_full, write_atomically
from harness.template.base import Draft, Manifest, Waiting, sorted_by_use
from harness.template.layer import Layer
from harness.template.undo import NOWHERE, ResetOutcome

SETTLED = 5.0
"""Seconds after which nobody is about to take a lock on what he has made."""


class SQLite:
    """Templates in the state directory, for one run."""

    kind = "sqlite"

    def __init__(self, store: Store, run: str) -> None:
        self.store = store
        self.directory = store.directory("sqlite")
        self.run = run
        self._used: dict[str, Lock] = {}
        self._guard = threading.Lock()

    def _file(self, digest: str) -> Path:
        return self.directory / f"{digest}.sqlite"

    def find(self, digest: str) -> Manifest | None:
        """See `Shelf`."""
        return _manifest(self._file(digest))

    def use(self, digest: str) -> None:
        """See `Shelf`; the kernel gives the lock back with the run."""
        with self._guard:
            if digest not in self._used:
                lock = Lock(self.directory / f"{digest}.use")
                lock.acquire(shared=True)
                self._used[digest] = lock

    def all(self) -> tuple[Manifest, ...]:
        """See `Shelf`."""
        found = map(_manifest, self.directory.glob("*.sqlite"))
        return sorted_by_use(one for one in found if one)

    @contextmanager
    def claim(
        self, digest: str, *, deadline: float, waiting: Waiting
    ) -> Iterator[None]:
        """See `Shelf`; the kernel gives a dead builder's claim to the next."""
        lock = Lock(self.directory / f"{digest}.lock")
        if not lock.acquire(wait=0):
            waiting()
            if not lock.acquire(wait=deadline):
                raise TemplateError(
                    f"another run has been building template {digest}"
                    f" for more than {deadline:g} s",
                    checked=str(lock.path),
                    remedy="end it, or raise [tool.harness.templates] deadline",
                )
        try:
            yield
        finally:
            lock.release()

    def draft(self, layer: Layer) -> Draft:
        """See `Shelf`."""
        path = self.directory / f"building_{self.run}_{layer.digest}"
        try:
            path.unlink(missing_ok=True)
            if layer.parent:
                shutil.copyfile(self._file(layer.parent.digest), path)
        except FileNotFoundError as error:
            raise TemplateError(
                f"the template {error.filename} is gone",
                remedy="run again: it is rebuilt",
            ) from error
        except OSError as error:
            if error.errno in FULL:
                raise disk_full(path) from error
            raise TemplateError(f"{error.filename}: {error.strerror}") from error
        return Draft(layer=layer, database=str(path))

    def publish(self, draft: Draft, manifest: Manifest) -> Manifest:
        """See `Shelf`: the manifest comes last and makes it a template."""
        path = self._file(draft.layer.digest)
        size = os.stat(draft.database).st_size
        described = Manifest(**{**vars(manifest), "size": size})
        os.chmod(draft.database, 0o444)
        os.replace(draft.database, path)
        write_atomically(path.with_suffix(".json"), described.dump())
        return described

    def discard(self, draft: Draft) -> None:
        """See `Shelf`."""
        Path(draft.database).unlink(missing_ok=True)

    def remove(self, digest: str) -> bool:
        """See `Shelf`."""
        lock = Lock(self.directory / f"{digest}.use")
        if not lock.acquire(wait=0):
            return False
        for suffix in (".json", ".sqlite", ".use"):
            self._file(digest).with_suffix(suffix).unlink(missing_ok=True)
        lock.release()
        return True

    def clone(self, digest: str, name: str) -> str:
        """See `Shelf`: the worker copies the file into its memory."""
        if not self._file(digest).exists():
            raise TemplateError(
                f"the template {digest} is gone", remedy="run again: it is rebuilt"
            )
        return str(self._file(digest))

    def clean(self, database: str) -> bool:
        """See `Shelf`: a copy in memory is never handed on."""
        return False

    def drop(self, database: str) -> None:
        """See `Shelf`: the worker's memory goes with it."""

    def untracked(self) -> str | None:
        """See `Shelf`."""
        return "SQLite databases have no undo log: use PostgreSQL"

    def track(self, draft: Draft) -> None:
        """See `Shelf`."""
        raise TemplateError(str(self.untracked()), remedy="--database local")

    def mark(self, database: str) -> int:
        """See `Shelf`."""
        return NOWHERE

    def keep(self, database: str, note: str) -> str:
        """See `Shelf`."""
        return ""

    def written(self, database: str) -> str:
        """See `Shelf`."""
        return ""

    def as_new(self, database: str, mark: int) -> bool:
        """See `Shelf`."""
        return False

    def back(self, database: str, mark: int, *, alone: bool = False) -> ResetOutcome:
        """See `Shelf`."""
        return ResetOutcome(how="doubt", reason=str(self.untracked()))

    def sweep(self) -> tuple[str, ...]:
        """See `Shelf`: drafts that nobody writes to any more, halves of templates."""
        whole = (*self.directory.glob("*.sqlite"), *self.directory.glob("*.json"))
        swept = [
            path.name
            for path in whole
            if not self._kept(path) and self.remove(path.stem)
        ]
        live = {self.run, *self.store.live()}
        for path in self.directory.glob("building_*"):
            if path.name.split("_")[1] not in live:
                path.unlink(missing_ok=True)
                swept.append(path.name)
        return tuple(swept)

    def _kept(self, path: Path) -> bool:
        """Whether it is of a template, or of one that is just being published."""
        try:
            old = time.time() - path.stat().st_ctime > SETTLED
        except FileNotFoundError:
            return True
        lock = path.with_suffix(".lock")
        busy = lock.exists() and Lock(lock).taken
        return bool(self.find(path.stem)) or busy or not old

    def save(self, digest: str, path: Path) -> None:
        """See `Shelf`."""
        shutil.copyfile(self._file(digest), path)

    def restore(self, draft: Draft, path: Path, *, trusted: bool = False) -> None:
        """See `Shelf`: no code runs when a file is copied."""
        shutil.copyfile(path, draft.database)

    def close(self) -> None:
        """See `Shelf`."""
        with self._guard:
            for lock in self._used.values():
                lock.release()
            self._used.clear()


def _manifest(file: Path) -> Manifest | None:
    """The manifest beside a file; a template without a whole one is none."""
    try:
        text = file.with_suffix(".json").read_text("utf-8")
        return Manifest.parse(text) if file.exists() else None
    except (OSError, TemplateError):
        return None
