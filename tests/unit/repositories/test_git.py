# SPDX-License-Identifier: GPL-3.0-or-later
"""What git says of a state, and what it is given."""

import pytest

from harness.repositories.git import RepositoryState, environment, parsed

CLEAN = "# branch.oid 0123456789\n# branch.head main\n"


def test_a_clean_state() -> None:
    text = f"{CLEAN}# branch.upstream origin/main\n# branch.ab +2 -3\n"
    assert parsed(text, busy="") == RepositoryState(
        revision="0123456789", branch="main", upstream="origin/main", ahead=2, behind=3
    )


def test_changes_are_counted() -> None:
    text = CLEAN + (
        "1 .M N... 100644 100644 100644 a a file\n"
        "1 M. N... 100644 100644 100644 a b other\n"
        "2 R. N... 100644 100644 100644 a b R100 new\told\n"
        "u UU N... 100644 100644 100644 100644 a b c both\n"
        "? new\n"
    )
    state = parsed(text, busy="")
    assert (state.changed, state.staged, state.untracked) == (4, 2, 1)
    assert state.hindrance == "4 changed files"


def test_untracked_files_hinder_nothing() -> None:
    assert parsed(f"{CLEAN}? new\n", busy="").hindrance == ""


def test_what_is_not_finished_hinders() -> None:
    assert parsed(CLEAN, busy="rebase").hindrance == "a rebase is not finished"


@pytest.mark.parametrize(
    "text",
    [
        "# branch.oid (initial)\n# branch.head main\n",
        "# branch.oid 01\n# branch.head (detached)\n",
    ],
)
def test_no_commit_and_no_branch(text: str) -> None:
    state = parsed(text, busy="")
    assert not (state.revision and state.branch)


def test_git_asks_on_a_terminal_only() -> None:
    given = {"GIT_DIR": "/elsewhere", "HOME": "/home/me"}
    env = environment(given, terminal=False)
    assert env["GIT_TERMINAL_PROMPT"] == "0"
    assert "BatchMode=yes" in env["GIT_SSH_COMMAND"]
    assert "GIT_DIR" not in env
    assert "GIT_TERMINAL_PROMPT" not in environment(given, terminal=True)
    mine = environment({"GIT_SSH_COMMAND": "ssh -i key"}, terminal=False)
    assert mine["GIT_SSH_COMMAND"] == "ssh -i key"
