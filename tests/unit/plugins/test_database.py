# SPDX-License-Identifier: GPL-3.0-or-later
"""Levels of isolation, and what a suite sees of its lease."""

import os
import sys
import threading
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from harness.plugins import database, keeper, transactions
from harness.plugins.client import Lease, Left, Way
from harness.plugins.database import DatabaseWarning, Levels
from harness.plugins.keeper import Doubt, Keeper, address


class Node:
    """As little of a pytest item as isolation looks at."""

    nodeid = "tests/test_a.py::test_a"

    def __init__(self, level: str = "") -> None:
        self.level = level
        self.warned: list[str] = []

    def get_closest_marker(self, name: str) -> Any:
        assert name == "isolation"
        return SimpleNamespace(args=(self.level,)) if self.level else None

    def warn(self, warning: Warning) -> None:
        assert isinstance(warning, DatabaseWarning)
        self.warned.append(str(warning))


class Kept:
    """A keeper that notes what it is told."""

    coarse = ""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.marks = 0
        self.said = ""
        self.doubt = ""
        self.written = ""

    def mark(self) -> int:
        self.marks += 1
        self.calls.append(f"mark {self.marks}")
        return self.marks

    def back(self, mark: int) -> str:
        self.calls.append(f"back {mark}")
        if self.doubt:
            raise Doubt(self.doubt)
        return self.said


def levels(default: str) -> tuple[Levels, Kept]:
    kept = Kept()
    return Levels(kept, default), kept  # type: ignore[arg-type]


def through(made: Levels, node: Node) -> None:
    for level in ("package", "module", "class", "test"):
        made.enter(level, node)
    for level in ("test", "class", "module", "package"):
        made.leave(level)


@pytest.mark.parametrize(
    ("isolation", "marks"), [("worker", 0), ("module", 2), ("class", 3), ("test", 4)]
)
@pytest.mark.parametrize("by_mark", [True, False])
def test_levels_as_fine_as_the_isolation_act(
    isolation: str, marks: int, *, by_mark: bool
) -> None:
    made, kept = levels("worker" if by_mark else isolation)
    through(made, Node(isolation if by_mark else ""))
    noted = list(range(1, marks + 1))
    assert kept.calls == [
        *(f"mark {mark}" for mark in noted),
        *(f"back {mark}" for mark in reversed(noted)),
    ]


def test_without_an_undo_log_the_widest_level_acts() -> None:
    made, kept = levels("test")
    kept.coarse = "no superuser"
    through(made, Node())
    assert kept.calls == ["mark 1", "back 1"]


def test_a_level_that_is_left_late_returns_to_its_own_state() -> None:
    made, kept = levels("test")
    for level in ("module", "test", "package"):
        made.enter(level, Node())
    for level in ("test", "package", "module"):
        made.leave(level)
    assert kept.calls[3:] == ["back 2", "back 3", "back 1"]


def test_what_is_to_be_said_is_said_of_the_test() -> None:
    made, kept = levels("test")
    kept.said = "dropped its database"
    made.node = node = Node()
    with made.around("test", node):
        pass
    assert node.warned == ["tests/test_a.py::test_a dropped its database"]


def test_a_doubt_is_an_error_of_the_test() -> None:
    made, kept = levels("test")
    made.node = node = Node()
    kept.doubt = "left what cannot be put back: create table x"
    made.enter("test", node)
    with pytest.raises(Doubt, match=r"tests/test_a\.py::test_a left what cannot"):
        made.leave("test")
    assert made.begun == []
    made.lenient = True
    with made.around("test", node):
        pass
    assert node.warned == [f"{node.nodeid} {kept.doubt}"]


def test_what_was_written_between_two_tests_is_put_back() -> None:
    made, kept = levels("test")
    made.node = node = Node()
    with made.around("test", node):
        kept.written = "2 rows of party"  # by a fixture, before the mark
    with made.around("test", node):
        pass
    assert kept.calls == ["mark 1", "back 1", "mark 2", "back 1", "mark 3", "back 3"]
    [said] = node.warned
    assert "found 2 rows of party that somebody wrote" in said


@pytest.mark.parametrize("between", ["enter", "leave", "fixture", "end of a fixture"])
def test_what_fixtures_write_between_two_tests_stays(between: str) -> None:
    made, kept = levels("test")
    made.node = node = Node()
    plugin = database.Plugin(made)
    fixture = SimpleNamespace(scope="class", argname="data", cached_result=(1, 0, None))
    made.enter("module", Node("worker"))
    with made.around("test", node):
        pass
    kept.written = "2 rows of party"
    if between == "enter":
        made.enter("class", Node("worker"))
    elif between == "leave":
        made.leave("module")
    elif between == "fixture":
        plugin.pytest_fixture_setup(fixture, None)
    else:
        plugin.pytest_fixture_post_finalizer(fixture)
    with made.around("test", node):
        pass
    assert kept.calls == ["mark 1", "back 1", "mark 2", "back 2"]
    assert node.warned == []


def test_our_own_fixtures_write_nothing() -> None:
    made, _ = levels("test")
    plugin = database.Plugin(made)
    own = SimpleNamespace(scope="function", argname="_harness_test", cached_result=(1,))
    made.still = 3
    plugin.pytest_fixture_setup(own, None)
    plugin.pytest_fixture_post_finalizer(own)
    assert made.still == 3


def test_a_level_ends_although_its_tests_fail() -> None:
    made, kept = levels("class")
    with pytest.raises(ZeroDivisionError), made.around("class", Node()):
        raise ZeroDivisionError
    assert kept.calls == ["mark 1", "back 1"]


# -- what a test leaves open ---------------------------------------------------


class Transaction:
    """As little of trytond's as is looked at."""

    _local = SimpleNamespace(transactions=[])

    def __init__(self) -> None:
        self.connection: Any = SimpleNamespace(closed=False)
        self._local.transactions.append(self)

    def stop(self) -> None:
        self.connection = None
        self._local.transactions.remove(self)


@pytest.fixture
def trytond(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("trytond.transaction")
    module.Transaction = Transaction
    monkeypatch.setitem(sys.modules, "trytond.transaction", module)
    monkeypatch.setattr(Transaction._local, "transactions", [])


@pytest.mark.usefixtures("trytond")
def test_a_transaction_that_a_test_left_open_is_ended() -> None:
    wider = Transaction()
    before = transactions.opened()
    Transaction()
    node = Node()
    database._look_back(node, before, set(threading.enumerate()))
    assert node.warned == ["tests/test_a.py::test_a left a transaction open"]
    assert transactions.opened() == [wider]


@pytest.mark.usefixtures("trytond")
def test_a_transaction_that_fixtures_of_a_level_left_open_ends_with_it() -> None:
    made, kept = levels("class")
    wider = Transaction()
    open_: list[list[Any]] = []
    kept.back = lambda mark: open_.append(transactions.opened()) or ""  # type: ignore[method-assign, func-returns-value]
    with made.around("class", Node()):
        Transaction()
    assert open_ == [[wider]]
    assert transactions.opened() == [wider]


@pytest.mark.usefixtures("trytond")
def test_a_transaction_whose_database_has_gone_is_ended() -> None:
    made, kept = levels("class")
    wider, lost = Transaction(), Transaction()

    def back(mark: int) -> str:
        lost.connection.closed = True
        return ""

    kept.back = back  # type: ignore[method-assign]
    with made.around("class", Node()):
        pass
    assert transactions.opened() == [wider]


def test_a_thread_that_a_test_left_running_is_named() -> None:
    end = threading.Event()
    before = set(threading.enumerate())
    threads = [
        threading.Thread(target=end.wait, name="sleeper"),
        threading.Thread(target=end.wait, daemon=True),
    ]
    for thread in threads:
        thread.start()
    node = Node()
    database._look_back(node, [], before)
    end.set()
    for thread in threads:
        thread.join()
    assert node.warned == ["tests/test_a.py::test_a left a thread running: sleeper"]


# -- the lease -----------------------------------------------------------------


OPEN = (Left(process=7, state="idle in transaction", query="SELECT 1"),)
Answer = tuple[str, str, tuple[Left, ...]]


class Client:
    """A harness that gives out one database after the other."""

    worker = "w2"

    def __init__(self) -> None:
        self.given = 0
        self.returned: list[str] = []
        self.answer: Answer = ("clean", "", ())
        self.untracked = ""

    def lease(self, modules: list[str], language: str, **more: object) -> Lease:
        assert (modules, language) == ([], "")
        assert more == {"template": "portal", "tracked": True}
        self.given += 1
        return Lease(
            key=f"k{self.given}", database=f"harness_c_{self.given}",
            files="/tmp/files-1", modules=(), digest="", kind="ready",
            seconds=0.0, mark=1, untracked=self.untracked,
        )  # fmt: skip

    def mark(self, lease: Lease) -> int:
        return 5

    def back(self, lease: Lease, mark: int) -> Way:
        how, reason, left = self.answer
        if how == "exchanged":
            lease = self.lease([], "", template="portal", tracked=True)
        return Way(how=how, reason=reason, left=left, lease=lease)

    def give_back(self, lease: Lease) -> None:
        self.returned.append(lease.key)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client()
    monkeypatch.setattr(keeper, "client", made)
    for name in ("PGUSER", "PGPASSWORD", "PGPORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PGHOST", "/run/pg")
    for name in ("WEB_FILES", "WEB_NAME", "WEB_URI"):
        monkeypatch.setenv(name, "")
    return made


VARIABLES = {
    "WEB_FILES": "{files}/web",
    "WEB_NAME": "{worker}-{database}",
    "WEB_URI": "{uri}",
}


def test_variables_are_filled_in(client: Client) -> None:
    made = Keeper("portal", VARIABLES)
    assert made.ensure() is made.ensure()
    assert client.given == 1
    assert os.environ["WEB_FILES"] == "/tmp/files-1/web"
    assert os.environ["WEB_NAME"] == "w2-harness_c_1"
    assert os.environ["WEB_URI"] == "postgresql:///harness_c_1?host=%2Frun%2Fpg"


def test_a_port_that_is_settled_is_no_free_one(client: Client) -> None:
    made = Keeper("portal", {"WEB_NAME": "{port:erpserver}"})
    made.settle("erpserver", 8000)
    made.ensure()
    assert os.environ["WEB_NAME"] == "8000"


def test_variables_follow_another_database(client: Client) -> None:
    made = Keeper("portal", VARIABLES)
    made.ensure()
    client.answer = ("exchanged", "the database was dropped", ())
    assert made.back(1) == "the database was dropped: another one took its place"
    assert os.environ["WEB_NAME"] == "w2-harness_c_2"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (("clean", "", ()), ""),
        (("reset", "", ()), ""),
        (("exchanged", "", ()), ""),
        (
            ("reset", "", OPEN),
            "left a session open: process 7, idle in transaction: SELECT 1",
        ),
    ],
)
def test_what_is_said(client: Client, answer: Answer, said: str) -> None:
    made = Keeper("portal", {})
    made.ensure()
    client.answer = answer
    assert made.back(1) == said


def test_a_doubt_is_raised(client: Client) -> None:
    made = Keeper("portal", {})
    made.ensure()
    client.answer = ("doubt", "create table x", ())
    heard: list[Any] = []
    made.before.append(lambda: heard.append("hold"))
    made.after.append(lambda way: heard.append(way.how))
    with pytest.raises(Doubt, match="left what cannot be put back: create table x"):
        made.back(1)
    assert heard == ["hold", "doubt"]


class Tryton:
    """Notes what is done to trytond's databases."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def switch(self, name: str | None) -> None:
        self.calls.append(f"switch {name}")

    def close(self) -> None:
        self.calls.append("close")

    def forget(self) -> None:
        self.calls.append("forget")


@pytest.mark.parametrize(
    ("answer", "calls"),
    [
        (("clean", "", ()), []),
        (("reset", "", ()), ["forget"]),
        (("reset", "", OPEN), ["close"]),
    ],
)
def test_caches_go_with_the_data(
    client: Client, answer: Answer, calls: list[str]
) -> None:
    made = Keeper("portal", {})
    made.ensure()
    made.tryton = tryton = Tryton()
    client.answer = answer
    made.back(1)
    assert tryton.calls == calls


def test_a_lease_without_an_undo_log_has_one_mark(client: Client) -> None:
    client.untracked = "no superuser"
    made = Keeper("portal", {})
    assert (made.mark(), made.coarse) == (1, "no superuser")
    client.answer = ("exchanged", "no superuser", ())
    assert made.back(1) == ""


def test_a_lease_is_given_back_once(client: Client) -> None:
    made = Keeper("portal", {})
    made.give_back()
    made.ensure()
    made.tryton = tryton = Tryton()
    made.give_back()
    made.give_back()
    assert client.returned == ["k1"]
    assert tryton.calls == ["switch None"]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "postgresql:///db"),
        ({"PGHOST": "/run/pg"}, "postgresql:///db?host=%2Frun%2Fpg"),
        (
            {"PGHOST": "/run/pg", "PGPORT": "5433", "PGUSER": "tester"},
            "postgresql://tester@/db?host=%2Frun%2Fpg&port=5433",
        ),
        (
            {"PGHOST": "db", "PGPORT": "5432", "PGUSER": "a", "PGPASSWORD": "p@s/"},
            "postgresql://a:p%40s%2F@db:5432/db",
        ),
    ],
)
def test_addresses(environ: dict[str, str], expected: str) -> None:
    assert address("db", environ) == expected
