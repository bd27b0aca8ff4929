# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests saved files concern."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.config import Config, SourceTable, SuiteTable
from harness.model import Source
from harness.modules import Graph
from harness.selection import affected
from harness.selection.affected import Concerned


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


def find(place: Path, *names: str) -> Concerned | None:
    config = Config(
        root=place,
        source={"shop": SourceTable(kind="python")},
        suite={"shop": SuiteTable(kind="pytest", source="shop")},
    )
    tests = place / "src" / "shop" / "tests"
    known = {tests / "test_a.py": [], tests / "test_b.py": []}
    return affected.find(Context(config), "shop", [place / one for one in names], known)


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
