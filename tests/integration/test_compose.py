# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written here, to be known without Docker, is what the Compose files say."""

import json
import os
import subprocess
from typing import Any

import pytest

from harness.stack import project
from tests.integration.test_envfile import compose  # noqa: F401  (a fixture)
from tests.unit.test_layers import ROOT

WRITTEN_HERE = "pgservice_"
"""Secrets that are made of a password and told in a service file of libpq."""


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    files = [
        f"--file={ROOT}/compose/{name}.yaml" for name in ("compose", "development")
    ]
    done = subprocess.run(
        ["docker", "compose", *files, "--profile=*", "config", "--format", "json"],
        env={**os.environ, "STACK_STATE": "none"}, capture_output=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)["services"]
    return found


def test_services_and_their_profiles(services: dict[str, Any]) -> None:
    assert set(services) == set(project.SERVICES)
    profiles = {name: one["profiles"] for name, one in services.items()
                if one.get("profiles")}  # fmt: skip
    assert profiles == {name: [one] for name, one in project.PROFILES.items()}


def test_what_compose_starts_before_a_service(services: dict[str, Any]) -> None:
    found = {name: set(one.get("depends_on", ())) for name, one in services.items()}
    assert found == {name: set(project.DEPENDS.get(name, ())) for name in services}


def test_what_a_service_is_told(services: dict[str, Any]) -> None:
    for name, secrets in project.SECRETS.items():
        told = {one["source"] for one in services[name].get("secrets", ())}
        assert {one for one in told if not one.startswith(WRITTEN_HERE)} <= {*secrets}
