# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a run: pure data."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness import plan
from harness.errors import NothingSelected, SourceError, UsageError
from harness.model import Isolation, Module, Origin, Source
from harness.modules import Graph
from harness.plan import PlanRequest, Step
from harness.run import listing

OFFICIAL = frozenset({"party", "country", "account", "account_invoice"})


def module(
    name: str, *depends: str, version: str = "7.0.1", origin: Origin = Origin.SRC
) -> Module:
    return Module(
        name=name,
        path=Path("/stack/src", name),
        version=version,
        depends=depends,
        origin=origin,
    )


GRAPH = Graph(
    [
        module("collecting_society", "party_name", "account", version="6.6.2"),
        module("party_name", "party", version="6.6.0", origin=Origin.EXAMPLES),
        module("sale_fair", "account", version="7.0.5"),
    ]
)
SOURCES = {
    name: Source(name=name, path=one.path, origin=one.origin)
    for name, one in GRAPH.items()
}


def make(wish: PlanRequest, graph: Graph = GRAPH, **reasons: str) -> tuple[Step, ...]:
    return plan.make(
        wish,
        sources=SOURCES,
        graph=graph,
        official=OFFICIAL,
        default_series="7.2",
        database=("local", "asked for"),
        reasons=reasons,
    )


def modules_of(*steps: Step) -> dict[str, list[str]]:
    return {step.series: [one.name for one in step.tested] for step in steps}


def test_a_source() -> None:
    [step] = make(
        PlanRequest(suite="tryton", modules=("collecting_society",), workers=4)
    )
    assert step == Step(
        suite="tryton",
        series="6.6",
        tested=(
            plan.Tested(
                name="collecting_society",
                origin=Origin.SRC,
                reason="named",
                path=Path("/stack/src/collecting_society"),
            ),
        ),
        sources=("party_name", "collecting_society"),
        database="local",
        reason="asked for",
        isolation=Isolation.CLASS,
        workers=4,
    )
    assert step.name == "tryton-6.6"


def test_an_official_module_has_no_path_yet_and_needs_no_source() -> None:
    [step] = make(PlanRequest(suite="tryton", modules=("party",)))
    assert step.series == "7.2"
    assert step.sources == ()
    assert step.tested == (
        plan.Tested(name="party", origin=Origin.INDEX, reason="named"),
    )


@pytest.mark.parametrize(
    ("names", "series", "expected"),
    [
        (("party", "account"), "", {"7.2": ["party", "account"]}),
        (("party", "party"), "", {"7.2": ["party"]}),
        (("sale_fair", "party"), "", {"7.0": ["sale_fair", "party"]}),
        (("party", "sale_fair"), "", {"7.0": ["party", "sale_fair"]}),
        (
            ("sale_fair", "collecting_society", "party"),
            "",
            {"6.6": ["collecting_society"], "7.0": ["sale_fair"], "7.2": ["party"]},
        ),
        (
            ("sale_fair", "collecting_society", "party"),
            "7.4",
            {"7.4": ["sale_fair", "collecting_society", "party"]},
        ),
    ],
)
def test_one_step_per_series(
    names: tuple[str, ...], series: str, expected: dict[str, list[str]]
) -> None:
    steps = make(PlanRequest(suite="tryton", modules=names, series=series))
    assert modules_of(*steps) == expected
    assert list(modules_of(*steps)) == sorted(expected)


def test_what_is_wished_for_reaches_the_step() -> None:
    [step] = make(
        PlanRequest(
            suite="tryton",
            modules=("party",),
            isolation=Isolation.TEST,
            options=("-k", "view"),
            paths=("tests/test_party.py::Case",),
            coverage=False,
            workers=0,
        ),
        party="party.py changed",
    )
    assert step.isolation is Isolation.TEST
    assert step.options == ("-k", "view")
    assert step.paths == ("tests/test_party.py::Case",)
    assert step.coverage is False
    assert step.workers == 1
    assert step.tested[0].reason == "party.py changed"


def test_a_serial_run_has_one_worker() -> None:
    [step] = make(
        PlanRequest(suite="tryton", modules=("party",), workers=8, serial="--pdb")
    )
    assert step.workers == 1


def test_nothing_is_selected() -> None:
    with pytest.raises(NothingSelected, match="no module is selected"):
        make(PlanRequest(suite="tryton"))


def test_an_unknown_module_is_met_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="'colecting_society'") as caught:
        make(PlanRequest(suite="tryton", modules=("party", "colecting_society")))
    assert caught.value.remedy == "did you mean collecting_society?"


def test_an_unknown_series() -> None:
    with pytest.raises(UsageError, match=r"no Tryton series '7\.1'"):
        make(PlanRequest(suite="tryton", modules=("party",), series="7.1"))


def test_a_source_without_series() -> None:
    graph = Graph([module("portal", version="")])
    with pytest.raises(SourceError, match="names no release series"):
        make(PlanRequest(suite="tryton", modules=("portal",)), graph)
    [step] = make(PlanRequest(suite="tryton", modules=("portal",), series="7.0"), graph)
    assert step.series == "7.0"


def test_rows_and_document_have_the_same_modules() -> None:
    [step] = make(
        PlanRequest(suite="tryton", modules=("collecting_society", "party"), workers=2)
    )
    rows = list(listing.rows(step))
    assert all(len(row) == len(listing.HEADERS) for row in rows)
    assert dict(zip(listing.HEADERS, rows[0], strict=True)) == {
        "suite": "tryton",
        "series": "6.6",
        "tested": "collecting_society",
        "from": "src",
        "database": "local",
        "isolation": "class",
        "workers": "2",
        "chosen": "named",
    }
    assert json.loads(json.dumps(listing.document(step))) == {
        "name": "tryton-6.6",
        "suite": "tryton",
        "series": "6.6",
        "modules": [
            {"name": "collecting_society", "origin": "src", "reason": "named"},
            {"name": "party", "origin": "index", "reason": "named"},
        ],
        "sources": ["party_name", "collecting_society"],
        "source": "",
        "template": "",
        "database": {"server": "local", "reason": "asked for"},
        "isolation": "class",
        "workers": 2,
        "coverage": True,
        "options": [],
        "paths": [],
        "shard": "",
        "reruns": 0,
        "repeat": 1,
        "seed": 0,
        "timeout": 0,
        "affected": "",
        "in": "venv",
    }


# -- suites of a source --------------------------------------------------------

PORTAL = Source(name="portal", path=Path("/stack/src/portal"), origin=Origin.SRC)


def of_source(wish: PlanRequest, **more: Any) -> Step:
    given: dict[str, Any] = {
        "source": PORTAL,
        "beside": (),
        "template": "portal",
        "nose": True,
        "rootdir": "",
        "sources": {**SOURCES, "portal": PORTAL},
        "graph": GRAPH,
        "default_series": "7.2",
        "database": ("local", "asked for"),
    }
    return plan.of_source(wish, **{**given, **more})


def test_a_suite_takes_the_series_and_the_sources_of_its_template() -> None:
    wish = PlanRequest(suite="portal", modules=("collecting_society",), workers=2)
    step = of_source(wish, beside=("sale_fair",))
    assert step.name == "portal-6.6"
    assert step.sources == ("party_name", "collecting_society", "sale_fair", "portal")
    assert (step.source, step.template, step.nose) == (PORTAL, "portal", True)
    assert step.workers == 2


def test_a_suite_on_an_official_template() -> None:
    step = of_source(PlanRequest(suite="portal", modules=("party",)))
    assert (step.series, step.sources) == ("7.2", ("portal",))


def test_a_suite_is_one_row() -> None:
    step = of_source(PlanRequest(suite="portal", modules=("party",)))
    [row] = listing.rows(step)
    assert dict(zip(listing.HEADERS, row, strict=True)) == {
        "suite": "portal",
        "series": "7.2",
        "tested": "portal",
        "from": "src",
        "database": "local",
        "isolation": "class",
        "workers": "1",
        "chosen": "template portal",
    }
    assert listing.document(step)["source"] == "portal"


def test_a_suite_needs_a_server() -> None:
    with pytest.raises(UsageError, match="needs PostgreSQL"):
        of_source(PlanRequest(suite="portal"), database=("sqlite", "asked for"))


def test_a_suite_has_one_series() -> None:
    wish = PlanRequest(suite="portal", modules=("collecting_society", "sale_fair"))
    with pytest.raises(UsageError, match=r"different series: 6\.6, 7\.0"):
        of_source(wish)


def test_a_shard_has_its_name() -> None:
    [step] = make(PlanRequest(suite="tryton", modules=("party",), shard="2/5"))
    assert step.name == "tryton-7.2-2of5"
    assert listing.document(step)["shard"] == "2/5"
