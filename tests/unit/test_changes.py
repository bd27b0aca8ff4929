# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules a change touches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import changes, proc
from harness.errors import CommandFailed, UsageError
from harness.model import Module, Origin, Source
from harness.modules import Graph

ROOT = Path("/stack")
PATHS = {
    "collecting_society": ROOT / "examples" / "collecting_society",
    "collecting_society_web": ROOT / "examples" / "collecting_society_web",
    "party_name": ROOT / "src" / "party_name",
}
GRAPH = Graph(
    [
        Module(name=name, path=PATHS[name], version="7.0.0", depends=depends)
        for name, depends in (
            ("collecting_society_web", ("collecting_society",)),
            ("collecting_society", ("party_name", "account")),
            ("party_name", ("party",)),
        )
    ]
)


@pytest.mark.parametrize(
    ("changed", "outside", "expected"),
    [
        ({}, [], {}),
        (
            {"collecting_society_web": ["web.py"]},
            [],
            {"collecting_society_web": "web.py changed"},
        ),
        (
            {"party_name": ["party.py", "party.xml"]},
            [],
            {
                "party_name": "party.py changed",
                "collecting_society": "depends on party_name",
                "collecting_society_web": "depends on collecting_society",
            },
        ),
        (
            {"collecting_society": ["society.py"], "party_name": ["party.py"]},
            [],
            {
                "party_name": "party.py changed",
                "collecting_society": "society.py changed",
                "collecting_society_web": "depends on collecting_society",
            },
        ),
        (
            {"party_name": ["party.py"]},
            ["pyproject.toml", "noxfile.py"],
            dict.fromkeys(GRAPH, "pyproject.toml changed, outside any module"),
        ),
    ],
    ids=["nothing", "top", "bottom", "both", "outside"],
)
def test_decide(
    changed: Mapping[str, list[str]], outside: list[str], expected: Mapping[str, str]
) -> None:
    assert changes.decide(GRAPH, changed, outside) == expected


def test_dependencies_come_first() -> None:
    decided = changes.decide(
        GRAPH, {"collecting_society_web": ["a"], "party_name": ["b"]}, []
    )
    assert list(decided) == [
        "party_name", "collecting_society", "collecting_society_web",
    ]  # fmt: skip


# -- with git's answers ------------------------------------------------------


@dataclass
class Context:
    sources: Mapping[str, Source]
    graph: Graph
    environ: Mapping[str, str]


CONTEXT = Context(
    sources={
        name: Source(
            name=name,
            path=path,
            origin=Origin.SRC if "src" in path.parts else Origin.EXAMPLES,
        )
        for name, path in PATHS.items()
    },
    graph=GRAPH,
    environ={},
)


class Git:
    """What differs below each directory, in git's words."""

    def __init__(self) -> None:
        self.differs: dict[Path, str] = {}
        self.untracked: dict[Path, str] = {}

    def __call__(
        self, argv: Sequence[str], *, env: Mapping[str, str]
    ) -> proc.Completed:
        path = Path(argv[2])
        table = self.untracked if argv[3] == "ls-files" else self.differs
        if argv[3] == "diff":
            assert argv[-1] == "v1.2"
        return proc.Completed(code=0, stdout=table.get(path, ""), stderr="")


@pytest.fixture
def git(monkeypatch: pytest.MonkeyPatch) -> Git:
    fake = Git()
    monkeypatch.setattr(proc, "run", fake)
    return fake


def test_nothing_changed(git: Git) -> None:
    assert changes.select(CONTEXT, "v1.2") == {}


def test_a_change_in_a_checkout(git: Git) -> None:
    git.differs[PATHS["party_name"]] = "party.py\n"
    assert set(changes.select(CONTEXT, "v1.2")) == set(GRAPH)
    assert changes.select(CONTEXT, "v1.2", within=("party_name",)) == {
        "party_name": "party.py changed"
    }


def test_a_new_file_counts(git: Git) -> None:
    git.untracked[PATHS["collecting_society_web"]] = "report.fodt\n"
    assert changes.select(CONTEXT, "v1.2") == {
        "collecting_society_web": "report.fodt changed"
    }


def test_a_change_inside_an_example_is_not_outside(git: Git) -> None:
    git.differs[PATHS["collecting_society_web"]] = "web.py\n"
    git.differs[ROOT] = "examples/collecting_society_web/web.py\n"
    assert list(changes.select(CONTEXT, "v1.2")) == ["collecting_society_web"]


@pytest.mark.parametrize(
    "file", ["pyproject.toml", "examples/collecting_society_web2/a.py"]
)
def test_a_change_outside_concerns_all(git: Git, file: str) -> None:
    git.differs[ROOT] = f"{file}\n"
    assert changes.select(CONTEXT, "v1.2") == dict.fromkeys(
        GRAPH, f"{file} changed, outside any module"
    )


def test_a_revision_that_git_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(argv: Sequence[str], *, env: Mapping[str, str]) -> proc.Completed:
        raise CommandFailed("fatal: bad revision 'mian'")

    monkeypatch.setattr(proc, "run", run)
    with pytest.raises(UsageError, match="cannot compare") as caught:
        changes.select(CONTEXT, "mian")
    assert "bad revision 'mian'" in caught.value.checked
