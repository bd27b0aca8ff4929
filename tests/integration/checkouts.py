# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkouts of the stack for tests: with ports of their own, driven by the harness."""

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def say(text: str) -> None:
    """For people who run it with -s."""
    sys.stdout.write(f"{text}\n")


PREFIX = os.environ.get("HARNESS_IMAGES_PREFIX", "collecting-society")
VARIANT = "development"


@dataclass(frozen=True)
class Checkout:
    """A checkout of its own, with ports of its own."""

    root: Path
    env: dict[str, str]
    web: int
    erp: int

    def __call__(self, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "harness", *words],
            cwd=self.root,
            env={**self.env, **more},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    def good(self, *words: str, **more: str) -> str:
        done = self(*words, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def containers(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for one in json.loads(self.good("ps", "--json")):
            found.setdefault(one["service"], []).append(one)
        return found

    @cached_property
    def project(self) -> str:
        [one, *_] = self.containers()["db"]
        return str(one["name"]).removesuffix("-db-1")

    @property
    def password(self) -> str:
        path = self.root / "compose" / "secrets" / "development" / "admin_password"
        return path.read_text().strip()


def identity(place: Path, name: str) -> tuple[Path, str]:
    """A new identity of age: its file, and its public key."""
    if shutil.which("age-keygen") is None and "CI" not in os.environ:
        pytest.skip("age is not installed")
    path = place / name
    subprocess.run(["age-keygen", "-o", path], check=True, capture_output=True)
    return path, path.read_text().split("public key: ")[1].split()[0]


def free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def checkout(root: Path, env: dict[str, str]) -> Checkout:
    """A copy of what the stack is made of; `env` is that of its commands."""
    root.mkdir(parents=True)
    for name in ("compose", "examples"):
        shutil.copytree(ROOT / name, root / name, ignore=_somebodys)
    shutil.copy(ROOT / "pyproject.toml", root)
    web, erp = free(), free()
    ports = {
        "HARNESS_STACK_NGINX_PORT": str(web),
        "HARNESS_STACK_ERPSERVER_PORT": str(erp),
    }
    return Checkout(root, {**env, **ports}, web, erp)


def _somebodys(directory: str, names: list[str]) -> set[str]:
    """What a stack that is run in this checkout has there: secrets, settings."""
    ignored = {"development", "staging", "production", "local.yaml"}
    if Path(directory).name == "local":
        ignored = {*names} - {"README.md"}
    return {one for one in names if one in ignored or one.endswith(".egg-info")}


def docker(*words: str) -> str:
    done = subprocess.run(
        ["docker", *words], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def left(label: str) -> list[str]:
    return [
        *docker("ps", "-aq", "--filter", f"label={label}").split(),
        *docker("network", "ls", "-q", "--filter", f"label={label}").split(),
        *docker("volume", "ls", "-q", "--filter", f"label={label}").split(),
    ]
