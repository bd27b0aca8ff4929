# SPDX-License-Identifier: GPL-3.0-or-later
"""Images through a real registry: found by digest, and nothing else is trusted."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.engine import Engine
from harness.images.services import SERVICES

ROOT = Path(__file__).parents[2]
PREFIX = "harness-test-exchange"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    program = shutil.which("docker-registry")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no docker-registry")
        pytest.skip("no registry on this machine: apt-get install docker-registry")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "registry.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\n"
        f"storage: {{filesystem: {{rootdirectory: {tmp_path}/store}}}}\n"
        f"http: {{addr: 127.0.0.1:{port}}}\n"
    )
    with subprocess.Popen(
        [program, "serve", str(tmp_path / "registry.yml")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/").close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"127.0.0.1:{port}/society"
        process.terminate()


@pytest.fixture
def stack(tmp_path: Path, engine: Engine) -> Iterator[Path]:
    """A checkout whose images are one small layer each."""
    if engine.inspect("image", "debian:bookworm-slim") is None:
        pytest.skip("no base image: harness images base makes it")
    root = tmp_path / "stack"
    (root / "Dockerfiles").mkdir(parents=True)
    (root / "pyproject.toml").write_text(
        f'[tool.harness]\nstate = "{tmp_path}/state"\n'
        f'[tool.harness.images]\nprefix = "{PREFIX}"\n'
    )
    stages = [f"FROM ${{BASE}} AS {name}\nCOPY one /{name}\n" for name in SERVICES]
    text = "ARG BASE=debian:bookworm-slim\n" + "".join(stages)
    (root / "Dockerfiles" / "Dockerfile").write_text(text)
    (root / "Dockerfiles" / "one").write_text("one\n")
    yield root
    names = [f"{PREFIX}/{name}:development" for name in SERVICES]
    engine.run("image", "rm", "--force", *names, check=False)


def in_stack(root: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def forget(engine: Engine, *references: str) -> None:
    """Remove images here, and what they are called in the registry."""
    listed = engine.run("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").stdout
    found = [name for name in listed.split() if name.startswith(references)]
    engine.run("image", "rm", "--force", *found, check=False)


def test_what_one_has_built_all_others_take(
    engine: Engine, stack: Path, registry: str, tmp_path: Path
) -> None:
    option = ("--registry", registry)
    done = in_stack(stack, "images", "push", *option)
    assert done.returncode == 6
    assert "to mend it: harness build db" in done.stdout
    assert in_stack(stack, "build").returncode == 0
    archive = tmp_path / "images.tar"
    done = in_stack(stack, "images", "save", str(archive), "--without", registry)
    assert done.returncode == 0, done.stdout
    assert archive.stat().st_size
    archive.unlink()
    done = in_stack(stack, "images", "push", *option)
    assert done.stdout.split().count("pushed") == len(SERVICES), done.stdout
    done = in_stack(stack, "images", "push", *option)
    assert done.stdout.count("is there") == len(SERVICES)
    done = in_stack(stack, "images", "save", str(archive), "--without", registry)
    assert "nothing saved" in done.stdout
    assert not archive.exists()
    forget(engine, PREFIX, registry)
    done = in_stack(stack, "images", "pull", *option)
    assert done.stdout.split().count("pulled") == len(SERVICES), done.stdout
    done = in_stack(stack, "build")
    assert f"0 built, {len(SERVICES)} unchanged" in done.stdout
    (stack / "Dockerfiles" / "one").write_text("two\n")
    done = in_stack(stack, "images", "pull", *option)
    assert done.stdout.count("not in the registry") == len(SERVICES)
    forget(engine, PREFIX, registry)
