# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker path: a server in a container, tests inside an image, kills."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.engine import Engine, Owned
from harness.store import Store
from tests.weekly import weekly

ROOT = Path(__file__).parents[2]
IMAGE = "collecting-society/erpserver:development"
MODULE = "company"
"""An official module that the image has, with tests in its wheel."""


@pytest.fixture(scope="module", autouse=True)
def images(engine: Engine) -> None:
    """The images, built now where they are not."""
    missing = [
        name
        for name in ("db", "erpserver")
        if engine.inspect("image", f"collecting-society/{name}:development") is None
    ]
    if missing:
        subprocess.run(
            [sys.executable, "-m", "harness", "build", *missing], cwd=ROOT, check=True
        )


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(env: dict[str, str]) -> Iterator[Start]:
    """Start ``harness`` in this checkout; all that is left is killed in the end."""
    begun: list[subprocess.Popen[str]] = []

    def call(*arguments: str, **more: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "harness", *arguments],
            cwd=ROOT,
            env={**env, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        begun.append(process)
        return process

    yield call
    for process in begun:
        process.kill()
        process.communicate()


def of_runs(engine: Engine, store: Store) -> list[Owned]:
    return [one for one in engine.owned(store.id) if one.run]


def until(condition: Callable[[], object], *, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def outcomes() -> dict[str, str]:
    """The outcome of each test of the last run."""
    tree = ElementTree.parse(ROOT / "reports" / "latest" / "junit.xml")
    return {
        f"{case.get('classname')}::{case.get('name')}": ",".join(
            child.tag for child in case
        )
        for case in tree.iter("testcase")
    }


def test_same_outcomes_inside_and_outside(
    start: Start, engine: Engine, store: Store
) -> None:
    found = {}
    for where in ("venv", "image"):
        run = start("test", "tryton", MODULE, "--database", "docker", "--in", where)
        output, _ = run.communicate(timeout=500)
        assert run.returncode == 0, output
        found[where] = outcomes()
    assert found["image"] == found["venv"]
    assert len(found["image"]) > 10
    assert of_runs(engine, store) == []


@pytest.mark.parametrize("database", [weekly("local"), "sqlite"])
def test_inside_with_other_servers(start: Start, database: str) -> None:
    run = start("test", "tryton", MODULE, "--database", database, "--in", "image")
    output, _ = run.communicate(timeout=500)
    assert run.returncode == 0, output
    assert IMAGE in output


def test_coverage_has_the_paths_of_this_side(
    start: Start, examples_state: Path
) -> None:
    words = ("tryton", "collecting_society", "-k", "test_view or depends", "--coverage")
    there = ("--database", "docker", "--in", "image")
    run = start("test", *words, *there, HARNESS_STATE=str(examples_state))
    output, _ = run.communicate(timeout=500)
    assert run.returncode == 0, output
    xml = (ROOT / "reports" / "latest" / "coverage.xml").read_text()
    assert "creation.py" in xml
    assert "/shared/src" not in xml


def test_exit_code_when_nothing_is_selected(start: Start) -> None:
    run = start(
        "test", "tryton", MODULE, "--database", "docker", "--in", "image",
        "-k", "no_test_has_this_name",
    )  # fmt: skip
    output, _ = run.communicate(timeout=300)
    assert run.returncode == 3, output


def test_interrupted_inside(start: Start, engine: Engine, store: Store) -> None:
    run = start("test", "tryton", MODULE, "--database", "docker", "--in", "image")
    until(lambda: [one for one in of_runs(engine, store) if one.kind == "container"])
    time.sleep(1)
    os.kill(run.pid, signal.SIGINT)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 130, output
    assert of_runs(engine, store) == []


@pytest.mark.parametrize("after", [0.5, 1.5, 2.5, 4.0])
def test_killed_run_is_swept(
    start: Start, engine: Engine, store: Store, after: float
) -> None:
    foreign = engine.run(
        "run", "--detach", "--label", "harness.state=foreign", "--entrypoint", "sleep",
        IMAGE, "60",
    ).stdout.strip()  # fmt: skip
    try:
        run = start("test", "tryton", MODULE, "--database", "docker", "--in", "image")
        time.sleep(after)
        os.kill(run.pid, signal.SIGKILL)
        run.communicate(timeout=60)
        clean = start("clean")
        output, _ = clean.communicate(timeout=60)
        assert clean.returncode == 0, output
        assert of_runs(engine, store) == []
        assert engine.inspect("container", foreign) is not None
    finally:
        engine.run("rm", "--force", foreign)
    supervisors = store.path.glob("docker/*/ready")
    until(lambda: not any(path.exists() for path in supervisors), seconds=90)


def servers(engine: Engine, store: Store) -> list[Owned]:
    return [one for one in engine.owned(store.id) if one.role == "server"]


def leased(engine: Engine, server: Owned) -> bool:
    """Whether a worker's session is in a database of a run."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'harness_c_%'"
    words = ("exec", server.id, "psql", "-U", "postgres", "-Atc", asked)
    return engine.run(*words, check=False).stdout.strip() not in {"", "0"}


def test_server_in_a_container_killed_in_mid_run(
    start: Start, engine: Engine, store: Store
) -> None:
    run = start("test", "tryton", MODULE, "--database", "docker")
    until(lambda: [one for one in servers(engine, store) if leased(engine, one)])
    [server] = servers(engine, store)
    engine.run("kill", server.id)
    output, _ = run.communicate(timeout=120)
    assert run.returncode in {4, 7}, output
    assert "Traceback" not in output.split("====")[0]


def test_a_second_checkout_runs_at_the_same_time(
    start: Start, tmp_path: Path, state: Path
) -> None:
    other = tmp_path / "state"
    other.mkdir()
    (other / "envs").symlink_to(state / "envs")
    runs = [
        start("test", "tryton", MODULE, "--database", "docker", **more)
        for more in ({}, {"HARNESS_STATE": str(other)})
    ]
    for run in runs:
        output, _ = run.communicate(timeout=500)
        assert run.returncode == 0, output
    (other / "envs").unlink()
    until(lambda: not list(other.glob("docker/*/ready")), seconds=90)
    clean = start(
        "clean",
        "--all",
        "--yes",
        HARNESS_STATE=str(other),
        HARNESS_IMAGES_PREFIX="nobody",
    )
    output, _ = clean.communicate(timeout=60)
    assert clean.returncode == 0, output
    assert not list(other.glob("docker/*/data"))


@pytest.mark.parametrize(
    ("arguments", "more", "code", "words"),
    [
        (
            ("--database", "docker"),
            {"DOCKER_HOST": "unix:///nowhere.sock"},
            4,
            "the Docker engine does not answer",
        ),
        (("--database", "docker"), {"PATH": "/nowhere"}, 4, "docker is not installed"),
        (
            ("--database", "docker"),
            {"HARNESS_DATABASE_IMAGE": "no/such:image"},
            4,
            "no/such:image is not there",
        ),
        (
            ("--in", "image"),
            {"HARNESS_IMAGES_PREFIX": "nobody"},
            6,
            "nobody/erpserver:development is not there",
        ),
        (
            ("--in", "image"),
            {"HARNESS_SUITE_TRYTON_IMAGE": "erpserv"},
            2,
            "did you mean erpserver?",
        ),
    ],
)
def test_bad_input(
    start: Start,
    arguments: tuple[str, ...],
    more: dict[str, str],
    code: int,
    words: str,
) -> None:
    run = start("test", "tryton", MODULE, *arguments, **more)
    output, _ = run.communicate(timeout=120)
    assert run.returncode == code, output
    assert words in output
    assert "to mend it" in output or "did you mean" in output
    assert "Traceback" not in output
