# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that are laid over the file's: which are taken, and what may stand there."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness import config
from harness.config import Config
from harness.errors import ConfigError

TEXT = """
    [tool.harness]
    jobs = 1
    [tool.harness.suite.portal]
    kind = "tryton"
    options = ["-x"]
    [tool.harness.profile.c3s]
    when = ["src/portal/setup.py", "src/more"]
    jobs = 2
    [tool.harness.profile.c3s.pool]
    cap = 3
    [tool.harness.profile.c3s.suite.portal]
    modules = ["society"]
    [tool.harness.profile.c3s.suite.more]
    [tool.harness.profile.slow.pool]
    cap = 1
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(TEXT)
    return tmp_path


def clone(root: Path) -> None:
    (root / "src/more").mkdir(parents=True)
    (root / "src/portal").mkdir()
    (root / "src/portal/setup.py").touch()


def load(root: Path, option: str = "", **environ: str) -> Config:
    given = {"profile": (option, "--profile")} if option else {}
    return config.load(root, environ, given)


def problems(
    root: Path, text: str = "", environ: Mapping[str, str] | None = None
) -> list[str]:
    if text:
        (root / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        config.load(root, environ or {}, {})
    return [line.strip() for line in caught.value.message.splitlines()[1:]]


# -- which one ---------------------------------------------------------------


def test_none_is_taken_where_its_files_are_not(root: Path) -> None:
    made = load(root)
    assert (made.profile, made.jobs, made.pool.cap) == ("", 1, 32)
    assert list(made.suite) == ["portal"]
    (root / "src/more").mkdir(parents=True)
    assert load(root).profile == ""


def test_what_is_asked_for_and_lacks_its_sources_is_one_problem(root: Path) -> None:
    """Not one for each setting that needs a file of theirs."""
    text = TEXT.replace(
        "[tool.harness.profile.c3s.pool]",
        """[tool.harness.profile.c3s.source.more]
        repository = "https://x.example/more"
        [tool.harness.profile.c3s.pool]""",
    )
    (root / "pyproject.toml").write_text(
        f"""{text}
        [tool.harness.profile.c3s.suite.one]
        environment_files = ["src/more/a", "src/more/b"]
        """
    )
    (root / "src/portal").mkdir(parents=True)
    (root / "src/portal/setup.py").touch()
    with pytest.raises(ConfigError) as caught:
        load(root, "c3s")
    assert caught.value.message == "the profile c3s is asked for, and lacks src/more"
    assert "git clone https://x.example/more src/more" in caught.value.remedy
    clone_ = root / "src/more"
    clone_.mkdir()
    with pytest.raises(ConfigError, match="2 problems"):
        load(root, "c3s")


def test_one_is_taken_by_itself_where_all_its_files_are(root: Path) -> None:
    clone(root)
    made = load(root)
    assert (made.profile, made.jobs) == ("c3s", 2)
    assert made.source_of("profile") == "pyproject.toml: profile.c3s.when"
    assert load(root, HARNESS_PROFILE="").profile == "c3s"


@pytest.mark.parametrize("given", [{"option": "none"}, {"HARNESS_PROFILE": "none"}])
def test_none_leaves_it_out(root: Path, given: dict[str, str]) -> None:
    clone(root)
    made = load(root, **given)
    assert (made.profile, made.jobs) == ("none", 1)


def test_one_is_chosen_by_name(root: Path) -> None:
    clone(root)
    made = load(root, HARNESS_PROFILE="slow")
    assert (made.profile, made.pool.cap, made.jobs) == ("slow", 1, 1)
    assert made.source_of("profile") == "HARNESS_PROFILE"
    made = load(root, "c3s", HARNESS_PROFILE="slow")
    assert (made.profile, made.pool.cap) == ("c3s", 3)
    assert made.source_of("profile") == "--profile"


def test_one_without_files_of_its_own_is_never_taken_by_itself(root: Path) -> None:
    (root / "pyproject.toml").write_text("[tool.harness.profile.a]\njobs = 3\nwhen=[]")
    assert load(root).jobs == 0


# -- the cascade -------------------------------------------------------------


def test_it_stands_between_file_and_environment(root: Path) -> None:
    made = load(root, "c3s")
    assert (made.jobs, made.source_of("jobs")) == (2, "profile c3s")
    assert made.source_of("pool.cap") == "profile c3s"
    assert made.source_of("pool.ahead") == "default"
    made = load(root, "c3s", HARNESS_JOBS="5", HARNESS_SUITE_MORE_COVERAGE="yes")
    assert (made.jobs, made.source_of("jobs")) == (5, "HARNESS_JOBS")
    assert made.suite["more"].coverage
    overrides = {"jobs": (6, "--jobs"), "profile": ("c3s", "--profile")}
    assert config.load(root, {"HARNESS_JOBS": "5"}, overrides).jobs == 6


def test_it_changes_a_table_key_by_key(root: Path) -> None:
    suite = load(root, "c3s").suite
    assert suite["portal"].options == ("-x",)
    assert suite["portal"].modules == ("society",)
    assert list(suite) == ["portal", "more"]


# -- what may stand there ----------------------------------------------------


def test_an_unknown_name(root: Path) -> None:
    (told,) = problems(root, environ={"HARNESS_PROFILE": "c3z"})
    assert told.startswith('environment: HARNESS_PROFILE (profile) = "c3z": there is')
    assert 'allowed: "c3s", "slow", "none"; did you mean "c3s"?' in told


def test_two_that_fit(root: Path) -> None:
    (root / "here").touch()
    (told,) = problems(
        root, "[tool.harness.profile]\na.when = ['here']\nb.when = ['here']"
    )
    assert "the files of a and b are there, allowed: one of them" in told
    assert "--profile" in told


@pytest.mark.parametrize("chosen", ["a", "none"])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("pool.cup = 1", 'tool.harness.profile.a.pool.cup = 1: unknown key; did you'),
        ("jobs = -1", "tool.harness.profile.a.jobs = -1: allowed: a whole number"),
        ("jobz = 1", 'tool.harness.profile.a.jobz = 1: unknown key; did you mean'),
        ("pool = 3", "tool.harness.profile.a.pool = 3: allowed: a table, [tool.harne"),
        ("suite.'b c'.nose = true", '[tool.harness.profile.a.suite."b c"]: bad name'),
        ("when = 'src'", 'tool.harness.profile.a.when = "src": allowed: a list of'),
        ("when = [1]", "tool.harness.profile.a.when = [1]: allowed: a list of paths"),
        ("profile = 'b'", 'tool.harness.profile.a.profile = "b": unknown key'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_also_where_it_is_not_taken(
    root: Path, line: str, expected: str, chosen: str
) -> None:
    text = f"[tool.harness.profile.a]\n{line}"
    (told,) = problems(root, text, {"HARNESS_PROFILE": chosen})
    assert expected in told


def test_what_does_not_fit_together_names_the_profile(root: Path) -> None:
    text = "[tool.harness.profile.a.suite.b]\ntemplate = 'c'"
    (told,) = problems(root, text, {"HARNESS_PROFILE": "a"})
    assert told.startswith(
        'pyproject.toml: tool.harness.profile.a.suite.b.template = "c"'
    )
    assert config.load(root, {}, {}).profile == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tool.harness.profile = 'a'", 'tool.harness.profile = "a": allowed: a table'),
        ("tool.harness.profile.a = 1", "tool.harness.profile.a = 1: allowed: a table"),
        ("tool.harness.profile.none.jobs = 1", "profile.none: bad name, it is the wo"),
    ],
)
def test_what_is_no_profile(root: Path, text: str, expected: str) -> None:
    (told,) = problems(root, text)
    assert expected in told


def test_the_stacks_own_profile_is_sound() -> None:
    stack = config.find_root(Path(__file__).parent)
    made = config.load(stack, {"HARNESS_PROFILE": "none"}, {})
    assert "production" not in made.template
