# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases: ready, fresh, clean, reset; the cap; what happens when something fails."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from harness.errors import DatabaseError, HarnessError, TemplateError
from harness.model import LeaseCost
from harness.template.layer import Layer
from harness.template.pool import Pool, PoolLease
from harness.template.undo import (
    NOWHERE,
    PRISTINE,
    UNTRACKED,
    LeftSession,
    ResetOutcome,
)


def layer(name: str) -> Layer:
    return Layer(name=name, digest=f"{name}-digest", parent=None, language="en")


LEFT = (LeftSession(process=7, state="idle", query="SELECT 1"),)
PARTY, BANK = layer("party"), layer("bank")
TRACKED = replace(layer("tracked"), tracked=True)


class Shelf:
    """Clones that exist; those in `written` are not clean."""

    def __init__(self, kind: str = "postgresql") -> None:
        self.kind = kind
        self.clones: set[str] = set()
        self.most = 0
        self.written: set[str] = set()
        self.clone_error: Exception | None = None
        self.drop_error: Exception | None = None
        self.outcome = ResetOutcome(how="reset", rows=1, tables=1)
        self.new: set[int] = set()
        self.backs: list[tuple[str, int, bool]] = []
        self.gate = threading.Event()
        self.gate.set()
        self._guard = threading.Lock()

    def clone(self, digest: str, name: str) -> str:
        self.gate.wait(10)
        if self.clone_error:
            raise self.clone_error
        database = f"{digest}_{name}"
        with self._guard:
            assert database not in self.clones
            self.clones.add(database)
            self.most = max(self.most, len(self.clones))
        return database

    def clean(self, database: str) -> bool:
        return database not in self.written

    def untracked(self) -> str | None:
        return "no superuser"

    def mark(self, database: str) -> int:
        return 7

    def as_new(self, database: str, mark: int) -> bool:
        return mark in self.new

    def back(self, database: str, mark: int, *, alone: bool = False) -> ResetOutcome:
        self.backs.append((database, mark, alone))
        return self.outcome

    def drop(self, database: str) -> None:
        with self._guard:
            self.clones.remove(database)
        if self.drop_error:
            raise self.drop_error


class Builder:
    """Builds nothing, and remembers what it was asked for."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.asked: list[str] = []
        self.error: TemplateError | None = None

    def ensure(self, layer: Layer) -> None:
        if self.error:
            raise self.error
        self.asked.append(layer.name)

    def digest(self, layer: Layer) -> str:
        return layer.digest


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


Make = Callable[..., Pool]


@pytest.fixture
def make(shelf: Shelf) -> Iterator[Make]:
    made: list[Pool] = []

    def pool(ahead: int = 0, cap: int = 10, kind: str = "postgresql") -> Pool:
        shelf.kind = kind
        made.append(Pool(Builder(shelf), ahead=ahead, cap=cap, hands=2))  # type: ignore
        return made[-1]

    yield pool
    shelf.gate.set()
    for one in made:
        if not one._closed:
            one.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def ready(pool: Pool, layer: Layer) -> int:
    return len(pool._ready[layer.digest])


def leased(pool: Pool, layer: Layer = PARTY, worker: str = "w1") -> PoolLease:
    return pool.lease(layer, worker=worker)


# -- kinds -------------------------------------------------------------------


def test_a_fresh_lease(make: Make, shelf: Shelf) -> None:
    pool = make()
    lease = leased(pool)
    assert (lease.kind, lease.layer, lease.database) == (
        "fresh", PARTY, "party-digest_1",
    )  # fmt: skip
    assert shelf.clones == {lease.database}
    assert pool.builder.asked == ["party"]  # type: ignore[attr-defined]


def test_a_ready_lease(make: Make, shelf: Shelf) -> None:
    pool = make(ahead=2)
    pool.expect(PARTY)
    until(lambda: ready(pool, PARTY) == 2)
    before = set(shelf.clones)
    lease = leased(pool)
    assert lease.kind == "ready"
    assert lease.database in before
    until(lambda: ready(pool, PARTY) == 2)
    assert len(shelf.clones) == 3


def test_a_lease_that_nobody_wrote_to_is_handed_on(make: Make, shelf: Shelf) -> None:
    pool = make()
    first = leased(pool)
    pool.give_back(first)
    until(lambda: ready(pool, PARTY) == 1)
    second = leased(pool, worker="w2")
    assert (second.kind, second.database) == ("clean", first.database)
    assert shelf.clones == {first.database}


def test_a_clean_one_is_preferred_to_a_ready_one(make: Make) -> None:
    pool = make(ahead=1)
    first = leased(pool)
    until(lambda: ready(pool, PARTY) == 1)
    pool.give_back(first)
    until(lambda: ready(pool, PARTY) == 2)
    assert leased(pool).kind == "clean"


def test_a_lease_that_was_written_to_is_dropped(make: Make, shelf: Shelf) -> None:
    pool = make()
    first = leased(pool)
    shelf.written.add(first.database)
    pool.give_back(first)
    until(lambda: not shelf.clones)
    second = leased(pool)
    assert second.kind == "fresh"
    assert second.database != first.database


def test_who_cannot_say_is_not_clean(make: Make, shelf: Shelf, monkeypatch) -> None:
    def clean(database: str) -> bool:
        raise DatabaseError("the server has gone")

    monkeypatch.setattr(shelf, "clean", clean)
    pool = make()
    pool.give_back(leased(pool))
    until(lambda: not shelf.clones)
    assert ready(pool, PARTY) == 0


def test_leases_of_one_layer_are_not_given_for_another(make: Make) -> None:
    pool = make()
    pool.give_back(leased(pool, PARTY))
    until(lambda: ready(pool, PARTY) == 1)
    lease = leased(pool, BANK)
    assert (lease.kind, lease.layer) == ("fresh", BANK)
    assert lease.database.startswith("bank-digest_")


def test_one_that_is_being_made_is_waited_for(make: Make, shelf: Shelf) -> None:
    pool = make(ahead=1)
    shelf.gate.clear()
    pool.expect(PARTY)
    timer = threading.Timer(0.1, shelf.gate.set)
    timer.start()
    lease = leased(pool)
    timer.join()
    assert lease.kind == "ready"
    assert lease.seconds > 0.05


def test_costs_are_noted(make: Make) -> None:
    pool = make()
    before = time.time()
    lease = leased(pool, worker="w3")
    [cost] = pool.costs
    assert cost == LeaseCost(
        worker="w3",
        template="party",
        kind="fresh",
        started=cost.started,
        seconds=lease.seconds,
    )
    assert before <= cost.started <= time.time()


def test_no_two_workers_share_a_clone(make: Make, shelf: Shelf) -> None:
    pool = make(ahead=2, cap=8)
    held: list[str] = []
    wrong: list[str] = []

    def work(name: str) -> None:
        for number in range(20):
            lease = leased(pool, (PARTY, BANK)[number % 2], name)
            if lease.database in held:
                wrong.append(lease.database)
            held.append(lease.database)
            if number % 3:
                shelf.written.add(lease.database)
            held.remove(lease.database)
            pool.give_back(lease)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong
    assert len(pool.costs) == 80
    pool.close()
    assert shelf.clones == set()
    assert pool._count == 0


# -- the way back --------------------------------------------------------------


def test_a_tracked_lease_is_put_back(make: Make, shelf: Shelf) -> None:
    pool = make()
    lease = leased(pool, TRACKED)
    assert (lease.mark, pool.mark(lease)) == (PRISTINE, 7)
    assert pool.back(lease, 7) == (shelf.outcome, lease)
    assert shelf.backs == [(lease.database, 7, False)]
    assert [cost.kind for cost in pool.costs] == ["fresh", "reset"]
    assert pool.costs[1].worker == "w1"


def test_a_way_back_that_was_none_costs_nothing(make: Make, shelf: Shelf) -> None:
    pool = make()
    lease = leased(pool, TRACKED)
    shelf.outcome = ResetOutcome(how="clean")
    assert pool.back(lease, PRISTINE) == (shelf.outcome, lease)
    assert len(pool.costs) == 1


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (ResetOutcome(how="doubt", reason="create table"), "create table"),
        (ResetOutcome(how="reset", worn=True), ""),
        (ResetOutcome(how="reset", left=LEFT), ""),
        (ResetOutcome(how="clean", left=LEFT), ""),
    ],
)
@pytest.mark.parametrize("mark", [PRISTINE, 7])
def test_doubt_where_nothing_was_written_before_ends_in_an_exchange(
    make: Make, shelf: Shelf, outcome: ResetOutcome, reason: str, mark: int
) -> None:
    pool = make()
    lease = leased(pool, TRACKED)
    shelf.outcome = outcome
    shelf.new = {7}
    found, other = pool.back(lease, mark)
    assert (found.how, found.reason) == ("exchanged", reason)
    assert (other.layer, other.worker) == (TRACKED, "w1")
    until(lambda: shelf.clones == {other.database})
    pool.give_back(other)
    pool.close()
    assert (shelf.clones, pool._count) == (set(), 0)


def test_doubt_at_a_later_mark_is_told(make: Make, shelf: Shelf) -> None:
    pool = make()
    lease = leased(pool, TRACKED)
    shelf.outcome = ResetOutcome(how="doubt", reason="create table")
    assert pool.back(lease, 7) == (shelf.outcome, lease)
    assert shelf.clones == {lease.database}


def test_an_exchange_that_fails_drops_the_lease(make: Make, shelf: Shelf) -> None:
    """It is not as it was: nobody goes on with it, and nobody is handed it."""
    pool = make()
    lease = leased(pool, TRACKED)
    shelf.outcome = ResetOutcome(how="doubt", reason="lost")
    shelf.clone_error = DatabaseError("the server was lost")
    with pytest.raises(DatabaseError, match="lost"):
        pool.back(lease, PRISTINE)
    until(lambda: shelf.clones == set())
    pool.give_back(lease)
    shelf.clone_error = None
    outcome, other = pool.back(lease, PRISTINE)
    assert (outcome.how, other.database) != ("exchanged", lease.database)
    assert shelf.clones == {other.database}


def test_a_lease_that_cannot_be_looked_at_is_dropped(make: Make, shelf: Shelf) -> None:
    """Whatever it was that failed."""
    pool = make()
    lease = leased(pool, PARTY)

    def clean(database: str) -> bool:
        raise RuntimeError(database)

    shelf.clean = clean  # type: ignore[method-assign]
    pool.give_back(lease)
    until(lambda: shelf.clones == set())


def test_without_a_log_there_is_only_the_exchange(make: Make, shelf: Shelf) -> None:
    pool = make()
    lease = leased(pool, PARTY)
    assert (lease.mark, pool.mark(lease)) == (UNTRACKED, NOWHERE)
    assert pool.back(lease, NOWHERE)[0] == ResetOutcome(
        how="doubt", reason="no superuser"
    )
    outcome, other = pool.back(lease, UNTRACKED)
    assert (outcome.how, outcome.reason) == ("exchanged", "no superuser")
    assert other.database != lease.database
    assert shelf.backs == []


def test_a_tracked_lease_is_reset_for_the_next_worker(make: Make, shelf: Shelf) -> None:
    pool = make()
    first = leased(pool, TRACKED)
    pool.give_back(first)
    until(lambda: ready(pool, TRACKED) == 1)
    assert shelf.backs == [(first.database, PRISTINE, True)]
    second = leased(pool, TRACKED, "w2")
    assert (second.kind, second.database) == ("reset", first.database)


@pytest.mark.parametrize(
    "outcome",
    [
        ResetOutcome(how="doubt"),
        ResetOutcome(how="reset", worn=True),
        ResetOutcome(how="clean", left=LEFT),
    ],
)
def test_a_doubtful_or_worn_one_is_not_handed_on(
    make: Make, shelf: Shelf, outcome: ResetOutcome
) -> None:
    pool = make()
    shelf.outcome = outcome
    pool.give_back(leased(pool, TRACKED))
    until(lambda: not shelf.clones)
    assert ready(pool, TRACKED) == 0


# -- ahead and cap -----------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "cap", "expected"), [(0, 10, 0), (3, 10, 3), (5, 2, 2), (2, 0, 0)]
)
def test_expected_clones(
    make: Make, shelf: Shelf, ahead: int, cap: int, expected: int
) -> None:
    pool = make(ahead=ahead, cap=cap)
    for _ in range(3):
        pool.expect(PARTY)
    until(lambda: ready(pool, PARTY) == expected)
    assert pool._coming[PARTY.digest] == 0
    assert len(shelf.clones) == expected


def test_the_cap_is_for_all_layers(make: Make, shelf: Shelf) -> None:
    pool = make(ahead=2, cap=3)
    pool.expect(PARTY)
    pool.expect(BANK)
    until(lambda: ready(pool, PARTY) + ready(pool, BANK) == 3)
    assert ready(pool, BANK) == 1
    assert shelf.most == 3


def test_a_worker_is_never_refused_for_the_cap(make: Make, shelf: Shelf) -> None:
    pool = make(ahead=1, cap=1)
    assert [leased(pool).kind for _ in range(3)] == ["fresh"] * 3
    assert len(shelf.clones) == 3


def test_idle_clones_of_another_layer_give_way(make: Make, shelf: Shelf) -> None:
    pool = make(ahead=1, cap=1)
    pool.expect(PARTY)
    until(lambda: ready(pool, PARTY) == 1)
    lease = leased(pool, BANK)
    until(lambda: shelf.clones == {lease.database})
    assert ready(pool, PARTY) == 0


def test_sqlite_has_nothing_to_make_ahead(make: Make, shelf: Shelf) -> None:
    pool = make(ahead=2, kind="sqlite")
    pool.expect(PARTY)
    assert (pool._count, shelf.clones) == (0, set())


# -- failures ----------------------------------------------------------------


def test_a_template_that_cannot_be_built(make: Make, shelf: Shelf) -> None:
    pool = make(ahead=2)
    pool.builder.error = TemplateError("no way")  # type: ignore[attr-defined]
    with pytest.raises(TemplateError, match="no way"):
        leased(pool)
    assert (pool._count, pool.costs, shelf.clones) == (0, [], set())


def test_a_clone_that_cannot_be_made(make: Make, shelf: Shelf) -> None:
    pool = make()
    shelf.clone_error = DatabaseError("disk full")
    with pytest.raises(DatabaseError, match="disk full"):
        leased(pool)
    assert pool._count == 0
    shelf.clone_error = None
    assert leased(pool).kind == "fresh"


def test_a_failure_in_the_background_reaches_who_asks(make: Make, shelf: Shelf) -> None:
    pool = make(ahead=2)
    shelf.clone_error = DatabaseError("disk full")
    pool.expect(PARTY)
    with pytest.raises(DatabaseError, match="disk full"):
        leased(pool)
    until(lambda: pool._count == 0)


def test_a_drop_that_fails_frees_its_place(make: Make, shelf: Shelf) -> None:
    pool = make()
    lease = leased(pool)
    shelf.written.add(lease.database)
    shelf.drop_error = DatabaseError("the server has gone")
    pool.give_back(lease)
    until(lambda: pool._count == 0)
    with pytest.raises(DatabaseError, match="the server has gone"):
        leased(pool)
    shelf.drop_error = None


# -- the end -----------------------------------------------------------------


def test_close_drops_all_that_is_idle(make: Make, shelf: Shelf) -> None:
    pool = make(ahead=3)
    pool.expect(PARTY)
    pool.give_back(leased(pool, BANK))
    until(lambda: ready(pool, PARTY) == 3)
    pool.close()
    assert (shelf.clones, pool._count) == (set(), 0)


def test_close_waits_for_what_is_being_made(make: Make, shelf: Shelf) -> None:
    pool = make(ahead=2)
    shelf.gate.clear()
    pool.expect(PARTY)
    timer = threading.Timer(0.1, shelf.gate.set)
    timer.start()
    pool.close()
    timer.join()
    assert (shelf.clones, pool._count) == (set(), 0)


def test_after_close_nothing_is_made_ahead(make: Make, shelf: Shelf) -> None:
    pool = make(ahead=2)
    pool.close()
    pool.expect(PARTY)
    assert shelf.clones == set()


def test_a_lease_given_back_after_close_is_dropped(make: Make, shelf: Shelf) -> None:
    pool = make()
    lease = leased(pool)
    pool.close()
    pool.give_back(lease)
    assert shelf.clones == set()


def test_close_drops_leases_that_are_out(make: Make, shelf: Shelf) -> None:
    pool = make()
    leased(pool)
    pool.close()
    assert shelf.clones == set()


def test_a_lease_that_is_out_at_the_end_is_dropped_once(
    make: Make, shelf: Shelf
) -> None:
    pool = make()
    lease = leased(pool)
    pool.close()
    assert (shelf.clones, pool._count) == (set(), 0)
    shelf.clones.add(lease.database)
    pool.give_back(lease)
    assert shelf.clones == {lease.database}


def test_after_close_nothing_is_leased(make: Make, shelf: Shelf) -> None:
    pool = make()
    pool.close()
    with pytest.raises(HarnessError):
        leased(pool)
    assert shelf.clones == set()
