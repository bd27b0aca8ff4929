# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests saved files concern."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.config import Config, SourceTable, SuiteTable
from harness.model import Source
from harness.modules import Graph
from harness.selection import affected
from harness.selection.affected import Concerned, Traced


@dataclass
class Context:
    config: Config
    sources: Mapping[str, Source] = field(default_factory=dict)
    graph: Graph = field(default_factory=lambda: Graph([]))
    environ: Mapping[str, str] = field(default_factory=dict)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A project with a source, two files of tests and a helper of theirs."""
    tests = tmp_path / "src" / "shop" / "tests"
    tests.mkdir(parents=True)
    for name in ("test_a.py", "test_b.py", "helper.py", "test_new.py"):
        (tests / name).touch()
    return tmp_path


def find(place: Path, *names: str, traced: Traced | None = None) -> Concerned | None:
    config = Config(
        root=place,
        source={"shop": SourceTable(kind="python")},
        suite={"shop": SuiteTable(kind="pytest", source="shop")},
    )
    tests = place / "src" / "shop" / "tests"
    known = {tests / "test_a.py": ["a1", "a2"], tests / "test_b.py": ["b1", "b2"]}
    saved = [place / one for one in names]
    return affected.find(Context(config), "shop", saved, known, traced)


SOURCE = "src/shop/shop.py"
TESTS = "src/shop/tests"


def test_a_file_of_tests_concerns_its_own(place: Path) -> None:
    found = find(place, f"{TESTS}/test_b.py")
    assert found == Concerned(
        files=(place / TESTS / "test_b.py",), why=f"{TESTS}/test_b.py"
    )


def test_one_that_was_made_just_now(place: Path) -> None:
    found = find(place, f"{TESTS}/test_new.py", f"{TESTS}/test_a.py")
    assert found is not None
    assert [one.name for one in found.files or ()] == ["test_a.py", "test_new.py"]
    assert found.why == f"{TESTS}/test_a.py and 1 more"


@pytest.mark.parametrize("name", [SOURCE, f"{TESTS}/helper.py", "pyproject.toml"])
def test_what_the_rules_say_concerns_all(place: Path, name: str) -> None:
    assert find(place, name) == Concerned(files=None, why=name)
    assert find(place, name, f"{TESTS}/test_a.py") == Concerned(files=None, why=name)


def test_documents_and_what_is_gone_concern_nothing(place: Path) -> None:
    assert find(place, "docs/index.md") is None
    (place / TESTS / "test_a.py").unlink()
    assert find(place, f"{TESTS}/test_a.py") is None
    both = find(place, "docs/index.md", f"{TESTS}/test_b.py")
    assert both is not None
    assert both.files == (place / TESTS / "test_b.py",)


def test_why_names_what_concerns(place: Path) -> None:
    found = find(place, "docs/index.md", SOURCE)
    assert found == Concerned(files=None, why=SOURCE)


ALL = frozenset({"a1", "a2", "b1", "b2"})


@pytest.mark.parametrize(
    ("names", "known", "stale", "files", "left"),
    [
        ([SOURCE], ALL, {"a1"}, ["test_a.py"], ALL - {"a1"}),
        ([SOURCE], ALL - {"b2"}, {"a1"}, ["test_a.py", "test_b.py"], {"a2", "b1"}),
        ([SOURCE], ALL, (), [], ALL),
        ([SOURCE], (), (), ["test_a.py", "test_b.py"], ()),
        (["docs/index.md"], ALL, {"b1"}, ["test_b.py"], ALL - {"b1"}),
        ([f"{TESTS}/test_a.py"], ALL, (), [], ALL),
        ([f"{TESTS}/test_a.py"], ALL, {"a1"}, ["test_a.py"], ALL - {"a1"}),
        ([f"{TESTS}/test_a.py"], {"a1"}, (), ["test_a.py"], ALL - {"a2"}),
        ([f"{TESTS}/test_new.py"], ALL, {"b1"}, ["test_b.py", "test_new.py"],
         ALL - {"b1"}),
        ([], ALL, {"a2"}, ["test_a.py"], ALL - {"a2"}),
    ],
)  # fmt: skip
def test_of_tests_with_a_trace_that_decides(
    place: Path,
    names: list[str],
    known: Set[str],
    stale: Iterable[str],
    files: list[str],
    left: Set[str],
) -> None:
    """Of the others the rules; a file of tests whose tests hold has no new ones."""
    traced = Traced(known=frozenset(known), stale=dict.fromkeys(stale, frozenset()))
    found = find(place, *names, traced=traced)
    assert found is not None
    assert [one.name for one in found.files or ()] == files
    assert found.left == frozenset(left)
    assert found.why == (names[0] if names else "since they last ran")
    ruled = names != ["docs/index.md"] and (known != ALL or "new" in str(names))
    assert found.ruled is ruled


@pytest.mark.parametrize("known", [ALL, frozenset()])
def test_documents_concern_none_whose_trace_holds(place: Path, known: Set[str]) -> None:
    assert find(place, "docs/index.md", traced=Traced(known=known, stale={})) is None


def test_tests_of_a_file_that_is_gone_do_not_run(place: Path) -> None:
    (place / TESTS / "test_a.py").unlink()
    traced = Traced(known=ALL, stale={"a1": frozenset(), "b1": frozenset()})
    found = find(place, f"{TESTS}/test_a.py", traced=traced)
    assert found is not None
    assert [one.name for one in found.files or ()] == ["test_b.py"]
