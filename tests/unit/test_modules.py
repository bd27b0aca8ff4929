# SPDX-License-Identifier: GPL-3.0-or-later
"""tryton.cfg and the graph of modules."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import modules
from harness.errors import SourceError, UsageError
from harness.model import Module, Origin
from harness.modules import Graph

Write = Callable[..., Path]


def module(name: str, *depends: str, extras: tuple[str, ...] = ()) -> Module:
    return Module(
        name=name,
        path=Path("/site", name),
        version="7.0.1",
        depends=depends,
        extras=extras,
    )


GRAPH = Graph(
    [
        module("country", "ir", "res"),
        module("currency", "ir", "res"),
        module("party", "country", "ir", "res"),
        module("company", "currency", "party"),
        module("bank", "party", extras=("account",)),
        module("account", "company"),
        module("collecting_society", "account", "bank"),
    ]
)


# -- tryton.cfg --------------------------------------------------------------


def test_load(write_module: Write) -> None:
    directory = write_module(
        "collecting_society",
        "version=7.0.3\ndepends:\n    account\n    ir\nextras_depend:\n    bank\n"
        "xml:\n    society.xml\n",
    )
    assert modules.load(directory) == Module(
        name="collecting_society",
        path=directory,
        version="7.0.3",
        depends=("account", "ir"),
        extras=("bank",),
        origin=Origin.INDEX,
    )


def test_load_with_another_name_and_origin(write_module: Write) -> None:
    loaded = modules.load(
        write_module("checkout"), name="party_extension", origin=Origin.SRC
    )
    assert (loaded.name, loaded.origin) == ("party_extension", Origin.SRC)


def test_load_takes_what_is_not_there_as_nothing(write_module: Write) -> None:
    loaded = modules.load(write_module("bare", ""))
    assert (loaded.version, loaded.depends, loaded.extras) == ("", (), ())


def test_no_tryton_cfg(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"it has no tryton\.cfg") as caught:
        modules.load(tmp_path)
    assert str(tmp_path / "tryton.cfg") in caught.value.remedy


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[trytond]\nversion=7.0.0\n", "it has no [tryton] section"),
        (b"", "it has no [tryton] section"),
        (b"version=7.0.0\n", "no section headers"),
        (b"[tryton]\nversion=7.0.0\nversion=7.0.1\n", "already exists"),
        (b"[tryton]\nversion=\xff\n", "can't decode byte"),
    ],
)
def test_a_broken_tryton_cfg(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "tryton.cfg"
    path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        modules.load(tmp_path)
    assert caught.value.message.startswith(f"{path} is broken: ")
    assert reason in caught.value.message


def test_a_percent_sign_is_no_reason_to_crash(write_module: Write) -> None:
    directory = write_module("discount", "version=7.0.0\ndepends: 50%\n")
    assert modules.load(directory).depends == ("50%",)


def test_a_tryton_cfg_that_is_a_directory(tmp_path: Path) -> None:
    (tmp_path / "tryton.cfg").mkdir()
    with pytest.raises(SourceError, match=r"tryton\.cfg cannot be read: Is a dir"):
        modules.load(tmp_path)


# -- the series of a version -------------------------------------------------


@pytest.mark.parametrize(
    ("version", "expected"),
    [("7.0.3", "7.0"), ("6.6.0", "6.6"), ("7.0", "7.0"), ("10.12.1", "10.12")],
)
def test_series(version: str, expected: str) -> None:
    one = Module(name="party", path=Path("/src/party"), version=version)
    assert modules.series(one) == expected


@pytest.mark.parametrize("version", ["", "7", "7.x.1", "v7.0", "7..0", "master"])
def test_a_version_without_series(version: str) -> None:
    one = Module(name="party", path=Path("/src/party"), version=version)
    with pytest.raises(SourceError, match="names no release series") as caught:
        modules.series(one)
    assert "/src/party/tryton.cfg" in caught.value.message
    assert repr(version) in caught.value.message
    assert "--series" in caught.value.remedy


# -- the graph ---------------------------------------------------------------


def test_the_graph_is_a_mapping() -> None:
    assert len(GRAPH) == 7
    assert "party" in GRAPH
    assert GRAPH.get("sale") is None
    assert GRAPH["party"].depends == ("country", "ir", "res")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), ()),
        (("ir", "res"), ()),
        (("country",), ("country",)),
        (("party", "ir"), ("country", "party")),
        (("company",), ("company", "country", "currency", "party")),
        (("bank",), ("bank", "country", "party")),
    ],
)
def test_closure(names: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert tuple(sorted(GRAPH.closure(names))) == expected


def test_closure_names_the_nearest_of_an_unknown_module() -> None:
    graph = Graph([module("party", "contry"), module("country")])
    with pytest.raises(SourceError, match="party needs contry, which is") as caught:
        graph.closure(["party"])
    assert caught.value.remedy.startswith("did you mean country? Else clone it")
    with pytest.raises(UsageError, match="no Tryton module named 'contry'") as named:
        graph.closure(["contry"])
    assert named.value.remedy == "did you mean country?"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), ()),
        (("party", "country"), ("country", "party")),
        (("currency", "country"), ("country", "currency")),
        (
            ("company", "party", "currency", "country"),
            ("country", "currency", "party", "company"),
        ),
        (("bank", "account"), ("account", "bank")),
        (("collecting_society", "country"), ("collecting_society", "country")),
    ],
)
def test_order(names: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert GRAPH.order(names) == expected
    assert GRAPH.order(reversed(names)) == expected


def test_a_circle() -> None:
    graph = Graph([module("egg", "hen"), module("hen", "egg"), module("farm")])
    with pytest.raises(SourceError, match=r"in a circle: egg, hen\n"):
        graph.order(["farm", "hen", "egg"])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["collecting_society"], {}),
        (
            ["company"],
            {
                "account": "depends on company",
                "bank": "depends on account",
                "collecting_society": "depends on account",
            },
        ),
        (
            ["bank", "currency"],
            {
                "collecting_society": "depends on bank",
                "company": "depends on currency",
                "account": "depends on company",
                "bank": "depends on account",
            },
        ),
    ],
)
def test_dependents(names: list[str], expected: dict[str, str]) -> None:
    assert GRAPH.dependents(names) == expected


def test_require() -> None:
    assert GRAPH.require("bank").name == "bank"
    with pytest.raises(UsageError, match="'acount'") as caught:
        GRAPH.require("acount")
    assert caught.value.remedy.startswith("did you mean account")


def test_nothing_is_near() -> None:
    assert modules.unknown("zzz", ["party"]).remedy.startswith("harness sources")


def test_installed(tmp_path: Path) -> None:
    for name in ("party", "country"):
        directory = tmp_path / "trytond" / "modules" / name
        directory.mkdir(parents=True)
        (directory / "tryton.cfg").write_text("[tryton]\nversion=7.0.2\n")
    (tmp_path / "trytond" / "modules" / "__pycache__").mkdir()
    found = list(modules.installed(tmp_path))
    assert [one.name for one in found] == ["country", "party"]
    assert {one.origin for one in found} == {Origin.INDEX}


def test_nothing_is_installed(tmp_path: Path) -> None:
    assert list(modules.installed(tmp_path)) == []
