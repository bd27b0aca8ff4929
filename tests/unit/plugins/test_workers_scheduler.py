# SPDX-License-Identifier: GPL-3.0-or-later
"""Which worker gets which tests, in every order of pytest-xdist's events."""

import random
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugins.workers.scheduler import DIFFER, SHOWN, Scheduler
from harness.plugins.workers.units import Place


class Node:
    """A worker as pytest-xdist's controller sees it, with the worker's own queue."""

    def __init__(self, name: str, reports: list[Any]) -> None:
        self.gateway = SimpleNamespace(id=name)
        hook = SimpleNamespace(
            pytest_collectreport=lambda report: reports.append(report)
        )
        self.config = SimpleNamespace(hook=hook)
        self.queue: list[int | None] = []
        self.down = False
        self.told = False

    def __repr__(self) -> str:
        return str(self.gateway.id)

    @property
    def shutting_down(self) -> bool:
        return self.down or self.told

    def send_runtest_some(self, indices: Any) -> None:
        assert not self.shutting_down
        assert isinstance(indices, list)  # what execnet can send
        self.queue += indices

    def shutdown(self) -> None:
        if not self.shutting_down:  # whoever hears it again has ended already
            self.queue.append(None)
            self.told = True

    def run(self) -> tuple[int, int | None] | None:
        """The test that it can begin: it knows what comes after it."""
        if len(self.queue) < 2 or self.queue[0] is None:
            return None
        return self.queue[0], self.queue[1]


class Session:
    """Reads events as `xdist.dsession.DSession` does."""

    def __init__(
        self,
        count: int,
        tests: list[str],
        known: dict[str, Place],
        *,
        ordered: bool = False,
        reruns: int = 0,
    ) -> None:
        self.tests = tests
        self.sched = Scheduler(count, known, ordered=ordered, reruns=reruns)
        self.reports: list[Any] = []
        self.nodes = [Node(f"gw{number}", self.reports) for number in range(count)]
        self.made = count
        self.active = set(self.nodes)
        self.shuttingdown = False
        self.done: list[tuple[Node, int, int | None]] = []
        self.crashed: list[str] = []
        self.again: list[str] = []

    def node(self) -> Node:
        made = Node(f"gw{self.made}", self.reports)
        self.made += 1
        self.nodes.append(made)
        self.active.add(made)
        return made

    def after(self) -> None:
        if self.sched.tests_finished:
            self.trigger()

    def trigger(self) -> None:
        if not self.shuttingdown:
            self.shuttingdown = True
            for node in self.sched.nodes:
                node.shutdown()

    def ready(self, node: Node) -> None:
        if self.shuttingdown:
            node.shutdown()
        else:
            self.sched.add_node(node)
        self.after()

    def collected(self, node: Node, tests: list[str] | None = None) -> None:
        if not self.shuttingdown:
            self.sched.add_node_collection(node, tests or self.tests)
            if self.sched.collection_is_completed:
                self.sched.schedule()
        self.after()

    def begin(self, *nodes: Node) -> None:
        for node in nodes or self.nodes:
            self.ready(node)
        for node in nodes or self.nodes:
            self.collected(node)

    def runs(self, node: Node) -> str:
        """A worker does its next test."""
        now = node.run()
        assert now is not None, f"{node} waits for ever"
        index, following = now
        node.queue.pop(0)
        self.done.append((node, index, following))
        self.sched.mark_test_complete(node, index, 0.1)
        self.after()
        return self.tests[index]

    def crash(self, node: Node, *, replace: bool = True) -> Node | None:
        node.down = True
        try:
            item = self.sched.remove_node(node)
        except KeyError:
            item = None
        if item:
            told = item in self.sched.repeated  # as `Controller` tells it
            (self.again if told else self.crashed).append(item)
            self.sched.repeated.clear()
        self.active.remove(node)
        if not replace:
            self.trigger()
            self.after()
            return None
        self.shuttingdown = False
        made = self.node()
        self.after()
        return made

    def finish(self, node: Node) -> None:
        """A worker that has run all that it was given ends."""
        assert node.queue == [None]
        node.down = True
        if node in self.sched.nodes:
            assert self.sched.remove_node(node) is None
        self.active.remove(node)
        if self.active:
            self.after()

    def rest(self) -> list[str]:
        """All that is left, one test of each worker at a time."""
        found = []
        while self.active:
            for node in sorted(self.active, key=repr):
                if node.run():
                    found.append(self.runs(node))
                elif node.queue:
                    self.finish(node)
                elif node not in self.sched.collections:
                    self.begin(node)
                else:
                    pytest.fail(f"{node} waits for ever")
        return found


def suite(*sizes: int, seconds: float = 0.1) -> tuple[list[str], dict[str, Place]]:
    """Classes of so many tests each."""
    tests, known = [], {}
    for number, size in enumerate(sizes):
        for at in range(size):
            name = f"t.py::{chr(65 + number)}::{at}"
            tests.append(name)
            known[name] = Place(("t.py", str(number)), seconds, "")
    return tests, known


def names(session: Session, node: Node) -> list[str]:
    return [session.tests[index][6:] for one, index, _ in session.done if one is node]


def ends(session: Session) -> dict[str, list[int | None]]:
    """What each worker was told to come after each of its tests."""
    found: dict[str, list[int | None]] = {}
    for node, _, following in session.done:
        found.setdefault(repr(node), []).append(following)
    return found


# -- nobody ends -----------------------------------------------------------------


def test_classes_stay_whole_and_each_last_test_knows_that_it_is() -> None:
    session = Session(2, *suite(3, 2, 1, 2))
    session.begin()
    assert len(session.rest()) == 8
    assert sorted(index for _, index, _ in session.done) == list(range(8))
    one, other = session.nodes
    assert names(session, one) == ["A::0", "A::1", "A::2", "C::0"]
    assert names(session, other) == ["B::0", "B::1", "D::0", "D::1"]
    for told in ends(session).values():
        assert told[-1] is None
        assert None not in told[:-1]


def test_nothing_begins_before_all_have_collected() -> None:
    session = Session(2, *suite(2, 2))
    one, other = session.nodes
    session.begin(one)
    assert one.queue == []
    assert not session.sched.has_pending
    session.ready(other)
    assert not session.sched.tests_finished
    session.collected(other)
    assert one.queue == [0, 1]
    assert other.queue == [2, 3]


def test_no_tests() -> None:
    session = Session(2, [], {})
    session.begin()
    assert all(node.queue[:1] == [None] for node in session.nodes)
    assert session.sched.tests_finished


def test_more_workers_than_units() -> None:
    session = Session(3, *suite(2))
    session.begin()
    assert [node.queue for node in session.nodes] == [[0, 1], [None], [None]]
    assert len(session.rest()) == 2


def test_each_has_a_unit_before_one_has_two() -> None:
    session = Session(3, *suite(1, 1, 1, 1))
    session.begin()
    assert [node.queue for node in session.nodes] == [[0, 3], [1, None], [2, None]]


def test_the_only_test() -> None:
    session = Session(1, *suite(1))
    session.begin()
    assert session.nodes[0].queue == [0, None]
    assert session.sched.tests_finished


def test_a_given_order_is_kept() -> None:
    tests, known = suite(1, 1, 1, 1)
    known[tests[2]] = Place(("long",), 9.0, "")
    for ordered, expected in ((True, [0, 1]), (False, [2, 3])):
        session = Session(1, tests, known, ordered=ordered)
        session.begin()
        assert session.nodes[0].queue == expected


def test_a_given_order_is_kept_whatever_the_template() -> None:
    tests, known = suite(2, 2, 2)
    for name in tests:
        known[name] = known[name]._replace(template="b" if name[6] == "B" else "a")
    for ordered, expected in ((True, "AABBCC"), (False, "AACCBB")):
        session = Session(1, tests, known, ordered=ordered)
        session.begin()
        assert "".join(name[6] for name in session.rest()) == expected


def test_a_long_test_is_followed_by_what_is_short() -> None:
    """What is long goes to whoever is free first, not behind a long test."""
    tests, known = suite(1, 1, 1, 1)
    for name, seconds in zip(tests, (9.0, 8.0, 4.0, 0.2), strict=True):
        known[name] = known[name]._replace(seconds=seconds)
    session = Session(1, tests, known)
    session.begin()
    assert session.nodes[0].queue == [0, 3]
    session.runs(session.nodes[0])
    assert session.nodes[0].queue == [3, 1]


def test_a_short_test_is_followed_by_what_is_long() -> None:
    tests, known = suite(1, 1, 1)
    for name, seconds in zip(tests, (0.4, 0.3, 0.2), strict=True):
        known[name] = known[name]._replace(seconds=seconds)
    session = Session(1, tests, known)
    session.begin()
    assert session.nodes[0].queue == [0, 1]


# -- a worker ends ---------------------------------------------------------------


def test_before_it_has_collected() -> None:
    session = Session(2, *suite(2, 2))
    one, other = session.nodes
    session.begin(one)
    session.ready(other)
    made = session.crash(other)
    assert made
    session.begin(made)
    assert len(session.rest()) == 4
    assert session.crashed == []


def test_before_it_is_ready() -> None:
    session = Session(2, *suite(2, 2))
    one, other = session.nodes
    session.begin(one)
    made = session.crash(other)
    assert made
    assert one.queue == []
    session.begin(made)
    assert len(session.rest()) == 4


def test_after_its_collection_but_before_that_of_others() -> None:
    session = Session(2, *suite(2, 2))
    one, other = session.nodes
    session.begin(one)
    made = session.crash(one)
    assert made
    session.begin(other)
    assert other.queue == []
    session.begin(made)
    assert len(session.rest()) == 4
    assert session.crashed == []


def test_in_its_first_test() -> None:
    session = Session(2, *suite(3, 2))
    session.begin()
    made = session.crash(session.nodes[0])
    assert session.crashed == ["t.py::A::0"]
    assert made
    session.begin(made)
    session.rest()
    assert sorted(names(session, made)) == ["A::1", "A::2"]
    assert len(session.done) == 4


def test_in_the_middle_of_a_unit_the_rest_of_it_is_next() -> None:
    session = Session(1, *suite(4, 1, 1))
    session.begin()
    session.runs(session.nodes[0])
    made = session.crash(session.nodes[0])
    assert session.crashed == ["t.py::A::1"]
    assert made
    session.begin(made)
    assert made.queue == [2, 3]
    assert sorted(session.rest()) == [
        "t.py::A::2", "t.py::A::3", "t.py::B::0", "t.py::C::0"
    ]  # fmt: skip


def test_between_two_units_both_keep_their_own() -> None:
    """It has been given the next unit when it does the last test of one."""
    session = Session(1, *suite(2, 3))
    session.begin()
    node = session.nodes[0]
    session.runs(node)
    assert node.queue[1] is not None
    assert session.runs(node)
    made = session.crash(node)
    assert len(session.crashed) == 1
    assert made
    assert len(session.rest()) == 2


def test_in_the_last_test_of_its_unit_the_next_goes_on_whole() -> None:
    session = Session(1, *suite(2, 2, 2))
    session.begin()
    session.runs(session.nodes[0])
    assert len(session.nodes[0].queue) == 3
    made = session.crash(session.nodes[0])
    assert made
    session.begin(made)
    assert made.queue == [2, 3]
    assert len(session.rest()) == 4


def test_in_the_last_test_of_all() -> None:
    session = Session(1, *suite(2))
    session.begin()
    session.runs(session.nodes[0])
    made = session.crash(session.nodes[0])
    assert session.crashed == ["t.py::A::1"]
    assert session.sched.tests_finished
    assert made
    session.ready(made)
    assert made.queue == [None]


def test_after_its_last_test() -> None:
    session = Session(2, *suite(1, 2))
    session.begin()
    one, _ = session.nodes
    while one.run():
        session.runs(one)
    session.crash(one)
    assert session.crashed == []
    session.rest()
    assert len(session.done) == 3


def test_while_all_others_are_told_to_end() -> None:
    """Who replaces it does what is left: nobody else can take anything."""
    session = Session(2, *suite(3, 1))
    session.begin()
    one, other = session.nodes
    assert other.queue == [3, None]
    made = session.crash(one)
    assert made
    assert not session.sched.tests_finished
    session.begin(made)
    assert made.queue == [1, 2]
    assert len(session.rest()) == 3


def test_without_anybody_who_replaces_it_the_run_ends() -> None:
    session = Session(2, *suite(3, 3, 3))
    session.begin()
    session.crash(session.nodes[0], replace=False)
    assert len(session.rest()) == 3


def test_an_unknown_worker_is_none_of_ours() -> None:
    session = Session(1, *suite(1))
    with pytest.raises(KeyError):  # that is what pytest-xdist expects
        session.sched.remove_node(session.nodes[0])


def test_what_a_worker_says_that_is_gone_is_not_heard() -> None:
    session = Session(2, *suite(2, 2))
    session.begin()
    one, _ = session.nodes
    session.crash(one)
    session.sched.mark_test_complete(one, 1)
    assert sorted(session.rest()) == ["t.py::A::1", "t.py::B::0", "t.py::B::1"]


@pytest.mark.parametrize("reruns", [0, 1, 2])
def test_a_test_that_ends_its_worker_is_run_again_so_often(reruns: int) -> None:
    session = Session(1, *suite(3), reruns=reruns)
    session.begin()
    session.runs(session.nodes[0])
    for number in range(reruns + 1):
        made = session.crash(session.nodes[-1])
        assert made
        session.begin(made)
        assert made.queue[:1] == [1 if number < reruns else 2]
    assert session.again == ["t.py::A::1"] * reruns
    assert session.crashed == ["t.py::A::1"]
    assert session.rest() == ["t.py::A::2"]


def test_what_is_run_again_comes_before_the_next_unit() -> None:
    session = Session(1, *suite(2, 2, 2), reruns=1)
    session.begin()
    session.runs(session.nodes[0])
    assert session.nodes[0].queue == [1, 2, 3]
    made = session.crash(session.nodes[0])
    assert made
    session.begin(made)
    assert made.queue == [1, 2, 3]


def test_another_plugin_may_have_a_test_run_again() -> None:
    session = Session(1, *suite(3))
    session.begin()
    made = session.crash(session.nodes[0])
    assert made
    session.sched.mark_test_pending("t.py::A::0")
    session.begin(made)
    assert made.queue[0] == 0
    assert session.rest() == ["t.py::A::0", "t.py::A::1", "t.py::A::2"]


# -- the run is stopped ----------------------------------------------------------


def test_stopped_while_others_work() -> None:
    """``-x``: who has failed ends at once, others after what they have."""
    session = Session(2, *suite(3, 3, 3))
    session.begin()
    one, other = session.nodes
    session.runs(one)
    one.down = True
    session.active.remove(one)
    session.trigger()
    assert other.queue == [3, 4, 5, None]
    assert len(session.rest()) == 3
    assert len(session.done) == 4


# -- collections differ ----------------------------------------------------------


def test_different_collections_run_nothing() -> None:
    session = Session(2, *suite(2, 2))
    one, other = session.nodes
    session.begin(one)
    session.ready(other)
    session.collected(other, [*session.tests[:3], "t.py::B::x"])
    [report] = session.reports
    assert (report.nodeid, report.outcome) == ("gw1", "failed")
    assert report.longrepr.startswith(DIFFER)
    assert "-t.py::B::1\n+t.py::B::x" in report.longrepr
    assert [one.queue, other.queue] == [[None], [None]]


def test_another_order_is_a_difference_and_a_long_one_is_cut() -> None:
    session = Session(2, *suite(200))
    one, other = session.nodes
    session.begin(one)
    session.ready(other)
    session.collected(other, session.tests[::-1])
    [report] = session.reports
    assert len(report.longrepr.splitlines()) <= SHOWN + len(DIFFER.splitlines())
    assert session.rest() == []


def test_one_that_replaces_another_has_to_collect_the_same() -> None:
    """Else it would run other tests than those that are left."""
    session = Session(2, *suite(2, 2, 2))
    session.begin()
    made = session.crash(session.nodes[0])
    assert made
    session.ready(made)
    session.collected(made, session.tests[::-1])
    [report] = session.reports
    assert report.nodeid == "gw2"
    assert made.queue == [None]
    assert session.rest() == ["t.py::B::0", "t.py::B::1"]


# -- all at once -----------------------------------------------------------------


@pytest.mark.parametrize("seed", range(150))
def test_each_test_once_and_no_unit_split(seed: int) -> None:
    """Random suites, workers that end at any time, events in any order."""
    dice = random.Random(seed)
    sizes = [dice.randint(1, 5) for _ in range(dice.randint(0, 9))]
    tests, known = suite(*sizes)
    for name in tests:
        seconds, kind = dice.choice([0.01, 0.3, 2.0]), dice.choice("ab")
        known[name] = known[name]._replace(seconds=seconds, template=kind)
    ordered, reruns = dice.random() < 0.3, dice.choice([0, 0, 1])
    session = Session(dice.randint(1, 4), tests, known, ordered=ordered, reruns=reruns)
    left = dice.randint(0, 6)
    given_back: Counter[tuple[str, ...]] = Counter()
    while session.active:
        node = dice.choice(sorted(session.active, key=repr))
        if left and dice.random() < 0.1:
            left -= 1
            pending = session.sched.pending.get(node, [])
            given_back.update({known[tests[one]].group for one in pending})
            session.crash(node)
        elif node.run():
            session.runs(node)
        elif node.queue:
            session.finish(node)
        elif node not in session.sched.pending:
            session.ready(node)
        elif node not in session.sched.collections:
            session.collected(node)
    check(session, given_back)


def check(session: Session, given_back: Counter[tuple[str, ...]]) -> None:
    tests, known = session.tests, session.sched.known
    ran = [tests[index] for _, index, _ in session.done]
    assert sorted(ran + session.crashed) == tests
    doers: dict[tuple[str, ...], list[Node]] = {}
    for node, index, _ in session.done:
        doers.setdefault(known[tests[index]].group, []).append(node)
    for group, nodes in doers.items():
        assert len(set(nodes)) <= 1 + given_back[group]
        own = [name for name in ran if known[name].group == group]
        if not given_back[group]:
            assert own == sorted(own)
    for told in ends(session).values():
        assert None not in told[:-1]
