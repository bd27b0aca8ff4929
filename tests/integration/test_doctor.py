# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness doctor`` on the real machine, with its engine."""

import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import engine
from harness.engine import Engine
from harness.store import Run, Store

Findings = dict[str, dict[str, str]]
Doctor = Callable[..., tuple[int, Findings]]

ROOT = Path(__file__).parents[2]
NOWHERE = "tcp://127.0.0.1:1"

needs_engine = pytest.mark.skipif(
    Engine(os.environ).why_not() is not None, reason="no Docker engine"
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The state directory, which is not there yet."""
    return tmp_path / "state"


def call(
    project: Path, state: Path, *arguments: str, **more: str
) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "HARNESS_STATE": str(state), "PYTHONPATH": str(ROOT), **more}
    env.pop("GITHUB_ACTIONS", None)
    return subprocess.run(
        [sys.executable, "-m", "harness", "doctor", *arguments],
        cwd=project,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def doctor(project: Path, place: Path) -> Doctor:
    """The exit code, and the findings by check."""

    def run(*arguments: str, **more: str) -> tuple[int, Findings]:
        done = call(project, place, "--json", *arguments, **more)
        assert not done.stderr
        return done.returncode, {one["check"]: one for one in json.loads(done.stdout)}

    return run


@needs_engine
def test_this_machine(doctor: Doctor, place: Path) -> None:
    code, found = doctor("--database", "local")
    assert code == 0
    for name in (
        "docker client", "docker engine", "docker compose", "docker buildx",
        "embedded PostgreSQL", "Python", "git", "state directory", "clock",
        "leftover containers", "templates",
    ):  # fmt: skip
        assert found[name]["status"] == "ok", found[name]
    assert found["clock"]["found"].endswith("the file system and the engine")
    assert {"port 81", "port 8000", "host names", "images"} <= set(found)
    assert all(
        set(one) == {"check", "status", "found", "remedy"} for one in found.values()
    )
    assert not any("failed itself" in one["found"] for one in found.values())
    assert not place.exists()


def test_for_people(project: Path, place: Path) -> None:
    done = call(project, place, COLUMNS="80", PYTHONIOENCODING="utf-8")
    *rows, blank, verdict = done.stdout.splitlines()
    assert (done.returncode, done.stderr, blank) == (0, "", "")
    assert verdict.startswith("ready for --database auto: ")
    assert all(len(row) <= 80 for row in rows if not row.startswith("    →"))
    assert {row[0] for row in rows} <= set("✓!–✗ ")
    assert "\x1b" not in done.stdout


def test_without_utf8(project: Path, place: Path) -> None:
    done = call(project, place, PYTHONIOENCODING="ascii")
    assert done.stdout.isascii()
    assert "?" not in done.stdout
    assert "export LC_ALL=C.UTF-8" in done.stdout


def test_a_port_is_taken_by_us(doctor: Doctor) -> None:
    for port in (8000, 81):
        with contextlib.suppress(OSError), socket.socket() as taken:
            taken.bind(("127.0.0.1", port))
            taken.listen()
            code, found = doctor()
            one = found[f"port {port}"]
            assert (code, one["status"]) == (0, "warning")
            assert f"taken by pid {os.getpid()} (" in one["found"]
            assert Path(sys.orig_argv[0]).name in one["found"]
            assert one["remedy"] == f"kill {os.getpid()}"
            return
    pytest.skip("both ports are taken by others")


def test_path_without_docker(doctor: Doctor, tmp_path: Path) -> None:
    bare = tmp_path / "bin"
    bare.mkdir()
    git = shutil.which("git")
    assert git
    (bare / "git").symlink_to(git)
    code, found = doctor(PATH=str(bare))
    assert (code, found["docker client"]["status"]) == (0, "warning")
    assert found["docker client"]["found"].startswith("docker is not installed")
    assert found["images"]["status"] == "skipped"
    assert found["embedded PostgreSQL"]["status"] == "ok"
    code, found = doctor("--database", "docker", PATH=str(bare))
    assert (code, found["docker client"]["status"]) == (4, "missing")


@needs_engine
def test_an_engine_nowhere(doctor: Doctor) -> None:
    code, found = doctor(DOCKER_HOST=NOWHERE)
    one = found["docker engine"]
    assert (code, one["status"], one["remedy"]) == (0, "warning", "unset DOCKER_HOST")
    assert NOWHERE in one["found"]
    code, found = doctor("--database", "docker", DOCKER_HOST=NOWHERE)
    assert (code, found["docker engine"]["status"]) == (4, "missing")
    assert found["docker compose"]["status"] == "ok"


@needs_engine
def test_an_engine_that_never_answers(doctor: Doctor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        host = f"tcp://127.0.0.1:{deaf.getsockname()[1]}"
        started = time.monotonic()
        code, found = doctor("--database", "docker", DOCKER_HOST=host)
    assert time.monotonic() - started < 30  # it is given up, not waited for
    assert (code, found["docker engine"]["status"]) == (4, "missing")
    assert found["git"]["status"] == "ok"


@needs_engine
def test_the_image_of_the_database_is_needed(doctor: Doctor) -> None:
    image = "harness-doctor-test/none:1"
    code, found = doctor("--database", "docker", HARNESS_DATABASE_IMAGE=image)
    one = found["database image"]
    assert (code, one["status"]) == (4, "missing")
    assert one["remedy"] == f"docker pull {image}"


# -- leftovers -----------------------------------------------------------------


@pytest.fixture
def docker() -> Engine:
    return Engine(os.environ)


@pytest.fixture
def image(docker: Engine, tmp_path: Path) -> Iterator[str]:
    """An image with nothing in it: containers of it are made, never started."""
    name = f"harness-doctor-test/empty:{os.getpid()}"
    with tarfile.open(tmp_path / "empty.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("nothing"), io.BytesIO())
    docker.run("import", tmp_path / "empty.tar", name)
    yield name
    docker.run("image", "rm", name)


@needs_engine
def test_what_a_dead_run_left(
    doctor: Doctor, docker: Engine, image: str, place: Path
) -> None:
    store = Store(place)
    with Run(store) as run:
        dead = engine.labels(state=store.id, role="server", run="dead")
        live = engine.labels(state=store.id, role="server", run=run.id)
        stack = engine.labels(state=store.id, role="stack")
        name = f"harness-doctor-{os.getpid()}"
        try:
            for number, labels in enumerate((dead, live, stack)):
                options = engine.options(labels)
                docker.run("create", "--name", f"{name}-{number}", *options, image, "x")
            docker.run("volume", "create", *engine.options(dead), f"{name}-volume")
            code, found = doctor()
            assert code == 0
            assert found["leftover containers"] == {
                "check": "leftover containers",
                "status": "warning",
                "found": f"of dead runs: container {name}-0, volume {name}-volume",
                "remedy": "harness clean",
            }
        finally:
            docker.remove(docker.owned(store.id))
    assert doctor()[1]["leftover containers"]["status"] == "ok"


def test_scratch_of_a_dead_run(doctor: Doctor, place: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    store = Store(place)
    with Run(store) as run:
        for name in (run.id, "dead"):
            path = temporary / f"harness-run-{name}"
            path.mkdir()
            os.utime(path, (0, 0))
        _, found = doctor(TMPDIR=str(temporary))
    one = found["leftover files"]
    assert one["found"] == f"of dead runs: {temporary}/harness-run-dead"
    assert one["remedy"] == "harness clean"
