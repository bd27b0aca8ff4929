# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests in units: what stays together, how long it takes, what comes next."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from harness.plugins.workers import units, warm
from harness.plugins.workers.units import Place, Unit

ROOT = Path("/stack/src")


class Item:
    """As little of a pytest item as `units` looks at."""

    def __init__(
        self,
        name: str,
        *,
        module: str = "party",
        file: str = "test_party.py",
        cls: type | None = None,
        namespace: object = None,
    ) -> None:
        self.name = name
        self.path = ROOT / module / "tests" / file
        self.cls = cls
        self.module = namespace or ModuleType(file)
        owner = f"{cls.__qualname__}::" if cls else ""
        self.nodeid = f"src/{module}/tests/{file}::{owner}{name}"
        self.marks: dict[str, Any] = {}

    def mark(self, name: str, /, *args: object, **kwargs: object) -> "Item":
        self.marks[name] = SimpleNamespace(args=args, kwargs=kwargs)
        return self

    def get_closest_marker(self, name: str) -> Any:
        return self.marks.get(name)


def method(home: str) -> Any:
    def test(self: object) -> None:
        pass

    test.__module__ = home
    return test


class PartyCase:
    module = "party"
    test_view = method("trytond.tests.test_tryton")
    test_rights = method("trytond.tests.test_tryton")
    test_company = method("trytond.modules.company.tests.test_module")
    test_vat = method("trytond.modules.party.tests.test_module")


class BankCase:
    module = "bank"
    test_iban = method("trytond.modules.bank.tests.test_module")


def cases(cls: type, *names: str, module: str = "party") -> list[Item]:
    return [
        Item(name, cls=cls, module=module, file=f"test_{module}.py") for name in names
    ]


def scenario(name: str) -> Item:
    return Item(f"scenario_{name}.rst", file=f"scenario_{name}.rst")


# -- the estimate ------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scenario_party_erase.rst", 10.0),
        ("test_view", 5.0),
        ("test_view_fields", 5.0),
        ("test_field_methods", 2.0),
        ("test_check_vies", 0.1),
        ("scenario", 10.0),
        ("my_scenario", 0.1),
    ],
)
def test_a_guess(name: str, expected: float) -> None:
    assert units.estimate(Item(name), {}) == expected


@pytest.mark.parametrize("measured", [0.0, 0.25, 99.0])
def test_what_was_measured_counts_more(measured: float) -> None:
    [item] = cases(PartyCase, "test_view")
    known = {"party/tests/test_party.py::PartyCase::test_view": measured}
    assert units.estimate(item, known) == measured


def test_the_key_does_not_say_where_the_project_lies() -> None:
    [item] = cases(PartyCase, "test_view")
    item.path = Path("/env/lib/trytond/modules/party/tests/test_party.py")
    item.nodeid = "party/tests/test_party.py::PartyCase::test_view[en]"
    assert units.key(item) == "party/tests/test_party.py::PartyCase::test_view[en]"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/env/trytond/modules/party/tests/test_a.py", "party/tests/test_a.py"),
        ("/stack/src/checkout/tests/test_a.py", "checkout/tests/test_a.py"),
        ("/stack/src/society/tests/deep/test_a.py", "society/tests/deep/test_a.py"),
        ("/home/tests/src/society/tests/test_a.py", "society/tests/test_a.py"),
        ("/tests/test_a.py", "//tests/test_a.py"),
    ],
)
def test_the_key_begins_with_the_module(path: str, expected: str) -> None:
    item = Item("test_view")
    item.path = Path(path)
    item.nodeid = "../anything.py::Case::test_view"
    assert units.key(item) == f"{expected}::Case::test_view"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a::b": 1, "c::d": 2.5}', {"a::b": 1.0, "c::d": 2.5}),
        ("{", {}),
        ("[1]", {}),
        ('{"a": "long"}', {}),
        ('{"a": null}', {}),
    ],
)
def test_timings(tmp_path: Path, text: str, expected: dict[str, float]) -> None:
    path = tmp_path / "timings.json"
    path.write_text(text)
    assert units.timings(str(path)) == expected


@pytest.mark.parametrize("path", ["", "/nowhere/timings.json"])
def test_no_timings(path: str) -> None:
    assert units.timings(path) == {}


# -- the plan ----------------------------------------------------------------


class Config:
    """As little of pytest's as `units.places` asks."""

    def __init__(self, timings: str = "", **options: object) -> None:
        self.options = {"harness_timings": timings, **options}

    def getoption(self, name: str, default: object) -> object:
        return self.options.get(name, default)


Planned = Callable[..., list[Unit]]


@pytest.fixture
def planned(tmp_path: Path) -> Planned:
    """Plan items: the way from the process that collects to the scheduler."""

    def plan(
        items: list[Item],
        known: dict[str, float] | None = None,
        *,
        ordered: bool = False,
        **options: object,
    ) -> list[Unit]:
        path = tmp_path / "timings.json"
        path.write_text(json.dumps(known or {}))
        found = units.places(Config(str(path), **options), items)
        said = dict(warm.lines(json.loads(json.dumps(found))))
        return units.plan([item.nodeid for item in items], said, ordered=ordered)

    return plan


def test_a_class_stays_together(planned: Planned) -> None:
    items = cases(PartyCase, "test_vat", "test_rights")
    items += cases(BankCase, "test_iban", module="bank")
    assert planned(items) == [Unit((0, 1), 0.2, "party"), Unit((2,), 0.1, "bank")]


def test_a_class_stays_together_where_the_order_mixes(planned: Planned) -> None:
    vat, rights = cases(PartyCase, "test_vat", "test_rights")
    [iban] = cases(BankCase, "test_iban", module="bank")
    assert [one.indices for one in planned([vat, iban, rights])] == [(0, 2), (1,)]


def test_functions_of_a_file_stay_together_and_scenarios_do_not(
    planned: Planned,
) -> None:
    items = [Item("test_a"), scenario("erase"), Item("test_b"), scenario("replace")]
    assert [one.indices for one in planned(items)] == [(1,), (3,), (0, 2)]


def test_the_longest_come_first(planned: Planned) -> None:
    items = [scenario("erase"), *cases(BankCase, "test_iban", module="bank")]
    known = {"bank/tests/test_bank.py::BankCase::test_iban": 60.0}
    assert [one.estimate for one in planned(items, known)] == [60.0, 10.0]


@pytest.mark.parametrize("name", ["test_view", "test_company"])
def test_a_heavy_inherited_test_is_a_unit_of_its_own(
    planned: Planned, name: str
) -> None:
    items = cases(PartyCase, "test_vat", name, "test_rights")
    known = {f"party/tests/test_party.py::PartyCase::{name}": 0.5}
    assert [one.indices for one in planned(items, known)] == [(1,), (0, 2)]


def test_a_light_inherited_test_stays_with_its_class(planned: Planned) -> None:
    known = {"party/tests/test_party.py::PartyCase::test_view": 0.49}
    assert len(planned(cases(PartyCase, "test_vat", "test_view"), known)) == 1


def test_a_heavy_test_of_the_class_itself_stays(planned: Planned) -> None:
    known = {"party/tests/test_party.py::PartyCase::test_vat": 30.0}
    assert len(planned(cases(PartyCase, "test_vat", "test_rights"), known)) == 1


@pytest.mark.parametrize("name", ["setUpModule", "setup_module"])
def test_a_file_with_a_set_up_of_its_own_stays_whole(
    planned: Planned, name: str
) -> None:
    namespace = ModuleType("test_party")
    setattr(namespace, name, lambda: None)
    items = [
        Item("test_view", cls=PartyCase, namespace=namespace),
        Item("test_iban", cls=BankCase, namespace=namespace),
    ]
    assert [one.indices for one in planned(items)] == [(0, 1)]


def test_nothing_is_planned_twice_and_nothing_is_lost(planned: Planned) -> None:
    items = [
        *cases(PartyCase, "test_view", "test_vat", "test_company"),
        scenario("erase"),
        *cases(BankCase, "test_iban", module="bank"),
        Item("test_a"),
    ]
    made = planned(items)
    assert sorted(index for one in made for index in one.indices) == list(range(6))
    assert sum(one.estimate for one in made) == pytest.approx(5.0 + 10 + 0.1 * 4)


def test_no_items(planned: Planned) -> None:
    assert planned([]) == []


def indices(made: list[Unit]) -> list[tuple[int, ...]]:
    return [one.indices for one in made]


def test_what_nose_keeps_together(planned: Planned) -> None:
    items = [Item("test_a"), Item("test_b", file="test_other.py"), Item("test_c")]
    for item in items[:2]:
        item.together = ("party.tests",)
    assert indices(planned(items)) == [(0, 1), (2,)]


def test_a_group_of_xdist_is_one_piece_wherever_its_tests_are(planned: Planned) -> None:
    items = [
        Item("test_a").mark("xdist_group", "port"),
        *cases(PartyCase, "test_vat"),
        Item("test_b", file="test_other.py").mark("xdist_group", name="port"),
        Item("test_c", file="test_third.py").mark("xdist_group"),
        *cases(BankCase, "test_iban", module="bank"),
    ]
    items[4].mark("xdist_group", "default")
    assert indices(planned(items)) == [(0, 2), (3, 4), (1,)]


@pytest.mark.parametrize("mark", ["dependency", "order"])
def test_a_file_whose_tests_need_each_other_is_one_piece(
    planned: Planned, mark: str
) -> None:
    items = [
        Item("test_view", cls=PartyCase, file="test_a.py"),
        Item("test_iban", cls=BankCase, file="test_a.py").mark(mark),
        Item("test_a", file="test_a.py"),
        Item("test_view", cls=PartyCase, file="test_b.py"),
        Item("test_iban", cls=BankCase, file="test_b.py"),
    ]
    made = planned(items, {"party/tests/test_a.py::PartyCase::test_view": 9.0})
    assert indices(made) == [(0, 1, 2), (3,), (4,)]


@pytest.mark.parametrize(
    ("level", "reruns", "expected"),
    [
        ("test", 0, [(0, 2), (1,)]),
        ("class", 0, [(0, 2), (1,)]),
        ("module", 0, [(0, 1, 2)]),
        ("worker", 0, [(0, 2), (1,)]),
        ("worker", 2, [(0, 1, 2)]),
    ],
)
@pytest.mark.parametrize("marked", [False, True])
def test_what_shares_a_database_is_one_piece(
    planned: Planned,
    level: str,
    reruns: int,
    expected: list[tuple[int, ...]],
    marked: bool,
) -> None:
    items = [
        Item("test_vat", cls=PartyCase),
        Item("test_iban", cls=BankCase),
        Item("test_rights", cls=PartyCase),
    ]
    options: dict[str, object] = {"harness_reruns": reruns}
    if marked:
        for item in items:
            item.mark("isolation", level)
    else:
        options["harness_isolation"] = level
    assert indices(planned(items, **options)) == expected


def test_rounds_are_pieces_of_their_own_with_the_times_of_the_test(
    planned: Planned,
) -> None:
    items = []
    for number in (1, 2):
        for item in cases(PartyCase, "test_vat", "test_rights"):
            item.nodeid += f"[{number}/2]"
            item.harness_round = number
            items.append(item)
    made = planned(items, {"party/tests/test_party.py::PartyCase::test_vat": 4.0})
    assert indices(made) == [(0, 1), (2, 3)]
    assert [one.estimate for one in made] == pytest.approx([4.1, 4.1])


def test_an_order_that_was_given_is_kept(planned: Planned) -> None:
    items = [Item("test_a"), scenario("erase"), *cases(PartyCase, "test_vat")]
    assert indices(planned(items, ordered=True)) == [(0,), (1,), (2,)]
    assert indices(planned(items))[0] == (1,)


def test_a_test_that_is_only_known_by_its_id() -> None:
    """A worker elsewhere has collected it; the class is still one piece."""
    tests = ["t/test_a.py::A::test_1[b::c]", "t/test_a.py::B::test", "t/test_b.py::t"]
    tests += ["t/test_a.py::A::test_2", "t/test_b.py::u"]
    assert indices(units.plan(tests, {})) == [(0, 3), (2, 4), (1,)]
    place = Place(("t/test_a.py", "B"), 7.0, "party")
    assert units.plan(tests, {tests[1]: place})[0] == Unit((1,), 7.0, "party")


@pytest.mark.parametrize(
    ("root", "nodeid", "expected"),
    [
        ("/stack/src", "party/tests/test_a.py::C::t[a/b]", "party/tests/test_a.py"),
        ("/stack/src/party", "tests/test_a.py::C::t[a/b]", "party/tests/test_a.py"),
        ("/else", "/stack/src/party/tests/test_a.py::C::t[a/b]", None),
    ],
)
def test_the_key_of_an_id(root: str, nodeid: str, expected: str | None) -> None:
    file = expected or "party/tests/test_a.py"
    assert units.key_of(root, nodeid) == f"{file}::C::t[a/b]"


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (Item("test_iban", cls=BankCase), "bank"),
        (Item("test_a", module="country"), "country"),
        (scenario("erase"), "party"),
    ],
)
def test_the_template(item: Item, expected: str) -> None:
    assert units.template(item) == expected


# -- what comes next ---------------------------------------------------------

QUEUE = (
    Unit((0,), 10.0, "party"),
    Unit((1,), 6.0, "bank"),
    Unit((2,), 5.0, "country"),
    Unit((3,), 4.9, "company"),
)


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        ("", 0),
        ("party", 0),
        ("bank", 1),
        ("country", 2),
        ("company", 0),
        ("account", 0),
    ],
)
def test_take(current: str, expected: int) -> None:
    queue = list(QUEUE)
    assert units.take(queue, current) == QUEUE[expected]
    assert queue == [one for one in QUEUE if one != QUEUE[expected]]


def test_while_a_long_test_runs_the_shortest_is_next() -> None:
    queue = list(QUEUE)
    assert units.take(queue, "party", small=True) == QUEUE[-1]
    assert queue == list(QUEUE[:-1])


def test_nothing_is_left_to_take() -> None:
    assert units.take([], "party") is None
    assert units.take([], "party", small=True) is None


def test_all_are_taken_once() -> None:
    queue = list(QUEUE)
    taken = [units.take(queue, "bank") for _ in QUEUE]
    assert [one.indices[0] for one in taken if one] == [1, 0, 2, 3]
    assert queue == []


def test_keep() -> None:
    unit = Unit((1, 2, 3), 9.0, "party")
    assert unit.keep(i for i in (2, 3)) == Unit((2, 3), 9.0, "party")
