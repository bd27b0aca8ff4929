# SPDX-License-Identifier: GPL-3.0-or-later
"""From changed files to modules, suites and checks."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness import config
from harness.config import Config
from harness.model import Module
from harness.modules import Graph
from harness.selection import decisions, rules
from harness.selection.decisions import Selection

CONFIGURATION = """
[tool.harness.source.society]
[tool.harness.source.society_web]
[tool.harness.source.names]
path = "lib/names"
[tool.harness.source.portal]
kind = "python"
[tool.harness.source.plugin]
kind = "python"
[tool.harness.source.worker]
kind = "python"

[tool.harness.template.master]
modules = ["society"]
data = ["data/master/master.txt"]
[tool.harness.template.test]
parent = "master"
data = ["data/test/test.txt"]
[tool.harness.template.names]
modules = ["names"]

[tool.harness.suite.tryton]
[tool.harness.suite.society]
modules = ["society", "party"]
[tool.harness.suite.portal]
kind = "pytest"
source = "portal"
sources = ["plugin"]
template = "test"
paths = ["tests"]
[tool.harness.suite.worker]
kind = "pytest"
source = "worker"
template = "names"
paths = ["tests"]

[tool.harness.check.lint]
run = ["lint"]
always = true
[tool.harness.check.docs]
run = ["docs"]
paths = ["docs/**", "**/*.md"]
[tool.harness.check.unit]
run = ["unit"]
paths = ["tests/unit/**"]
[tool.harness.check.any]
run = ["any"]

[tool.harness.rule.schema]
files = ["schema/*.json"]
selects = ["portal", "unit"]
[tool.harness.rule.notes]
files = ["harness/notes/**"]
"""
GRAPH = Graph(
    Module(name=name, path=Path("/stack") / name, version="7.0.0", depends=depends)
    for name, depends in {
        "names": ("party",),
        "society": ("names", "account"),
        "society_web": ("society",),
    }.items()
)
CHECKS = {"lint", "any"}
ALL_SUITES = {"tryton", "society", "portal", "worker"}


@pytest.fixture
def conf(tmp_path: Path) -> Config:
    for name in ("data/master/master.txt", "data/test/test.txt"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    (tmp_path / "lib/names").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(CONFIGURATION)
    return config.load(tmp_path, {}, {})


def decide(conf: Config, *files: str) -> Selection:
    return decisions.decide(files, config=conf, graph=GRAPH)


# -- what is selected --------------------------------------------------------

PARTS: Mapping[str, tuple[list[str], set[str], set[str], tuple[str, ...]]] = {
    "nothing": ([], set(), {"lint"}, ()),
    "the lowest module": (
        ["lib/names/names/party.py"],
        {"tryton", "society", "portal", "worker"},
        CHECKS,
        ("names", "society", "society_web"),
    ),
    "the middle": (
        ["src/society/release.py"],
        {"tryton", "society", "portal"},
        CHECKS,
        ("society", "society_web"),
    ),
    "its example": (
        ["examples/society/release.py"],
        {"tryton", "society", "portal"},
        CHECKS,
        ("society", "society_web"),
    ),
    "tests of a module: no template has them": (
        ["src/society/tests/scenario.rst"],
        {"tryton", "society"},
        CHECKS,
        ("society", "society_web"),
    ),
    "tests and a module above": (
        ["src/society/tests/scenario.rst", "src/society_web/web.py"],
        {"tryton", "society"},
        CHECKS,
        ("society", "society_web"),
    ),
    "tests of a package": (["src/portal/portal/tests/a.py"], {"portal"}, CHECKS, ()),
    "the top": (["src/society_web/web.py"], {"tryton"}, CHECKS, ("society_web",)),
    "a python source": (["src/portal/portal/app.py"], {"portal"}, CHECKS, ()),
    "what is installed beside": (["src/plugin/plugin.py"], {"portal"}, CHECKS, ()),
    "another": (["src/worker/setup.py"], {"worker"}, CHECKS, ()),
    "data": (["data/test/people.csv"], {"portal"}, CHECKS, ()),
    "data of the parent": (["data/master/master.txt"], {"portal"}, CHECKS, ()),
    "documents": (["docs/gate.md"], set(), CHECKS | {"docs"}, ()),
    "documents of a source": (["src/society/docs/a.md"], set(), CHECKS | {"docs"}, ()),
    "tests of the project": (["tests/unit/test_a.py"], set(), CHECKS | {"unit"}, ()),
    "a rule of the project": (
        ["schema/release.json"],
        {"portal"},
        CHECKS | {"unit"},
        (),
    ),
    "before the harness's": (["harness/notes/a/b.txt"], set(), CHECKS, ()),
    "two": (
        ["src/worker/a.py", "src/society_web/a.py"],
        {"tryton", "worker"},
        CHECKS,
        ("society_web",),
    ),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_change_selects_what_depends_on_it(conf: Config, name: str) -> None:
    files, suites, checks, modules = PARTS[name]
    found = decide(conf, *files)
    assert found.everything == ""
    assert set(found.suites) == suites
    assert set(found.checks) == checks
    assert tuple(found.modules) == modules


EVERYTHING = (
    "pyproject.toml",
    "noxfile.py",
    "nox",
    "requirements-dev.txt",
    "harness/plan.py",
    "harness/plugins/nose/order.py",
    "Dockerfiles/Dockerfile",
    "Dockerfiles/requirements/portal/locked.txt",
    ".dockerignore",
    "compose/compose.yaml",
    "compose/env/db.env",
    ".github/workflows/gate.yml",
    ".ci/run",
    "something.new",
    "src/unknown/a.py",
    "lib/other/a.py",
    "schema/deeper/release.json",
    "examples/README.rst",
)


@pytest.mark.parametrize("file", EVERYTHING)
def test_what_concerns_all_selects_all(conf: Config, file: str) -> None:
    found = decide(conf, "docs/a.md", file)
    assert found.everything.startswith(f"{file} changed (")
    assert set(found.suites) == ALL_SUITES
    assert set(found.checks) == set(conf.check)
    assert set(found.modules) == set(GRAPH)
    assert found.words == {
        "tryton": ("names", "society", "society_web"),
        "society": ("society", "party"),
    }


def test_all_by_order(conf: Config) -> None:
    found = decisions.decide(
        ["docs/a.md"], config=conf, graph=GRAPH, everything="the label 'full gate'"
    )
    assert set(found.suites.values()) == {"the label 'full gate'"}
    assert [one.file for one in found.decisions] == ["docs/a.md"]


def test_a_suite_is_narrowed_to_what_is_touched_within_its_reach(conf: Config) -> None:
    found = decide(conf, "src/society/release.py")
    assert found.words == {
        "tryton": ("society", "society_web"),
        "society": ("society",),
    }


def test_reasons_say_the_way(conf: Config) -> None:
    found = decide(conf, "lib/names/names/party.py")
    assert found.modules == {
        "names": "lib/names/names/party.py changed",
        "society": "depends on names",
        "society_web": "depends on society",
    }
    assert found.suites["portal"] == "template master has society: depends on names"
    assert found.checks == {
        "lint": "lib/names/names/party.py changed",
        "any": "lib/names/names/party.py changed",
    }
    assert decide(conf, "data/master/a.csv").suites == {
        "portal": "template test: stands on master"
    }


def test_an_example_counts_also_where_a_checkout_hides_it(conf: Config) -> None:
    assert decide(conf, "examples/portal/a.py").suites == {
        "portal": "examples/portal/a.py changed"
    }


def test_a_source_as_a_whole(conf: Config) -> None:
    assert set(decide(conf, "src/portal/").suites) == {"portal"}


def test_a_module_that_cannot_be_read_selects_all(conf: Config) -> None:
    found = decisions.decide(["src/society/tryton.cfg"], config=conf, graph=Graph([]))
    assert "society cannot be read" in found.everything


def test_naming_a_suite_of_modules_selects_all_of_it(
    conf: Config, tmp_path: Path
) -> None:
    more = '[tool.harness.rule.x]\nfiles = ["x"]\nselects = ["tryton", "society"]\n'
    (tmp_path / "pyproject.toml").write_text(CONFIGURATION + more)
    found = decide(config.load(tmp_path, {}, {}), "x", "src/society_web/a.py")
    assert found.words == {
        "tryton": ("names", "society", "society_web"),
        "society": ("society", "party"),
    }


def test_a_name_of_one_kind(conf: Config, tmp_path: Path) -> None:
    more = '[tool.harness.rule.x]\nfiles = ["x"]\nselects = ["source:portal"]\n'
    (tmp_path / "pyproject.toml").write_text(
        CONFIGURATION.replace("source.portal", "source.shop").replace(
            'source = "portal"', 'source = "shop"'
        )
        + more.replace("portal", "shop")
    )
    found = decide(config.load(tmp_path, {}, {}), "x")
    assert found.suites == {"portal": "x changed"}


def test_decisions_are_by_the_first_rule_that_matches(conf: Config) -> None:
    found = decide(conf, "src/society/a.py", "docs/a.md", "what")
    assert [(one.file, one.rule, one.selects) for one in found.decisions] == [
        ("src/society/a.py", "source society", ("source:society",)),
        ("docs/a.md", "documents", ()),
        ("what", "no rule knows it", ("all",)),
    ]


def test_what_a_template_reads_and_a_source_of_data(tmp_path: Path) -> None:
    (tmp_path / "lib/docker/data").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(
        "[tool.harness.source.docker]\nkind='data'\npath='lib/docker'\n"
        "[tool.harness.source.s]\nkind='python'\n"
        "[tool.harness.template.m]\ncommand=['python', 'x.py']\n"
        "reads=['lib/docker/data']\n"
        "[tool.harness.suite.s]\nkind='pytest'\nsource='s'\ntemplate='m'\n"
        "paths=['tests']\n"
    )
    made = config.load(tmp_path, {}, {})
    read = decisions.decide(["lib/docker/data/a.csv"], config=made, graph=Graph([]))
    assert (read.everything, set(read.suites)) == ("", {"s"})
    other = decisions.decide(["lib/docker/Dockerfile"], config=made, graph=Graph([]))
    assert "docker is data" in other.everything


def test_data_in_the_root_is_only_itself(tmp_path: Path) -> None:
    (tmp_path / "master.dat").touch()
    (tmp_path / "pyproject.toml").write_text(
        '[tool.harness.template.m]\ndata = ["master.dat"]\n'
        "[tool.harness.source.s]\nkind='python'\n"
        "[tool.harness.suite.s]\nkind='pytest'\nsource='s'\ntemplate='m'\n"
        "paths=['tests']\n"
    )
    made = config.load(tmp_path, {}, {})
    empty = Graph([])
    one = decisions.decide(["master.dat"], config=made, graph=empty)
    assert (one.everything, set(one.suites)) == ("", {"s"})
    assert decisions.decide(["other.dat"], config=made, graph=empty).everything


# -- patterns ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "file", "expected"),
    [
        ("a.py", "a.py", True),
        ("a.py", "b/a.py", False),
        ("*.py", "a.py", True),
        ("*.py", "b/a.py", False),
        ("**/*.py", "a.py", True),
        ("**/*.py", "b/c/a.py", True),
        ("b/**", "b/c/a.py", True),
        ("b/**", "b", True),
        ("b/**", "b/", True),
        ("b/**", "bc/a.py", False),
        ("b/**/a.py", "b/a.py", True),
        ("b/**/a.py", "b/c/d/a.py", True),
        ("b/**/a.py", "b/c/xa.py", False),
        ("?.py", "a.py", True),
        ("?.py", "ab.py", False),
        ("a+b.(x)", "a+b.(x)", True),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", False),
        ("a.py", "a_py", False),
        ("*", "with space\nand line", True),
    ],
)
def test_patterns(pattern: str, file: str, *, expected: bool) -> None:
    assert rules.matches(file, [pattern]) is expected


def test_a_source_with_a_star_in_its_name_is_itself(tmp_path: Path) -> None:
    (tmp_path / "lib/a*").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(
        "[tool.harness.source.s]\nkind='python'\npath='lib/a*'\n"
    )
    made = config.load(tmp_path, {}, {})
    inside = decisions.decide(["lib/a*/x.py"], config=made, graph=Graph([]))
    outside = decisions.decide(["lib/ab/x.py"], config=made, graph=Graph([]))
    assert inside.everything == ""
    assert outside.everything


# -- this project --------------------------------------------------------------

HERE = config.load(Path(__file__).parents[3], {"HARNESS_PROFILE": "none"}, {})
OURS = Graph([Module(name="collecting_society", path=Path("/e"), version="7.0.0")])


@pytest.mark.parametrize(
    ("file", "suites", "checks"),
    [
        (
            "examples/collecting_society/creation.py",
            ["tryton", "portal", "api", "processing", "integration"],
            ["lint", "templates", "style"],
        ),
        (
            "src/collecting_society/tests/test_module.py",
            ["tryton"],
            ["lint", "style"],
        ),
        (
            "examples/portal_web/portal_web/tests/unit/test_a.py",
            ["portal", "api", "integration"],
            ["lint", "style"],
        ),
        (
            "examples/collecting_society_worker/tests/unit/test_a.py",
            ["processing", "integration"],
            ["lint", "style"],
        ),
        ("docs/gate.md", [], ["lint", "unit", "docs"]),
    ],
)
def test_a_change_of_one_file_here(
    file: str, suites: list[str], checks: list[str]
) -> None:
    found = decisions.decide([file], config=HERE, graph=OURS)
    assert not found.everything
    assert list(found.suites) == suites
    assert list(found.checks) == checks
