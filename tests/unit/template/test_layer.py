# SPDX-License-Identifier: GPL-3.0-or-later
"""From a request to a chain of layers."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import pairwise, permutations
from pathlib import Path

import pytest

from harness.errors import SourceError, UsageError
from harness.model import Module, Origin
from harness.modules import Graph
from harness.template import undo
from harness.template.layer import Document, Layer, Program, Request
from harness.template.layers import Layers, Surroundings

DEPENDS: Mapping[str, tuple[str, ...]] = {
    "country": ("ir", "res"),
    "currency": ("ir", "res"),
    "party": ("country",),
    "company": ("party", "currency"),
    "account": ("company",),
    "account_invoice": ("account",),
    "bank": ("party",),
}
SOURCES: Mapping[str, tuple[str, ...]] = {
    "artist": ("party",),
    "creation": ("artist", "bank"),
    "society": ("creation", "account_invoice"),
}
CUTS = ("company", "account_invoice")


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    made = []
    for name, depends in DEPENDS.items():
        path = tmp_path / "trytond" / "modules" / name
        made.append(Module(name=name, path=path, version="7.0.1", depends=depends))
    for name, depends in SOURCES.items():
        path = tmp_path / "src" / name
        (path / "view").mkdir(parents=True)
        (path / "tryton.cfg").write_text("[tryton]")
        (path / f"{name}.py").write_text(f"# {name}")
        (path / "view" / "form.xml").write_text("<form/>")
        made.append(
            Module(
                name=name, path=path, version="7.0.0", depends=depends,
                origin=Origin.SRC,
            )
        )  # fmt: skip
    return Graph(made)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site-packages"
    for name in ("trytond", *(f"trytond_{name}" for name in DEPENDS)):
        directory = path / f"{name}-7.0.1.dist-info"
        directory.mkdir(parents=True)
        (directory / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 7.0.1\n"
        )
    return path


@pytest.fixture
def around(site: Path) -> Surroundings:
    return Surroundings(
        series="7.0", python="3.11", database="postgresql-18 UTF8 C.UTF-8", site=site
    )


Make = Callable[..., Layers]


@pytest.fixture
def make(graph: Graph, around: Surroundings) -> Make:
    def layers(
        cuts: Iterable[str] = CUTS, tested: Iterable[str] = (), **changed: str
    ) -> Layers:
        return Layers(
            graph, replace(around, **changed), cuts=tuple(cuts), tested=tested
        )

    return layers


def steps(layer: Layer) -> list[tuple[str, ...]]:
    return [one.modules for one in layer.chain()]


def digests(layers: Layers, request: Request) -> dict[str, str]:
    return {one.name: one.digest for one in layers.resolve(request).chain()}


SOCIETY = Request(modules=("society",))

# -- the chain ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        ((), [()]),
        (("ir", "res"), [()]),
        (("party",), [(), ("country", "party")]),
        (
            ("company",),
            [(), ("country", "currency", "party", "company")],
        ),
        (
            ("company", "bank"),
            [(), ("country", "currency", "party", "company"), ("bank",)],
        ),
        (
            ("account",),
            [(), ("country", "currency", "party", "company"), ("account",)],
        ),
        (
            ("society",),
            [
                (),
                ("country", "currency", "party", "company"),
                ("account", "account_invoice"),
                ("bank",),
                ("artist",),
                ("creation",),
                ("society",),
            ],
        ),
    ],
)
def test_the_chain(
    make: Make, modules: tuple[str, ...], expected: list[tuple[str, ...]]
) -> None:
    assert steps(make().resolve(Request(modules=modules))) == expected


def test_a_layer_is_named_by_its_last_module(make: Make) -> None:
    chain = make().resolve(SOCIETY).chain()
    assert [one.name for one in chain] == [
        "base", "company", "account_invoice", "bank", "artist", "creation", "society",
    ]  # fmt: skip


def test_closures_grow(make: Make) -> None:
    chain = make().resolve(SOCIETY).chain()
    assert chain[0].closure == ()
    assert chain[1].closure == ("country", "currency", "party", "company")
    assert set(chain[-1].closure) == {*DEPENDS, *SOURCES}
    for below, above in pairwise(chain):
        assert set(above.closure) == {*below.closure, *above.modules}
        assert above.parent is below


def test_the_same_request_gives_the_same_database(make: Make) -> None:
    names = ("account", "bank", "creation")
    tops = {
        make().resolve(Request(modules=(*order, *more))).digest
        for order in permutations(names)
        for more in ((), ("party", "country"), ("ir",))
    }
    assert len(tops) == 1


def test_the_chain_depends_on_nothing_that_was_resolved_before(make: Make) -> None:
    fresh = make().resolve(SOCIETY)
    used = make()
    for names in (("bank", "account"), ("artist",), ("account_invoice",)):
        used.resolve(Request(modules=names))
    assert used.resolve(SOCIETY) == fresh


def test_requests_that_begin_alike_share_layers(make: Make) -> None:
    layers = make()
    one = layers.resolve(SOCIETY).chain()
    other = layers.resolve(Request(modules=("account_invoice",))).chain()
    assert [a.digest for a in one[:3]] == [b.digest for b in other]
    assert one[2] is other[2]


@pytest.mark.parametrize(
    ("cuts", "expected"),
    [
        ((), [(), ("country", "currency", "party", "company", "account")]),
        (("sale",), [(), ("country", "currency", "party", "company", "account")]),
        (
            ("account_invoice",),
            [(), ("country", "currency", "party", "company", "account")],
        ),
        (
            ("country", "country"),
            [(), ("country",), ("currency", "party", "company", "account")],
        ),
        (
            ("company", "party"),
            [(), ("country", "currency", "party", "company"), ("account",)],
        ),
        (("artist",), [(), ("country", "currency", "party", "company", "account")]),
    ],
)
def test_cuts(
    make: Make, cuts: tuple[str, ...], expected: list[tuple[str, ...]]
) -> None:
    assert steps(make(cuts).resolve(Request(modules=("account",)))) == expected


def test_an_unknown_module(make: Make) -> None:
    with pytest.raises(UsageError, match="'creatoin'"):
        make().resolve(Request(modules=("creatoin",)))


def test_a_circle(around: Surroundings, tmp_path: Path) -> None:
    def one(name: str, other: str) -> Module:
        return Module(name=name, path=tmp_path, version="7.0.0", depends=(other,))

    layers = Layers(Graph([one("hen", "egg"), one("egg", "hen")]), around)
    with pytest.raises(SourceError, match="in a circle: egg, hen"):
        layers.resolve(Request(modules=("egg",)))


def test_a_source_whose_files_are_gone(make: Make, graph: Graph) -> None:
    path = graph["artist"].path
    path.rename(path.with_name("away"))
    with pytest.raises(SourceError, match=f"{path}: No such file"):
        make().resolve(Request(modules=("artist",)))


# -- digests -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "file", "changed"),
    [
        ("society", "society.py", {"society"}),
        ("creation", "view/form.xml", {"creation", "society"}),
        ("artist", "artist.py", {"artist", "creation", "society"}),
        ("artist", "tryton.cfg", {"artist", "creation", "society"}),
        ("society", "view/new.xml", {"society"}),
        ("artist", "tests/test_artist.py", set()),
        ("artist", "README.md", set()),
    ],
)
def test_a_changed_file_concerns_its_layer_and_those_above(
    make: Make, graph: Graph, module: str, file: str, changed: set[str]
) -> None:
    before = digests(make(), SOCIETY)
    path = graph[module].path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("changed")
    after = digests(make(), SOCIETY)
    assert {name for name in before if before[name] != after[name]} == changed


def test_a_new_release_of_an_official_module(
    make: Make, graph: Graph, around: Surroundings
) -> None:
    before = digests(make(), SOCIETY)
    newer = {**graph, "bank": replace(graph["bank"], version="7.0.2")}
    after = digests(Layers(Graph(newer.values()), around, cuts=CUTS), SOCIETY)
    assert {name for name in before if before[name] != after[name]} == {
        "bank", "artist", "creation", "society",
    }  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"series": "7.2"},
        {"python": "3.12"},
        {"database": "postgresql-17 UTF8 C.UTF-8"},
    ],
)
def test_surroundings_concern_all_layers(make: Make, changed: dict[str, str]) -> None:
    before, after = digests(make(), SOCIETY), digests(make(**changed), SOCIETY)
    assert all(before[name] != after[name] for name in before)


def test_a_new_trytond_concerns_all_layers(
    make: Make, site: Path, tmp_path: Path
) -> None:
    before = digests(make(), SOCIETY)
    other = site.rename(tmp_path / "newer")
    metadata = other / "trytond-7.0.1.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("7.0.1", "7.0.2"))
    after = digests(make(site=other), SOCIETY)
    assert all(before[name] != after[name] for name in before)


def test_the_language_is_a_database_of_its_own(make: Make) -> None:
    layers = make()
    german = layers.resolve(Request(modules=("society",), language="de"))
    english = layers.resolve(SOCIETY)
    assert {one.language for one in german.chain()} == {"de"}
    pairs = zip(german.chain(), english.chain(), strict=True)
    assert all(one.digest != other.digest for one, other in pairs)


def test_facts_say_what_the_digest_was_made_of(make: Make) -> None:
    base, official, *_, society = make().resolve(SOCIETY).chain()
    assert base.facts == {
        "series": "7.0",
        "python": "3.11",
        "database": "postgresql-18 UTF8 C.UTF-8",
        "language": "en",
        "package trytond": "7.0.1",
    }
    assert official.facts["module party"] == "7.0.1"
    assert official.facts["package trytond-currency"] == "7.0.1"
    assert sorted(society.facts) == [
        "file society/society.py",
        "file society/tryton.cfg",
        "file society/view/form.xml",
        "known modules",
        "records",
    ]


def test_a_source_knows_all_modules_and_what_they_depend_on(
    graph: Graph, around: Surroundings
) -> None:
    """trytond lists them in the database; of those below only what is released."""

    def chain(*more: Module) -> dict[str, str]:
        layers = Layers(Graph([*graph.values(), *more]), around, cuts=CUTS)
        return digests(layers, SOCIETY)

    one = Module(name="other", path=Path("other"), version="7.0.0", depends=("ir",))
    plain = chain()
    for found in (chain(one), chain(replace(one, depends=("party",)))):
        same = {name for name in plain if plain[name] == found[name]}
        assert same == {"base", "company", "account_invoice", "bank"}
        assert found["society"] != plain["society"]
        plain = found


# -- trust -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tested", "trusted"),
    [
        ((), {"base", "company", "account_invoice", "bank"}),
        (("society",), {"base", "company", "account_invoice", "bank"}),
        (("party",), {"base", "account_invoice", "bank"}),
        (("bank", "account"), {"base", "company"}),
    ],
)
def test_only_released_modules_that_are_not_tested_are_trusted(
    make: Make, tested: tuple[str, ...], trusted: set[str]
) -> None:
    chain = make(tested=tested).resolve(SOCIETY).chain()
    assert {one.name for one in chain if one.trusted} == trusted
    for one in chain[1:]:
        word = "trusted" if one.trusted else "validated"
        assert one.facts["records"] == word


def test_a_trusted_layer_is_another_than_a_validated_one(make: Make) -> None:
    trusted, validated = (
        digests(make(), SOCIETY),
        digests(make(tested=["bank"]), SOCIETY),
    )
    assert {name for name in trusted if trusted[name] != validated[name]} == {
        "bank", "artist", "creation", "society",
    }  # fmt: skip


# -- data --------------------------------------------------------------------


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Path]:
    paths = {}
    for name in ("master", "demo"):
        directory = tmp_path / "data" / name
        (directory / "csv").mkdir(parents=True)
        (directory / f"{name}.txt").write_text(f">>> import {name}")
        (directory / "csv" / "artists.csv").write_text("name")
        (directory / "notes.md").write_text("notes")
        paths[name] = directory / f"{name}.txt"
    return paths


def test_data_stands_on_top(make: Make, data: dict[str, Path]) -> None:
    request = Request(
        modules=("artist",), data=(Document(path=data["master"]),), reclimit=2000
    )
    top = make().resolve(request)
    assert top.name == "master"
    assert (top.modules, top.data, top.reclimit) == ((), (data["master"],), 2000)
    assert top.trusted is False
    assert top.parent == make().resolve(Request(modules=("artist",)))
    assert top.closure == top.parent.closure
    assert sorted(top.facts) == [
        "data csv/artists.csv",
        "data master.txt",
        "reclimit",
    ]


@pytest.mark.parametrize(
    ("file", "expected"),
    [("master.txt", True), ("csv/artists.csv", True), ("notes.md", False)],
)
def test_data_files_reach_the_digest(
    make: Make, data: dict[str, Path], file: str, *, expected: bool
) -> None:
    request = Request(modules=("artist",), data=(Document(path=data["master"]),))
    before = digests(make(), request)
    (data["master"].parent / file).write_text("changed")
    after = digests(make(), request)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == ({"master"} if expected else set())


def test_the_recursion_limit_reaches_the_digest(
    make: Make, data: dict[str, Path]
) -> None:
    one, other = (
        make().resolve(Request(data=(Document(path=data["demo"]),), reclimit=limit))
        for limit in (0, 2000)
    )
    assert one.digest != other.digest


def test_files_beside_both_scripts_reach_the_digest(
    make: Make, data: dict[str, Path]
) -> None:
    request = Request(data=(Document(path=data["master"]), Document(path=data["demo"])))
    before = make().resolve(request).digest
    (data["master"].parent / "csv" / "artists.csv").write_text("changed")
    assert make().resolve(request).digest != before


def test_the_order_of_scripts_reaches_the_digest(
    make: Make, data: dict[str, Path]
) -> None:
    (data["demo"].parent / "csv" / "artists.csv").unlink()
    one = make().resolve(
        Request(data=(Document(path=data["master"]), Document(path=data["demo"])))
    )
    other = make().resolve(
        Request(data=(Document(path=data["demo"]), Document(path=data["master"])))
    )
    assert one.digest != other.digest


# -- the undo log --------------------------------------------------------------


def test_the_undo_log_is_a_layer_of_its_own(
    make: Make, data: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request(modules=("society",), data=(Document(path=data["master"]),))
    below = make().resolve(request)
    above = make().resolve(replace(request, tracked=True))
    assert above.parent == below
    assert (above.name, above.tracked, below.tracked) == ("master+undo", True, False)
    assert above.closure == below.closure
    assert (above.modules, above.data) == ((), ())
    monkeypatch.setattr(undo, "version", lambda: "another")
    other = make().resolve(replace(request, tracked=True))
    assert other.digest != above.digest
    assert other.parent == below


# -- programs ----------------------------------------------------------------


@pytest.fixture
def program(tmp_path: Path) -> Program:
    for name in ("data/one.py", "data/csv/two.csv", "data/tests/x.py", "data/README"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "main.py").write_text("main")
    return Program(
        name="production",
        argv=("python", "main.py", "a b"),
        root=tmp_path,
        directory=tmp_path,
        reads=("data", "main.py"),
        packages=("trytond_party",),
        environment=("MODE=a=b",),
    )


def test_a_program_is_a_layer_of_what_it_reads(make: Make, program: Program) -> None:
    made = make().resolve(Request(modules=("artist",), data=(program,)))
    assert (made.name, made.program, made.modules) == ("production", program, ())
    below = make().resolve(Request(modules=("artist",)))
    assert made.parent == below
    assert made.closure == below.closure
    assert set(made.facts) == {
        "command",
        "package trytond-party",
        "read data/README",
        "read data/csv/two.csv",
        "read data/one.py",
        "read data/tests/x.py",
        "read main.py",
        "variable MODE",
    }
    assert made.facts["command"] == "python main.py 'a b'"
    assert made.facts["variable MODE"] == "a=b"


@pytest.mark.parametrize(
    "change",
    [
        {"argv": ("python", "main.py", "a", "b")},
        {"environment": ("MODE=a=c",)},
        {"reads": ("data",)},
        {"packages": ()},
    ],
)
def test_another_program_is_another_layer(
    make: Make, program: Program, change: dict[str, tuple[str, ...]]
) -> None:
    other = replace(program, **change)  # type: ignore[arg-type]
    digests = {make().resolve(Request(data=(one,))).digest for one in (program, other)}
    assert len(digests) == 2


def test_a_file_that_a_program_reads_has_gone(make: Make, program: Program) -> None:
    (program.root / "main.py").unlink()
    with pytest.raises(SourceError, match=r"main\.py: No such file"):
        make().resolve(Request(data=(program,)))
