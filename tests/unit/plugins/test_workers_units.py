# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests in units: what stays together, how long it takes, what comes next."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.plugins import units
from harness.plugins.units import Unit

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


def planned(items: list[Item], known: dict[str, float] | None = None) -> list[Unit]:
    return units.plan(items, known or {})


def test_a_class_stays_together() -> None:
    items = cases(PartyCase, "test_vat", "test_rights")
    items += cases(BankCase, "test_iban", module="bank")
    assert planned(items) == [Unit((0, 1), 0.2, "party"), Unit((2,), 0.1, "bank")]


def test_a_class_stays_together_where_the_order_mixes() -> None:
    vat, rights = cases(PartyCase, "test_vat", "test_rights")
    [iban] = cases(BankCase, "test_iban", module="bank")
    assert [one.indices for one in planned([vat, iban, rights])] == [(0, 2), (1,)]


def test_functions_of_a_file_stay_together_and_scenarios_do_not() -> None:
    items = [Item("test_a"), scenario("erase"), Item("test_b"), scenario("replace")]
    assert [one.indices for one in planned(items)] == [(1,), (3,), (0, 2)]


def test_the_longest_come_first() -> None:
    items = [scenario("erase"), *cases(BankCase, "test_iban", module="bank")]
    known = {"bank/tests/test_bank.py::BankCase::test_iban": 60.0}
    assert [one.estimate for one in planned(items, known)] == [60.0, 10.0]


@pytest.mark.parametrize("name", ["test_view", "test_company"])
def test_a_heavy_inherited_test_is_a_unit_of_its_own(name: str) -> None:
    items = cases(PartyCase, "test_vat", name, "test_rights")
    known = {f"party/tests/test_party.py::PartyCase::{name}": 0.5}
    assert [one.indices for one in planned(items, known)] == [(1,), (0, 2)]


def test_a_light_inherited_test_stays_with_its_class() -> None:
    known = {"party/tests/test_party.py::PartyCase::test_view": 0.49}
    assert len(planned(cases(PartyCase, "test_vat", "test_view"), known)) == 1


def test_a_heavy_test_of_the_class_itself_stays() -> None:
    known = {"party/tests/test_party.py::PartyCase::test_vat": 30.0}
    assert len(planned(cases(PartyCase, "test_vat", "test_rights"), known)) == 1


@pytest.mark.parametrize("name", ["setUpModule", "setup_module"])
def test_a_file_with_a_set_up_of_its_own_stays_whole(name: str) -> None:
    namespace = ModuleType("test_party")
    setattr(namespace, name, lambda: None)
    items = [
        Item("test_view", cls=PartyCase, namespace=namespace),
        Item("test_iban", cls=BankCase, namespace=namespace),
    ]
    assert [one.indices for one in planned(items)] == [(0, 1)]


def test_nothing_is_planned_twice_and_nothing_is_lost() -> None:
    items = [
        *cases(PartyCase, "test_view", "test_vat", "test_company"),
        scenario("erase"),
        *cases(BankCase, "test_iban", module="bank"),
        Item("test_a"),
    ]
    made = planned(items)
    assert sorted(index for one in made for index in one.indices) == list(range(6))
    assert sum(one.estimate for one in made) == pytest.approx(5.0 + 10 + 0.1 * 4)


def test_no_items() -> None:
    assert planned([]) == []


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


def test_nothing_is_left_to_take() -> None:
    assert units.take([], "party") is None


def test_all_are_taken_once() -> None:
    queue = list(QUEUE)
    taken = [units.take(queue, "bank") for _ in QUEUE]
    assert [one.indices[0] for one in taken if one] == [1, 0, 2, 3]
    assert queue == []


def test_keep() -> None:
    unit = Unit((1, 2, 3), 9.0, "party")
    assert unit.keep(i for i in (2, 3)) == Unit((2, 3), 9.0, "party")


def test_units_can_be_sent_to_a_worker() -> None:
    assert json.loads(json.dumps(QUEUE[0])) == [[0], 10.0, "party", 0, 0]
