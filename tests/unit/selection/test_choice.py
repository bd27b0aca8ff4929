# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes first: what was asked for, the occasion, the configuration."""

import io
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness import config
from harness.context import Context
from harness.errors import UsageError
from harness.output import Console
from harness.selection import changes, choice
from harness.selection.choice import Chosen

PULL = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request"}
EVENT = {"pull_request": {"base": {"sha": "c0ffee"}, "labels": []}}
LABELLED = {
    "pull_request": {"base": {"sha": "c0ffee"}, "labels": [{"name": "full gate"}]}
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The revisions that git was asked about."""
    found: list[str] = []

    def files(context: object, revision: str) -> tuple[str, ...]:
        found.append(revision)
        if revision == "unknown":
            raise UsageError("git cannot compare")
        return ("docs/a.md",)

    monkeypatch.setattr(changes, "files", files)
    return found


def select(
    root: Path,
    environ: Mapping[str, str] | None = None,
    *,
    since: str = "",
    full: bool = False,
    event: object = None,
    base: str = "main",
) -> Chosen:
    (root / "pyproject.toml").write_text(
        f'[tool.harness.gate]\nbase = "{base}"\n[tool.harness.check.a]\nrun = ["a"]\n'
    )
    context = Context(
        config=config.load(root, {}, {}),
        environ=environ or {},
        console=Console(io.StringIO(), {}),
        line="harness gate",
    )
    return choice.select(context, since=since, full=full, event=event)


def test_a_laptop_compares_with_the_configured_branch(
    tmp_path: Path, asked: list[str]
) -> None:
    made = select(tmp_path)
    assert (made.base, asked, made.selection.everything) == ("main", ["main"], "")


def test_ci_compares_with_what_the_event_says(tmp_path: Path, asked: list[str]) -> None:
    made = select(tmp_path, PULL, event=EVENT)
    assert (made.base, asked, made.selection.everything) == ("c0ffee", ["c0ffee"], "")


def test_the_label_selects_all(tmp_path: Path, asked: list[str]) -> None:
    made = select(tmp_path, PULL, event=LABELLED)
    assert made.selection.everything == "the label 'full gate'"
    assert made.base == "c0ffee"
    assert [one.file for one in made.selection.decisions] == ["docs/a.md"]


def test_what_was_asked_for_comes_first(tmp_path: Path, asked: list[str]) -> None:
    made = select(tmp_path, PULL, event=LABELLED, since="v1")
    assert (made.base, made.selection.everything) == ("v1", "")
    made = select(tmp_path, PULL, event=EVENT, full=True)
    assert (made.base, made.selection.everything) == ("c0ffee", "--full")


def test_a_base_that_is_not_here_selects_all(tmp_path: Path, asked: list[str]) -> None:
    made = select(tmp_path, base="unknown")
    assert made.selection.everything == "git cannot compare"
    assert set(made.selection.checks) == {"a"}


def test_a_revision_that_was_asked_for_must_be_here(
    tmp_path: Path, asked: list[str]
) -> None:
    with pytest.raises(UsageError, match="cannot compare"):
        select(tmp_path, since="unknown")
