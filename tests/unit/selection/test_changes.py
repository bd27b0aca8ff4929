# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules a change touches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import proc
from harness.config import Config, SourceTable, SuiteTable
from harness.errors import CommandFailed, NothingSelected, UsageError
from harness.model import Module, Origin, Source
from harness.modules import Graph
from harness.selection import changes

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


# -- with git's answers ------------------------------------------------------


@dataclass
class Context:
    sources: Mapping[str, Source]
    graph: Graph
    environ: Mapping[str, str]
    config: Config


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
    environ={"GIT_DIR": "/elsewhere/.git", "GIT_AUTHOR_NAME": "A"},
    config=Config(
        root=ROOT,
        source={name: SourceTable() for name in PATHS},
        suite={"tryton": SuiteTable()},
    ),
)
PARTY = PATHS["party_name"]


class Git:
    """Repositories by their top, what differs in each, in git's words."""

    def __init__(self) -> None:
        self.differs: dict[Path, str] = {}
        self.untracked: dict[Path, str] = {}
        self.patches: dict[Path, str] = {}
        self.tops = {ROOT, PARTY}
        self.ignored: set[str] = set()
        self.strangers: set[Path] = set()

    def __call__(
        self, argv: Sequence[str], *, env: Mapping[str, str], check: bool = True
    ) -> proc.Completed:
        assert env == {"GIT_AUTHOR_NAME": "A"}
        path = Path(argv[2])
        top = next(one for one in (path, *path.parents) if one in self.tops)
        code, out = 0, ""
        if argv[3] == "rev-parse":
            out = f"{top}\n"
        elif argv[3] == "check-ignore":
            code = int(argv[-1] not in self.ignored)
        elif argv[3] == "merge-base":
            code, out = int(top in self.strangers), "fork\n"
        elif argv[3] == "ls-files":
            out = self.untracked.get(path, "")
        elif top in self.strangers:
            raise CommandFailed("fatal: bad revision 'v1.2'")
        elif "--unified=0" in argv:
            out = self.patches.get(path, "")
        else:
            assert "fork" in argv
            assert "--no-renames" in argv
            out = self.differs.get(path, "")
        return proc.Completed(code=code, stdout=out, stderr="")


@pytest.fixture
def git(monkeypatch: pytest.MonkeyPatch) -> Git:
    fake = Git()
    monkeypatch.setattr(proc, "run", fake)
    return fake


def test_nothing_changed(git: Git) -> None:
    assert changes.select(CONTEXT, "v1.2") == {}
    assert changes.files(CONTEXT, "v1.2") == ()


def test_a_change_in_a_checkout(git: Git) -> None:
    git.differs[PARTY] = "party.py\0"
    assert set(changes.select(CONTEXT, "v1.2")) == set(GRAPH)
    assert changes.select(CONTEXT, "v1.2", within=("party_name",)) == {
        "party_name": "src/party_name/party.py changed"
    }


def test_dependencies_come_first(git: Git) -> None:
    git.differs[PARTY] = "party.py\0"
    git.differs[ROOT] = "examples/collecting_society_web/web.py\0"
    assert list(changes.select(CONTEXT, "v1.2")) == [
        "party_name", "collecting_society", "collecting_society_web",
    ]  # fmt: skip


def test_a_new_file_counts(git: Git) -> None:
    name = "examples/collecting_society_web/a report\n.fodt"
    git.untracked[ROOT] = f"{name}\0"
    assert changes.select(CONTEXT, "v1.2") == {
        "collecting_society_web": f"{name} changed"
    }


def test_a_checkout_that_the_project_ignores_and_git_does_not_know(git: Git) -> None:
    git.tops.remove(PARTY)
    git.ignored.add("src/party_name")
    assert changes.files(CONTEXT, "v1.2") == ("src/party_name/",)


@pytest.mark.parametrize(
    "file", ["pyproject.toml", "examples/collecting_society_web2/a.py"]
)
def test_a_change_outside_concerns_all(git: Git, file: str) -> None:
    git.differs[ROOT] = f"{file}\0"
    found = changes.select(CONTEXT, "v1.2")
    assert list(found) == list(GRAPH.order(GRAPH))
    assert all(why.startswith(f"{file} changed (") for why in found.values())


def test_a_suite_of_which_nothing_changed(git: Git) -> None:
    with pytest.raises(NothingSelected, match="since v1"):
        changes.require(CONTEXT, "v1.2", "tryton")
    git.differs[PARTY] = "party.py\0"
    changes.require(CONTEXT, "v1.2", "tryton")


def test_a_revision_that_git_does_not_know(git: Git) -> None:
    git.strangers.add(ROOT)
    with pytest.raises(UsageError, match="cannot compare") as caught:
        changes.files(CONTEXT, "v1.2")
    assert "bad revision 'v1.2'" in caught.value.checked


def test_a_checkout_that_does_not_know_the_revision_changed_as_a_whole(
    git: Git,
) -> None:
    git.strangers.add(PARTY)
    assert changes.files(CONTEXT, "v1.2") == ("src/party_name/",)
    with pytest.raises(UsageError, match="cannot compare"):
        changes.select(CONTEXT, "v1.2")


PATCH = """\
diff --git a/party.py b/party.py
--- a/party.py
+++ b/party.py
@@ -3,0 +4,2 @@ def f():
+    one
+    two
"""


def test_lines_of_all_repositories(git: Git) -> None:
    git.patches[PARTY] = PATCH
    git.patches[ROOT] = PATCH.replace("party.py", "harness/a.py")
    assert changes.patch(CONTEXT, "v1.2") == {
        "harness/a.py": {4, 5},
        "src/party_name/party.py": {4, 5},
    }
