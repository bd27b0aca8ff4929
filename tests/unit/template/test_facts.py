# SPDX-License-Identifier: GPL-3.0-or-later
"""What a layer is made of beside its modules' files, and whether it still is so."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import TemplateError
from harness.model import Module, Origin
from harness.modules import Graph
from harness.template.layer import Document, Layer, Program, Request
from harness.template.layers import Layers
from harness.template.layers import Surroundings as Around
from harness.template.watch import FileWatch

SCRIPT = """\
    >>> from proteus import Model
    >>> from trytond.modules.society.tests import tools
    >>> import helpers.dates, sql
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "src/society/tryton.cfg": "[tryton]",
        "src/society/__init__.py": "import lxml",
        "src/society/tests/__init__.py": "",
        "src/society/tests/tools.py": "from . import more\nfrom .other import x",
        "src/society/tests/more.py": "",
        "src/society/tests/other.py": "",
        "src/society/tests/test_society.py": "",
        "helpers/dates.py": "import helpers.deep",
        "helpers/deep.py": "",
        "data/script.txt": SCRIPT,
        "data/rows.csv": "a",
        "data/rates.json": "{}",
        "data/more/x.yaml": "",
        "data/other.txt": "",
        "elsewhere/prices.dat": "1",
        "script.txt": SCRIPT,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    site = tmp_path / "site-packages"
    for name, version in (("lxml", "5"), ("python_sql", "1"), ("society", "7")):
        directory = site / f"{name}-{version}.dist-info"
        directory.mkdir(parents=True)
        (directory / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    (site / "python_sql-1.dist-info" / "RECORD").write_text("sql/__init__.py,,\n")
    (site / "society-7.dist-info" / "METADATA").write_text(
        "Name: society\nVersion: 7\nRequires-Dist: python-sql\n"
    )
    (site / "society-7.dist-info" / "entry_points.txt").write_text(
        "[trytond.modules]\nsociety = society\n"
    )
    return tmp_path


Make = Callable[..., Layer]


@pytest.fixture
def make(root: Path) -> Make:
    module = Module(
        name="society", path=root / "src/society", version="7", origin=Origin.SRC
    )
    around = Around(
        series="7.0", python="3.11", database="x", site=root / "site-packages"
    )

    def resolve(*data: Document | Program, reads: tuple[str, ...] = ()) -> Layer:
        layers = Layers(Graph([module]), around, root=root, reads=reads)
        return layers.resolve(Request(modules=("society",), data=data))

    return resolve


@pytest.fixture
def document(root: Path) -> Document:
    return Document(path=root / "data/script.txt", root=root)


def test_what_a_script_depends_on(make: Make, document: Document) -> None:
    assert set(make(document).facts) == {
        "reclimit",
        "data script.txt",
        "data rows.csv",
        "data rates.json",
        "data more/x.yaml",
        "import src/society/tests/__init__.py",
        "import src/society/tests/tools.py",
        "import src/society/tests/more.py",
        "import src/society/tests/other.py",
        "import helpers/dates.py",
        "import helpers/deep.py",
        "package python-sql",
    }


def test_a_script_in_the_root_is_not_made_of_the_whole_project(
    make: Make, root: Path
) -> None:
    (root / "beside.json").write_text("{}")
    (root / "pyproject.toml").write_text("")
    found = make(Document(path=root / "script.txt", root=root)).facts
    assert [name for name in found if name.startswith("data ")] == [
        "data script.txt",
        "data beside.json",
    ]


def test_what_a_script_says_that_it_reads(make: Make, document: Document) -> None:
    found = make(replace(document, reads=("elsewhere",))).facts
    assert "read elsewhere/prices.dat" in found


def test_what_a_source_says_that_it_reads(make: Make) -> None:
    found = make(reads=("elsewhere/prices.dat",))
    assert "read elsewhere/prices.dat" in found.facts
    assert found.parent is not None
    assert "read elsewhere/prices.dat" not in found.parent.facts


def test_packages_of_a_source(make: Make) -> None:
    """Those that it imports, and those that its packaging requires."""
    found = make().facts
    assert {name for name in found if name.startswith("package")} == {
        "package lxml",
        "package python-sql",
        "package society",
    }


@pytest.mark.parametrize(
    ("line", "dated", "expected"),
    [
        (">>> import datetime", "auto", False),
        (">>> today = datetime.date.today()", "auto", True),
        (">>> x = dt.datetime.now(dt.UTC)", "auto", True),
        (">>> x = time.time()", "auto", True),
        (">>> x = datetime.date.today()", "never", False),
        (">>> x = 1", "always", True),
    ],
)
def test_the_date(
    make: Make, document: Document, line: str, dated: str, *, expected: bool
) -> None:
    document.path.write_text(line)
    found = make(replace(document, dated=dated)).facts  # type: ignore[arg-type]
    assert ("day" in found) is expected
    if expected:
        assert found["day"] == time.strftime("%Y-%m-%d")


def test_the_date_in_a_helper(make: Make, document: Document, root: Path) -> None:
    (root / "helpers/deep.py").write_text("TODAY = date.today()")
    assert "day" in make(document).facts


def test_the_date_in_a_program(make: Make, root: Path) -> None:
    (root / "elsewhere/fill.py").write_text("print(date.today())")
    program = Program(
        name="x", argv=("x",), root=root, directory=root, reads=("elsewhere",)
    )
    assert "day" in make(program).facts
    assert "day" not in make(replace(program, dated="never")).facts


# -- whether it is still so ----------------------------------------------------


def test_nothing_changed(make: Make, document: Document) -> None:
    assert make(document).changes() == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data/script.txt", "data script.txt changed"),
        ("helpers/dates.py", "import helpers/dates.py changed"),
        ("src/society/__init__.py", "file society/__init__.py changed"),
        ("src/society/new.xml", "file society/new.xml is new"),
        ("data/new.csv", "data new.csv is new"),
    ],
)
def test_a_file_was_changed(
    make: Make, document: Document, root: Path, path: str, expected: str
) -> None:
    """Also in a layer below: the process that fills this one has imported it."""
    layer = make(document)
    (root / path).write_text("import os  # changed")
    assert expected in layer.changes()


def test_a_file_is_gone(make: Make, document: Document, root: Path) -> None:
    layer = make(document)
    (root / "data/rows.csv").unlink()
    assert layer.changes() == ["data rows.csv is gone"]
    document.path.unlink()
    assert any("script.txt: No such file" in one for one in layer.changes())


def test_a_change_that_was_taken_back(
    make: Make, document: Document, root: Path
) -> None:
    """As by switching a branch and back: what was built in between is not this."""
    layer = make(document)
    path = root / "data/rows.csv"
    other = path.with_name("other")
    other.write_text(path.read_text())
    os.replace(other, path)
    assert layer.changes() == ["data rows.csv was written"]


def test_a_package_was_installed(make: Make, root: Path) -> None:
    layer = make()
    site = root / "site-packages"
    (site / "lxml-5.dist-info" / "METADATA").write_text("Name: lxml\nVersion: 6\n")
    os.utime(site, ns=(1, 1))
    assert layer.changes() == ["package lxml changed"]


# -- what was read -------------------------------------------------------------


@pytest.fixture
def watch(root: Path) -> FileWatch:
    return FileWatch(
        root=root,
        roots=(root,),
        apart=(root / "state",),
        modules=(root / "src/society", root / "src/second"),
    )


@pytest.mark.parametrize(
    "path",
    [
        "data/rows.csv",
        "src/society/__init__.py",
        "helpers/deep.py",
        "state/link/x.py",
        "src/second/second.py",
        ".hidden/x",
        "site-packages/x.py",
        "src/society/society.egg-info/PKG-INFO",
        "was/there.tmp",
        "../outside",
    ],
)
def test_what_may_be_read(
    make: Make, document: Document, watch: FileWatch, root: Path, path: str
) -> None:
    if not path.startswith("was"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    watch.require(make(document), [os.path.abspath(root / path)])


@pytest.mark.parametrize(
    "path",
    [
        "elsewhere/prices.dat",
        "src/society/tests/test_society.py",
        "src/society/README.rst",
        "data/other.txt",
    ],
)
def test_what_no_digest_knows(
    make: Make, document: Document, watch: FileWatch, root: Path, path: str
) -> None:
    (root / path).touch()
    with pytest.raises(
        TemplateError, match=rf"it read {path}, and its digest"
    ) as error:
        watch.require(make(document), [str(root / path)])
    assert path in error.value.remedy


def test_a_known_file_by_another_path(
    make: Make, document: Document, watch: FileWatch, root: Path
) -> None:
    (root / "link").symlink_to(root / "data")
    watch.require(make(document), [str(root / "link/rows.csv")])


def test_a_project_inside_of_the_state_directory(
    make: Make, document: Document, watch: FileWatch, root: Path
) -> None:
    inside = replace(watch, apart=(root.parent,))
    with pytest.raises(TemplateError, match=r"prices\.dat"):
        inside.require(make(document), [str(root / "elsewhere/prices.dat")])
