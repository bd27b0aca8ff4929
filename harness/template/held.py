# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker holds of a lease: its database, its files, its marks."""

import shutil
from pathlib import Path

from harness.errors import UsageError
from harness.template.files import Snapshot
from harness.template.pool import PoolLease


class Held:
    """A lease, its files, and what the files were at each mark."""

    def __init__(self, lease: PoolLease, files: Path, *, beside: Path) -> None:
        self.lease = lease
        self.files = files
        self.beside = beside
        self._snapshots = {lease.mark: Snapshot(files, beside)}
        self._renewed: set[int] = set()

    def at(self, mark: int) -> int:
        """The mark of the database that now stands for `mark`.

        Raises `UsageError` for one that is gone or never was.
        """
        self.check(mark)
        return self.lease.mark if mark in self._renewed else mark

    def renew(self, lease: PoolLease) -> None:
        """Another clone stands behind the lease: its first mark is all marks."""
        self.lease = lease
        self._renewed = set(self._snapshots)

    def remember(self, mark: int) -> None:
        """The files at a mark of the database."""
        if mark in self._snapshots:
            self._snapshots.pop(mark).forget()
        self._renewed.discard(mark)
        self._snapshots[mark] = Snapshot(self.files, self.beside)

    def check(self, mark: int) -> None:
        """Raises `UsageError` for a mark that is gone or never was."""
        if mark not in self._snapshots:
            raise UsageError(
                f"the lease {self.lease.database} has no mark {mark}",
                checked=", ".join(map(str, self._snapshots)),
                remedy="a way back ends at a mark and forgets those made after it",
            )

    def restore(self, mark: int) -> None:
        """The files as they were; later marks are forgotten."""
        for later in [one for one in self._snapshots if one > mark]:
            self._snapshots.pop(later).forget()
        self._snapshots[mark].restore()

    def clear(self) -> None:
        """Remove the files."""
        for one in self._snapshots.values():
            one.forget()
        shutil.rmtree(self.files, ignore_errors=True)
