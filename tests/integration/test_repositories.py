# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness update`` and ``harness sources …`` on real repositories."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from tests.integration.conftest import ROOT

NAMES = ("left", "right")
STAGES = ("development", "staging", "production")


@dataclass(frozen=True)
class Place:
    """A checkout with two sources, and the bare repositories that they come from."""

    root: Path
    servers: Path
    env: dict[str, str]

    def __call__(self, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "harness", *words],
            cwd=self.root, env={**self.env, **more}, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

    def good(self, *words: str, **more: str) -> str:
        done = self(*words, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def git(self, name: str, *words: str) -> str:
        """Git in the clone of a source."""
        return self._git(self.root / "src" / name, *words)

    def there(self, name: str, *words: str) -> str:
        """Git at the server of a source."""
        return self._git(self.servers / f"{name}.git", *words)

    def _git(self, path: Path, *words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(path), *words],
            env=self.env, capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        return done.stdout.strip()

    def advance(self, name: str, file: str, branch: str = "development") -> str:
        """Somebody else pushes; the new revision."""
        work = self.servers / f"work-{name}"
        if not work.exists():
            self._git(self.servers, "clone", "-q", f"{name}.git", work.name)
        self._git(work, "checkout", "-q", branch)
        self._git(work, "pull", "-q")
        path = work / file
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as stream:
            stream.write(f"# {time.time_ns()}\n")
        self._git(work, "add", "-A")
        self._git(work, "commit", "-qm", f"change {file}")
        self._git(work, "push", "-q")
        return self._git(work, "rev-parse", "HEAD")

    def outcome(self, *words: str) -> dict[str, dict[str, object]]:
        found = json.loads(self.good("update", "--no-self", "--json", *words))
        return {one["name"]: one for one in found["repositories"]}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        dedent("""\
        [user]
            name = Somebody
            email = somebody@example.org
        [init]
            defaultBranch = development
        """)
    )
    keep = ("PATH", "LANG", "VIRTUAL_ENV")
    env = {key: os.environ[key] for key in keep if key in os.environ}
    env |= {
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "HARNESS_STATE": str(tmp_path / "state"),
        "COLUMNS": "200",
    }
    made = Place(tmp_path / "checkout", tmp_path / "servers", env)
    made.root.mkdir()
    made.servers.mkdir()
    tables = [
        "[tool.harness]",
        "[tool.harness.git]",
        'links = ["code/{name}=src/{name}"]',
    ]
    for name in NAMES:
        subprocess.run(
            ["git", "init", "-q", "--bare", f"{name}.git"],
            cwd=made.servers, env=env, check=True,
        )  # fmt: skip
        _seed(made, name)
        tables += [
            f"[tool.harness.source.{name}]",
            'kind = "tryton"' if name == "left" else 'kind = "python"',
            f'repository = "{made.servers / name}.git"',
            'refs = {development = "development", staging = "staging",'
            ' production = "production"}',
        ]
    (made.root / "pyproject.toml").write_text("\n".join(tables) + "\n")
    return made


def _seed(place: Place, name: str) -> None:
    work = place.servers / f"work-{name}"
    subprocess.run(
        ["git", "clone", "-q", f"{name}.git", work.name],
        cwd=place.servers, env=place.env, check=True, capture_output=True,
    )  # fmt: skip
    (work / "setup.py").write_text("# one\n")
    (work / "file.py").write_text("one = 1\n")
    place._git(work, "checkout", "-qB", "development")
    place._git(work, "add", "-A")
    place._git(work, "commit", "-qm", "one")
    for stage in STAGES:
        place._git(work, "branch", "-f", stage) if stage != "development" else None
        place._git(work, "push", "-q", "-u", "origin", stage)
    place._git(work, "tag", "v1")
    place._git(work, "push", "-q", "origin", "v1")


# -- update --------------------------------------------------------------------


def test_it_clones_all_and_links_them(place: Place) -> None:
    told = place.good("update", "--environment", "staging")
    for name in NAMES:
        assert place.git(name, "branch", "--show-current") == "staging"
        assert (place.root / "code" / name / "file.py").read_text() == "one = 1\n"
    assert "link code/left → src/left" in told
    assert not list((place.root / "src").glob(".*"))


def test_nothing_is_run_with_dry_run(place: Place) -> None:
    told = place.good("update", "--dry-run")
    assert f"git clone {place.servers}/left.git {place.root}/src/left" in told
    assert not (place.root / "src").exists()


def test_it_goes_forward_and_says_what_follows(place: Place) -> None:
    place.good("update")
    place.advance("left", "file.py")
    after = place.advance("right", "setup.py")
    told = place.good("update")
    assert place.git("right", "rev-parse", "HEAD") == after
    assert "1 new commits" in told
    assert "rebuild the images" in told
    assert "what they are made of has changed: right: harness build" in told
    assert "update the database: modules have changed: left" in told
    assert "harness db update -m left" in told
    assert {one["action"] for one in place.outcome().values()} == {"is current"}


def test_local_changes_are_left_and_said(place: Place) -> None:
    place.good("update")
    mine = place.root / "src" / "left" / "file.py"
    mine.write_text("mine = 1\n")
    place.advance("left", "file.py")
    place.advance("right", "file.py")
    found = place.outcome()
    assert found["left"]["left"] == "1 changed files"
    assert found["right"]["action"] == "1 new commits"
    assert mine.read_text() == "mine = 1\n"


def test_commits_that_were_never_pushed_are_left(place: Place) -> None:
    place.good("update")
    place.git("left", "commit", "-q", "--allow-empty", "-m", "mine")
    place.git("right", "checkout", "-q", "-b", "own")
    place.git("right", "commit", "-q", "--allow-empty", "-m", "mine")
    place.advance("left", "file.py")
    found = place.outcome()
    assert "they have parted" in str(found["left"]["left"])
    assert "never pushed" in str(found["right"]["left"])
    assert place.git("left", "log", "-1", "--format=%s") == "mine"
    assert place.git("right", "branch", "--show-current") == "own"


def test_an_unfinished_merge_is_left(place: Place) -> None:
    place.good("update")
    place.advance("left", "file.py", branch="staging")
    place.git("left", "fetch", "-q")
    place.git("left", "merge", "-q", "--no-commit", "--no-ff", "origin/staging")
    assert place.outcome()["left"]["left"] == "a merge is not finished"


def test_another_branch_is_left_for_the_configured_one_if_it_is_safe(
    place: Place,
) -> None:
    place.good("update")
    place.good("update", "--environment", "staging")
    assert place.git("left", "branch", "--show-current") == "staging"


def test_tags_are_refs_too(place: Place) -> None:
    file = place.root / "pyproject.toml"
    file.write_text(
        file.read_text().replace('development = "development"', 'development = "v1"')
    )
    place.advance("left", "file.py")
    place.good("update")
    assert place.git("left", "describe", "--tags") == "v1"
    assert place.git("left", "branch", "--show-current") == ""


def test_a_reset_is_asked_for_and_keeps_what_was_there(place: Place) -> None:
    place.good("update")
    mine = place.root / "src" / "left" / "file.py"
    mine.write_text("mine = 1\n")
    after = place.advance("left", "file.py")
    done = place("update", "--reset")
    assert done.returncode == 2
    assert "--yes" in done.stdout
    assert mine.read_text() == "mine = 1\n"
    found = json.loads(place.good("update", "--reset", "--yes", "--json", "--no-self"))
    [left] = [one for one in found["repositories"] if one["name"] == "left"]
    assert left["after"] == after
    kept = place.git("left", "for-each-ref", "--format=%(refname)", "refs/harness")
    assert "mine = 1" in place.git("left", "show", f"{kept}:file.py")


def test_a_directory_that_is_no_repository_is_left(place: Place) -> None:
    own = place.root / "src" / "left"
    own.mkdir(parents=True)
    (own / "notes").write_text("mine")
    found = place.outcome()
    assert "is no repository" in str(found["left"]["left"])
    assert (own / "notes").read_text() == "mine"
    assert found["right"]["action"] == "cloned"


def test_one_that_fails_does_not_spoil_the_others(place: Place) -> None:
    (place.servers / "left.git").rename(place.servers / "gone.git")
    done = place("update", "--no-self")
    assert done.returncode == 5
    assert "failed" in done.stdout
    assert place.git("right", "branch", "--show-current") == "development"
    assert not (place.root / "src" / "left").exists()


def test_a_mirror_serves_in_place_of_the_address(place: Place) -> None:
    mirror = place.servers.with_name("mirror")
    place.servers.rename(mirror)
    place.good("update", HARNESS_GIT_MIRROR=str(mirror))
    url = place.git("left", "remote", "get-url", "origin")
    assert url == f"{mirror}/left.git"


def test_nobody_is_asked_for_a_password(place: Place) -> None:
    """A server that wants one: no terminal, no waiting, and git's own helper."""
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    asked: list[str] = []

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Authorization", ""))
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            mirror = f"http://127.0.0.1:{server.server_port}/"
            done = place("update", "left", HARNESS_GIT_MIRROR=mirror)
            assert done.returncode == 5
            assert asked[-1] == ""
            helper = "!f() { echo username=me; echo password=token; }; f"
            place._git(place.root, "config", "--global", "credential.helper", helper)
            place("update", "left", HARNESS_GIT_MIRROR=mirror)
            assert asked[-1].startswith("Basic ")
        finally:
            server.shutdown()
            thread.join()


def test_a_clone_that_is_killed_leaves_nothing_that_passes_for_one(
    place: Place, tmp_path: Path
) -> None:
    """Git waits for ever; the harness is killed; the next one clones."""
    real = subprocess.run(
        ["which", "git"], capture_output=True, text=True, check=True
    ).stdout.strip()
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(
        f'#!/bin/sh\n{real} "$@"; code=$?\n'
        f'case "$*" in *clone*left*) touch {tmp_path}/cloned; sleep 60;; esac\n'
        "exit $code\n"
    )
    wrapper.chmod(0o755)
    path = f"{wrapper.parent}:{place.env['PATH']}"
    child = subprocess.Popen(
        [sys.executable, "-m", "harness", "update", "--no-self"],
        cwd=place.root, env={**place.env, "PATH": path},
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    while not (tmp_path / "cloned").exists():
        assert child.poll() is None
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (place.root / "src" / "left").exists()
    assert place.outcome()["left"]["action"] == "cloned"
    assert not (place.root / "src" / ".left.cloning").exists()


def test_the_checkout_itself_goes_forward_and_new_defaults_are_shown(
    place: Place,
) -> None:
    root = place.root
    (root / ".gitignore").write_text("src/\ncode/\ncompose/env/local/\n")
    place._git(root, "init", "-q", "-b", "main")
    place._git(root, "add", "-A")
    place._git(root, "commit", "-qm", "one")
    assert "left as it is: it has no remote" in place.good("update", "--dry-run")
    place._git(place.servers, "clone", "-q", "--bare", str(root), "own.git")
    place._git(root, "remote", "add", "origin", str(place.servers / "own.git"))
    place._git(root, "fetch", "-q")
    place._git(root, "branch", "-q", "--set-upstream-to=origin/main")
    place.good("update")
    local = root / "compose" / "env" / "local" / "portal.env"
    local.parent.mkdir(parents=True)
    local.write_text("COLOUR=red\n")
    work = place.servers / "work-own"
    place._git(place.servers, "clone", "-q", "own.git", work.name)
    file = work / "compose" / "env" / "portal.env"
    file.parent.mkdir(parents=True)
    file.write_text("COLOUR=blue\nSIZE=3\n")
    place._git(work, "add", "-A")
    place._git(work, "commit", "-qm", "defaults")
    place._git(work, "push", "-q")
    told = place.good("update")
    assert "new default in compose/env/portal.env: SIZE=3\n" in told
    assert "COLOUR=blue (yours counts: compose/env/local/portal.env)" in told
    assert "run harness update again" in told
    assert f"git -C {root} merge --ff-only origin/main" in place.good(
        "update", "--dry-run"
    )
    place._git(root, "checkout", "-q", "--detach")
    for words in (("--dry-run",), ()):
        assert "its branch follows none of the remote" in place.good("update", *words)


# -- sources -------------------------------------------------------------------


def test_status_is_one_table(place: Place) -> None:
    place.good("update")
    (place.root / "src" / "left" / "file.py").write_text("mine = 1\n")
    (place.root / "src" / "left" / "new").write_text("")
    place.advance("right", "file.py")
    told = place.good("sources", "status", "--fetch")
    assert "1 changed, 1 untracked" in told
    assert "1 behind" in told
    found = json.loads(place.good("sources", "status", "--json"))
    assert found["left"]["changed"] == 1
    assert found["right"]["behind"] == 1


def test_without_a_word_it_is_the_list(place: Place) -> None:
    place.good("update")
    told = place.good("sources")
    headers = ["source", "from", "revision", "series", "path"]
    assert headers in [line.split() for line in told.splitlines()]
    assert "src/right" in told


def test_status_without_any_repository(place: Place) -> None:
    done = place("sources", "status")
    assert done.returncode == 3
    assert "harness update" in done.stdout


def test_a_wrong_name(place: Place) -> None:
    done = place("sources", "status", "lefft")
    assert done.returncode == 2
    assert "did you mean left?" in done.stdout


def test_diff(place: Place) -> None:
    place.good("update")
    (place.root / "src" / "left" / "file.py").write_text("mine = 1\n")
    told = place.good("sources", "diff")
    assert "+mine = 1" in told
    assert "right" not in told


def test_checkout_leaves_what_is_changed(place: Place) -> None:
    place.good("update")
    (place.root / "src" / "left" / "file.py").write_text("mine = 1\n")
    told = place.good("sources", "checkout", "staging")
    assert place.git("left", "branch", "--show-current") == "development"
    assert place.git("right", "branch", "--show-current") == "staging"
    assert "1 changed files" in told
    told = place.good("sources", "checkout", "topic")
    assert "it has no branch topic" in told
    place.good("sources", "checkout", "--source", "right", "--create", "topic")
    assert place.git("right", "branch", "--show-current") == "topic"


def test_commit_and_push_after_a_question(place: Place) -> None:
    place.good("update")
    (place.root / "src" / "left" / "file.py").write_text("mine = 1\n")
    told = place.good("sources", "commit", "-m", "mine")
    assert "nothing to commit" in told
    done = place("sources", "push")
    assert done.returncode == 2
    assert "--yes" in done.stdout
    before = place.there("left", "rev-parse", "development")
    place.good("sources", "push", "--dry-run")
    assert place.there("left", "rev-parse", "development") == before
    place.good("sources", "push", "--yes")
    assert place.there("left", "log", "-1", "--format=%s", "development") == "mine"
    assert place.there("right", "log", "-1", "--format=%s", "development") == "one"


def test_what_is_staged_is_committed_alone(place: Place) -> None:
    place.good("update")
    for name in ("file.py", "setup.py"):
        (place.root / "src" / "left" / name).write_text("mine = 1\n")
    place.git("left", "add", "file.py")
    place.good("sources", "commit", "-m", "mine")
    assert place.git("left", "diff", "--name-only") == "setup.py"


def test_a_new_branch_is_pushed_under_its_name(place: Place) -> None:
    place.good("update")
    place.good("sources", "checkout", "--create", "topic")
    place.git("left", "commit", "-q", "--allow-empty", "-m", "mine")
    place.good("sources", "push", "--yes")
    assert place.there("left", "log", "-1", "--format=%s", "topic") == "mine"
    assert place.there("right", "branch", "--list", "topic") == ""


def test_pull_never_merges(place: Place) -> None:
    place.good("update")
    place.git("left", "commit", "-q", "--allow-empty", "-m", "mine")
    place.advance("left", "file.py")
    place.advance("right", "file.py")
    told = place.good("sources", "pull")
    assert "1 commits here, 1 there" in told
    assert "1 new commits" in told
    assert place.git("left", "log", "-1", "--format=%s") == "mine"


def test_a_merge_with_conflicts_is_undone(place: Place) -> None:
    place.good("update")
    place.advance("left", "file.py", branch="staging")
    place.advance("right", "other.py", branch="staging")
    for name in NAMES:
        place.git(name, "fetch", "-q")
        file = place.root / "src" / name / "file.py"
        file.write_text("mine = 1\n")
        place.git(name, "commit", "-qam", "mine")
    done = place("sources", "merge", "staging")
    assert done.returncode == 5
    assert "conflict" in done.stdout
    assert "file.py (undone)" in done.stdout
    assert place.git("left", "status", "--porcelain") == ""
    assert place.git("left", "log", "-1", "--format=%s") == "mine"
    assert (place.root / "src" / "right" / "other.py").exists()


def test_promote_touches_nothing_local(place: Place) -> None:
    place.good("update")
    mine = place.root / "src" / "left" / "file.py"
    mine.write_text("mine = 1\n")
    after = place.advance("left", "other.py")
    done = place("sources", "promote", "development")
    assert done.returncode == 2
    place.good("sources", "promote", "development", "--dry-run")
    assert place.there("left", "rev-parse", "staging") != after
    told = place.good("sources", "promote", "development", "--yes")
    assert "1 commits promoted" in told
    assert place.there("left", "rev-parse", "staging") == after
    assert place.there("left", "rev-parse", "production") != after
    assert mine.read_text() == "mine = 1\n"
    assert place.git("left", "worktree", "list").count("\n") == 0


def test_a_promotion_that_conflicts_pushes_nothing(place: Place) -> None:
    place.good("update")
    place.advance("left", "file.py")
    before = place.advance("left", "file.py", branch="staging")
    done = place("sources", "promote", "development", "--yes")
    assert done.returncode == 5
    assert "conflict" in done.stdout
    assert place.there("left", "rev-parse", "staging") == before
