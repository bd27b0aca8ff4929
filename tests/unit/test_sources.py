# SPDX-License-Identifier: GPL-3.0-or-later
"""Which place a source is taken from, and what git says of it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from harness import proc, sources
from harness.config import Config, SourceTable
from harness.errors import CommandFailed, HarnessError, MissingTool, SourceError
from harness.model import Module, Origin, Source

ENVIRON = {"PATH": "/usr/bin"}


class Git:
    """Answers git's questions from a table: path → (revision, status)."""

    def __init__(self) -> None:
        self.repositories: dict[Path, tuple[str, str]] = {}
        self.error: HarnessError = CommandFailed("not a git repository")
        self.asked: list[tuple[str, ...]] = []

    def __call__(
        self, argv: Sequence[str | Path], *, env: Mapping[str, str]
    ) -> proc.Completed:
        assert env is ENVIRON
        program, option, path, command, *_ = map(str, argv)
        assert (program, option) == ("git", "-C")
        self.asked.append((command, path))
        assert "--untracked-files=no" not in argv
        if Path(path) not in self.repositories:
            raise self.error
        revision, status = self.repositories[Path(path)]
        return proc.Completed(
            code=0,
            stdout={"describe": f"{revision}\n", "status": status}[command],
            stderr="",
        )


@pytest.fixture
def git(monkeypatch: pytest.MonkeyPatch) -> Git:
    fake = Git()
    monkeypatch.setattr(proc, "run", fake)
    return fake


def config(root: Path, **tables: SourceTable) -> Config:
    return Config(root=root, source=tables)


def resolved(root: Path, name: str, **table: str) -> Source | None:
    made = config(root, **{name: SourceTable(**table)})
    return sources.resolve(made, ENVIRON).get(name)


def test_the_checkout_comes_before_the_example(tmp_path: Path, git: Git) -> None:
    for place in ("src", "examples"):
        (tmp_path / place / "collecting_society").mkdir(parents=True)
    git.repositories[tmp_path / "src" / "collecting_society"] = ("7.0.3-2-g1a2b", "")
    assert resolved(tmp_path, "collecting_society") == Source(
        name="collecting_society",
        path=tmp_path / "src" / "collecting_society",
        origin=Origin.SRC,
        revision="7.0.3-2-g1a2b",
        dirty=False,
    )


def test_the_example_serves(tmp_path: Path, git: Git) -> None:
    path = tmp_path / "examples" / "collecting_society"
    path.mkdir(parents=True)
    git.repositories[path] = ("1a2b3c4d", " M society.py\n")
    found = resolved(tmp_path, "collecting_society")
    assert found is not None
    assert (found.origin, found.path, found.dirty) == (Origin.EXAMPLES, path, True)
    assert str(found) == "collecting_society (examples 1a2b3c4d dirty)"


@pytest.mark.parametrize(
    ("status", "dirty"),
    [
        ("?? new.py\n", True),
        ("?? notes/\n", True),
        ("?? collecting_society.egg-info/\n", False),
        ('?? tests/__pycache__/\n?? ".pytest_cache/"\n', False),
        ("?? collecting_society.egg-info/\n M society.py\n", True),
        (" M x.egg-info/PKG-INFO\n", True),
    ],
)
def test_files_that_git_does_not_know_count(
    tmp_path: Path, git: Git, status: str, dirty: bool
) -> None:
    """But for what our own installation leaves in a source that does not ignore it."""
    path = tmp_path / "src" / "collecting_society"
    path.mkdir(parents=True)
    git.repositories[path] = ("1a2b3c4d", status)
    found = resolved(tmp_path, "collecting_society")
    assert found is not None
    assert found.dirty == dirty


def test_a_file_is_no_checkout(tmp_path: Path, git: Git) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "portal_web").touch()
    assert resolved(tmp_path, "portal_web") is None
    assert git.asked == []


def test_other_directories_may_be_configured(tmp_path: Path, git: Git) -> None:
    path = tmp_path / "bundled" / "portal_web"
    path.mkdir(parents=True)
    made = Config(
        root=tmp_path, examples="bundled", source={"portal_web": SourceTable()}
    )
    assert sources.resolve(made, ENVIRON)["portal_web"].path == path


def test_a_configured_path_is_the_only_place(tmp_path: Path, git: Git) -> None:
    (tmp_path / "examples" / "party_extension").mkdir(parents=True)
    assert resolved(tmp_path, "party_extension", path="vendor/extension") is None
    (tmp_path / "vendor" / "extension").mkdir(parents=True)
    found = resolved(tmp_path, "party_extension", path="vendor/extension")
    assert found is not None
    assert (found.path, found.origin) == (tmp_path / "vendor/extension", Origin.SRC)


@pytest.mark.parametrize(
    "error", [CommandFailed("not a git repository"), MissingTool("git is not there")]
)
def test_no_git_is_no_error(tmp_path: Path, git: Git, error: HarnessError) -> None:
    git.error = error
    (tmp_path / "src" / "portal_web").mkdir(parents=True)
    found = resolved(tmp_path, "portal_web")
    assert found is not None
    assert (found.revision, found.dirty) == ("", False)
    assert str(found) == "portal_web (src)"


# -- the module of a source --------------------------------------------------


def source(path: Path, name: str = "collecting_society") -> Source:
    return Source(name=name, path=path, origin=Origin.SRC)


def test_the_module_in_the_root(write_module: Callable[..., Path]) -> None:
    path = write_module("checkout")
    found = sources.module_of(source(path))
    assert (found.name, found.path) == ("collecting_society", path)
    assert found.origin is Origin.SRC


def test_the_module_one_below(write_module: Callable[..., Path]) -> None:
    path = write_module("checkout/collecting_society")
    assert sources.module_of(source(path.parent)).path == path


def test_no_module(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="collecting_society is no Tryton") as caught:
        sources.module_of(source(tmp_path))
    assert str(tmp_path / "collecting_society") in caught.value.checked


@pytest.mark.parametrize("name", ["test_module.py", "scenario_distribution.rst"])
def test_tests_of(tmp_path: Path, name: str) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / name).touch()
    module = Module(name="party", path=tmp_path, version="7.0.0")
    assert sources.tests_of(module) == tmp_path / "tests"


@pytest.mark.parametrize("names", [[], ["__init__.py", "tools.py", "README.rst"]])
def test_a_module_without_tests(tmp_path: Path, names: list[str]) -> None:
    (tmp_path / "tests").mkdir()
    for name in names:
        (tmp_path / "tests" / name).touch()
    with pytest.raises(SourceError, match="the module party has no tests"):
        sources.tests_of(Module(name="party", path=tmp_path, version="7.0.0"))


# -- half of a profile's -------------------------------------------------------

PROFILE = """
    [tool.harness.source.a]
    repository = "https://x.example/a"
    [tool.harness.profile.theirs]
    when = ["src/a/setup.py", "src/b"]
    [tool.harness.profile.theirs.source.a]
    [tool.harness.profile.theirs.source.c]
    repository = "https://x.example/c"
"""


def whole(root: Path, chosen: str, *names: str) -> str:
    """What is refused where the sources that matter are `names`, or all."""
    try:
        sources.check_whole(Config(root=root, profile=chosen), names or None)
    except SourceError as error:
        return f"{error.code} {error.message}: {error.remedy}"
    return ""


def test_no_example_stands_in_for_what_is_not_cloned(tmp_path: Path) -> None:
    assert not whole(tmp_path, ""), "there is no file of settings"
    (tmp_path / "pyproject.toml").write_text(PROFILE)
    assert not whole(tmp_path, "")
    (tmp_path / "src" / "b").mkdir(parents=True)
    said = whole(tmp_path, "", "b")
    assert said.startswith("2 some sources of the profile theirs are there")
    assert "some are not: src/a, src/c: " in said
    clone = "git clone https://x.example"
    assert f"{clone}/a src/a && {clone}/c src/c (or, if" in said
    assert not whole(tmp_path, "none"), "that is meant"


def test_what_a_profile_has_more_than_it_is_taken_for(tmp_path: Path) -> None:
    """It is taken without them, and a run needs perhaps none."""
    (tmp_path / "pyproject.toml").write_text(PROFILE)
    for name in ("a", "b"):
        (tmp_path / "src" / name).mkdir(parents=True)
    (tmp_path / "src" / "a" / "setup.py").touch()
    assert not whole(tmp_path, "theirs", "a", "b")
    assert "are not: src/c" in whole(tmp_path, "theirs", "a", "c")
    assert "are not: src/c" in whole(tmp_path, "theirs")
    (tmp_path / "src" / "c").mkdir()
    assert not whole(tmp_path, "theirs")
