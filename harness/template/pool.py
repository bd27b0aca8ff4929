# SPDX-License-Identifier: GPL-3.0-or-later
"""Clones made ahead of need, handed out as leases, taken back clean.

All of a run's clones go through one pool in the controller: that is what makes
a cap over all workers possible, and what lets a worker die with a lease in its
hands without anything being lost.
"""

import itertools
import threading
import time
from collections import Counter, defaultdict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, Literal

from harness.errors import DatabaseError, HarnessError
from harness.model import LeaseCost
from harness.template.base import Shelf
from harness.template.build import TemplateBuilder
from harness.template.layer import Layer
from harness.template.undo import NOWHERE, PRISTINE, UNTRACKED, ResetOutcome

Kind = Literal["ready", "fresh", "clean", "reset"]
NUMBERS: Final = itertools.count(1)
"""Of the clones of all pools: those of one whose server has ended may still be there
when another server has its data."""


@dataclass(frozen=True, kw_only=True)
class PoolLease:
    """A clone in somebody's hands."""

    database: str
    layer: Layer
    kind: Kind
    seconds: float
    worker: str = ""

    @property
    def mark(self) -> int:
        """The mark that it was handed out with."""
        return PRISTINE if self.layer.tracked else UNTRACKED


class Pool:
    """Hands out leases; every method may be called from any thread."""

    def __init__(
        self, builder: TemplateBuilder, *, ahead: int, cap: int, hands: int
    ) -> None:
        """`ahead` clones are kept per template in use, `cap` exist at most.

        `hands` threads clone and drop in the background.
        """
        self.builder = builder
        self.shelf: Shelf = builder.shelf
        self.ahead = ahead
        self.cap = cap
        self.costs: list[LeaseCost] = []
        self._hands = ThreadPoolExecutor(max_workers=hands, thread_name_prefix="pool")
        self._guard = threading.Condition()
        self._ready: dict[str, deque[tuple[str, Kind]]] = defaultdict(deque)
        self._coming: Counter[str] = Counter()
        self._out: dict[str, PoolLease] = {}
        self._count = 0
        self._closed = False
        self._failure: HarnessError | None = None

    def expect(self, layer: Layer) -> None:
        """Make clones of a finished template before anybody asks."""
        with self._guard:
            if self._closed or self.shelf.kind == "sqlite":
                return
            stock = len(self._ready[layer.digest]) + self._coming[layer.digest]
            room = min(self.ahead - stock, self.cap - self._count)
            for _ in range(max(0, room)):
                self._count += 1
                self._coming[layer.digest] += 1
                self._submit(layer)

    def _submit(self, layer: Layer) -> None:
        future = self._hands.submit(self._clone, layer)
        future.add_done_callback(lambda done: self._arrived(layer, done))

    def _clone(self, layer: Layer) -> str:
        return self.shelf.clone(self.builder.digest(layer), str(next(NUMBERS)))

    def _arrived(self, layer: Layer, done: "Future[str]") -> None:
        with self._guard:
            self._coming[layer.digest] -= 1
            error = done.exception()
            if error is None:
                self._ready[layer.digest].append((done.result(), "ready"))
            else:
                self._count -= 1
                if isinstance(error, HarnessError):
                    self._failure = error
            self._guard.notify_all()

    def lease(self, layer: Layer, *, worker: str) -> PoolLease:
        """A clone of `layer`, whose template is built first if it must be.

        Raises what building or cloning raises.
        """
        if self._closed:
            raise DatabaseError("the run is ending: there are no leases any more")
        self.builder.ensure(layer)
        started = time.time()
        clock = time.perf_counter()
        database, kind = self._take(layer) or (self._demand(layer), "fresh")
        lease = PoolLease(
            database=database,
            layer=layer,
            kind=kind,
            seconds=time.perf_counter() - clock,
            worker=worker,
        )
        with self._guard:
            self._out[lease.database] = lease
            closed = self._closed
        if closed:  # while it was cloned
            self._drop(database)
        self._note(lease, kind, started, lease.seconds)
        self.expect(layer)
        return lease

    def _note(
        self, lease: PoolLease, kind: Kind, started: float, seconds: float
    ) -> None:
        self.costs.append(
            LeaseCost(
                worker=lease.worker,
                template=lease.layer.name,
                kind=kind,
                started=started,
                seconds=seconds,
            )
        )

    def mark(self, lease: PoolLease) -> int:
        """Remember how a lease is now; `NOWHERE` when there is no way back."""
        return self.shelf.mark(lease.database) if lease.layer.tracked else NOWHERE

    def written(self, lease: PoolLease) -> str:
        """What was written before the last mark and after the one before, in words."""
        return self.shelf.written(lease.database) if lease.layer.tracked else ""

    def back(self, lease: PoolLease, mark: int) -> tuple[ResetOutcome, PoolLease]:
        """Put a lease back to a mark; what holds it now, if another clone does.

        At the mark that it was handed out with, and at marks that are no different,
        doubt ends in an exchange; so does a session that had to be ended: who had it
        may open another and write on, into a database that is nobody's then.
        Raises what cloning raises.
        """
        started = time.time()
        clock = time.perf_counter()
        outcome = self._back(lease, mark)
        renew = outcome.how == "doubt" or outcome.worn or outcome.left
        if renew and self._as_new(lease, mark):
            return replace(outcome, how="exchanged"), self._exchange(lease)
        if outcome.how == "reset":
            self._note(lease, "reset", started, time.perf_counter() - clock)
        return outcome, lease

    def _as_new(self, lease: PoolLease, mark: int) -> bool:
        return mark == lease.mark or (
            lease.layer.tracked and self.shelf.as_new(lease.database, mark)
        )

    def _back(
        self, lease: PoolLease, mark: int, *, alone: bool = False
    ) -> ResetOutcome:
        if not lease.layer.tracked:
            reason = self.shelf.untracked() or "its template has no undo log"
            return ResetOutcome(how="doubt", reason=reason)
        return self.shelf.back(lease.database, mark, alone=alone)

    def _exchange(self, lease: PoolLease) -> PoolLease:
        """Another clone of the same template; the old one is dropped.

        It is dropped also where there is no other: nobody goes on with what is not
        as it was.
        """
        try:
            return self.lease(lease.layer, worker=lease.worker)
        finally:
            with self._guard:
                if self._out.pop(lease.database, None) is not None:
                    self._hands.submit(self._drop, lease.database)

    def _take(self, layer: Layer) -> tuple[str, Kind] | None:
        """A ready clone, waiting for one that is being made already."""
        with self._guard:
            while not self._ready[layer.digest] and self._coming[layer.digest]:
                self._guard.wait(0.5)
            stock = self._ready[layer.digest]
            return stock.popleft() if stock else None

    def _demand(self, layer: Layer) -> str:
        """A clone made now: a worker that asks is never refused for the cap.

        Idle clones of other templates give way instead.
        """
        with self._guard:
            if self._failure:
                raise self._failure
            if self._count >= self.cap:
                for digest, stock in self._ready.items():
                    if stock and digest != layer.digest:
                        self._hands.submit(self._drop, stock.pop()[0])
                        break
            self._count += 1
        try:
            return self._clone(layer)
        except BaseException:
            with self._guard:
                self._count -= 1
            raise

    def give_back(self, lease: PoolLease) -> None:
        """Take a lease back: handed on if it is or can be made clean."""
        with self._guard:
            if self._out.pop(lease.database, None) is None:
                return  # closed meanwhile, and dropped
            self._hands.submit(self._tidy, lease)

    def _tidy(self, lease: PoolLease) -> None:
        try:
            kind = None if self._closed else self._cleaned(lease)
        except Exception:  # noqa: BLE001  (in doubt it is dropped, whatever the doubt)
            kind = None
        if kind:
            with self._guard:
                self._ready[lease.layer.digest].appendleft((lease.database, kind))
                self._guard.notify_all()
        else:
            self._drop(lease.database)

    def _cleaned(self, lease: PoolLease) -> Kind | None:
        if not lease.layer.tracked:
            return "clean" if self.shelf.clean(lease.database) else None
        outcome = self._back(lease, PRISTINE, alone=True)
        kinds: dict[str, Kind] = {"clean": "clean", "reset": "reset"}
        return None if outcome.worn or outcome.left else kinds.get(outcome.how)

    def _drop(self, database: str) -> None:
        try:
            self.shelf.drop(database)
        except DatabaseError as error:
            self._failure = error
        finally:
            with self._guard:
                self._count -= 1

    def close(self) -> None:
        """Drop all clones, also those that are out.

        What a lost server keeps is swept at the next start.
        """
        with self._guard:
            self._closed = True
            going = [*self._out, *self._idle()]
            self._out.clear()
            self._ready.clear()
            for database in going:
                self._hands.submit(self._drop, database)
        self._hands.shutdown(wait=True)
        for database in self._idle():  # arrived meanwhile
            self._drop(database)

    def _idle(self) -> list[str]:
        return [name for stock in self._ready.values() for name, _ in stock]
