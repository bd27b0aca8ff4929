# SPDX-License-Identifier: GPL-3.0-or-later
"""What a class of Tryton tests finds, and what becomes of what it leaves."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import harness.plugins
from harness.plugins import databases, tryton
from harness.plugins.client import Lease, Way
from harness.plugins.databases import Databases
from harness.plugins.keeper import Doubt


class World:
    """A harness, and trytond: `calls` is what they were asked for."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.given = 0
        self.marks = 10
        self.how = "reset"
        self.memory = False
        self.untracked = ""

    # -- the harness

    def lease(self, modules: list[str], language: str, *, tracked: bool) -> Lease:
        self.given += 1
        log = tracked and not self.memory and not self.untracked
        self.calls.append(f"lease {self.given}{' tracked' if log else ''}")
        return Lease(
            key=f"k{self.given}", database=f"c{self.given}", files="/tmp/files",
            modules=tuple(modules), digest="", kind="ready", seconds=0.0,
            mark=int(log), untracked=self.untracked,
        )  # fmt: skip

    def mark(self, lease: Lease) -> int:
        self.marks += 1
        self.calls.append(f"mark {lease.key} {self.marks}")
        return self.marks

    def back(self, lease: Lease, mark: int) -> Way:
        self.calls.append(f"back {lease.key} {mark}")
        if self.how == "exchanged":
            lease = lease._replace(database=f"{lease.database}'")
        return Way(how=self.how, reason="create table x", left=(), lease=lease)

    def give_back(self, lease: Lease) -> None:
        self.calls.append(f"return {lease.key}")

    # -- trytond

    def switch(self, target: str | None) -> None:
        self.calls.append(f"switch {target}")

    def in_memory(self) -> bool:
        return self.memory

    def content(self) -> str:
        self.calls.append("content")
        return "content"

    def refill(self, content: str) -> None:
        self.calls.append("refill")

    def asked(self) -> list[str]:
        """What was asked for since the last time."""
        calls, self.calls = self.calls, []
        return calls


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(databases, "client", made)
    own: Any = SimpleNamespace(
        switch=made.switch, in_memory=made.in_memory, content=made.content,
        refill=made.refill, loaded=lambda: (), logical=lambda: "test",
        stop_pool=lambda: None, forget=lambda: None,
    )  # fmt: skip
    monkeypatch.setattr(harness.plugins, "tryton_database", own, raising=False)
    nothing = lambda *_: None  # noqa: E731
    parts: dict[str, dict[str, Any]] = {
        "trytond": {},
        "trytond.config": {"set": nothing},
        "trytond.pool": {"Pool": lambda name: SimpleNamespace(init=lambda: None)},
        "trytond.modules": {"get_module_info": lambda name: {}},
        "trytond.tests": {},
    }
    for name, members in parts.items():
        module: Any = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
        above, _, last = name.rpartition(".")
        if above:
            setattr(sys.modules[above], last, module)
    return made


def test_what_a_class_has_activated_is_gone_with_it(world: World) -> None:
    made = Databases("class")
    for level in ("module", "class", "test"):
        made.enter(level, "class")
    made.open(["a"])
    made.leave("test")
    assert made.exist()
    assert world.asked() == ["lease 1", "switch c1"]
    made.leave("class")
    assert not made.exist()
    assert world.asked() == ["switch None", "return k1"]


def test_a_class_without_a_database_costs_nothing(world: World) -> None:
    made = Databases("class")
    for level in ("module", "class", "test"):
        made.enter(level, "class")
    for level in ("test", "class", "module"):
        made.leave(level)
    assert world.asked() == []


def test_what_wider_fixtures_have_made_stays(world: World) -> None:
    made = Databases("class")
    made.enter("module", "class")
    made.open(["a"])
    assert world.asked() == ["lease 1 tracked", "switch c1"]
    made.enter("class", "class")
    assert world.asked() == ["mark k1 11"]
    made.leave("class")
    assert world.asked() == ["back k1 11"]
    assert made.exist()
    made.leave("module")
    assert world.asked() == ["switch None", "return k1"]


def test_a_class_that_takes_its_own_leaves_that_of_wider_fixtures(
    world: World,
) -> None:
    made = Databases("class")
    made.open(["a"])
    made.enter("class", "class")
    made.drop()
    made.open(["a"])
    assert world.asked()[2:] == ["mark k1 11", "switch None", "lease 2", "switch c2"]
    made.leave("class")
    assert world.asked() == ["switch None", "return k2", "back k1 11", "switch c1"]
    assert made.lease is not None
    assert made.lease.key == "k1"


def test_another_clone_is_opened_at_once(world: World) -> None:
    made = Databases("test")
    made.open(["a"])
    made.enter("class", "test")
    made.enter("test", "test")
    world.how = "exchanged"
    world.asked()
    made.leave("test")
    assert world.asked() == ["back k1 12", "switch c1'"]
    world.how = "clean"
    made.leave("class")
    assert made.lease is not None
    assert made.lease.database == "c1'"


def test_a_doubt_is_an_error(world: World) -> None:
    made = Databases("class")
    made.open(["a"])
    made.enter("class", "class")
    world.how = "doubt"
    with pytest.raises(Doubt, match="cannot be put back: create table x"):
        made.leave("class")


def test_without_a_log_the_database_is_as_the_template(world: World) -> None:
    world.untracked = "no superuser"
    made = Databases("class")
    made.open(["a"])
    made.enter("class", "class")
    made.leave("class")
    assert "back k1 0" in world.asked()


def test_a_database_in_memory_is_copied(world: World) -> None:
    world.memory = True
    made = Databases("class")
    made.open(["a"])
    made.enter("class", "class")
    made.leave("class")
    assert world.asked() == ["lease 1", "switch c1", "content", "refill"]


@pytest.mark.parametrize("level", ["module", "worker"])
def test_a_dropped_database_is_kept_for_the_next_class(
    world: World, level: str
) -> None:
    made = Databases(level)
    made.enter("module", level)
    for _ in range(2):
        made.enter("class", level)
        made.open(["a"])
        made.drop()
        assert not made.exist()
        made.leave("class")
    assert world.asked() == ["lease 1", "switch c1"]
    made.leave("module")
    module = ["switch None", "return k1"]
    assert world.asked() == (module if level == "module" else [])


def test_tests_of_a_module_leave_nothing_to_a_class_between_them(world: World) -> None:
    made = Databases("class")
    made.enter("module", "class")
    made.isolation = "module"
    made.enter("class", "module")
    made.open(["a"])
    made.leave("class")
    made.isolation = "class"
    made.enter("class", "class")
    assert not made.exist()
    made.open(["a"])
    assert world.given == 2
    made.leave("class")
    assert made.exist()
    assert made.lease is not None
    assert made.lease.key == "k1"


def test_only_what_a_finer_level_returns_to_has_a_log(world: World) -> None:
    made = Databases("class")
    made.enter("class", "class")
    made.open(["a"])
    made.finest = "test"
    made.open(["a"])
    made.enter("test", "class")
    made.open(["a"])
    leases = [one for one in world.asked() if one.startswith("lease")]
    assert leases == ["lease 1", "lease 2 tracked", "lease 3"]


def test_at_the_end_all_is_given_back(world: World) -> None:
    made = Databases("class")
    made.open(["a"])
    made.enter("class", "class")
    made.drop()
    made.open(["a"])
    world.asked()
    made.end()
    given = [one for one in world.asked() if one.startswith("return")]
    assert sorted(given) == ["return k1", "return k2"]


def test_trytonds_class_of_module_tests_is_no_test_where_it_is_imported() -> None:
    made = type("ModuleTestCase", (), {"module": None})
    own = type("PartyTestCase", (made,), {"module": "party"})
    of = tryton.Plugin("class").pytest_pycollect_makeitem
    assert of("ModuleTestCase", made) == []
    assert of("PartyTestCase", own) is None
    assert of("ModuleTestCase", own) is None
