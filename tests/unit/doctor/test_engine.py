# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of Docker: client, engine, rights, plugins, images."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import proc
from harness.config import DatabaseSettings, SuiteTable
from harness.doctor import engine as checks
from harness.doctor.docker import slowness
from harness.engine import Engine
from harness.errors import CommandFailed
from harness.proc import Completed

REFUSED = "Cannot connect to the Docker daemon at tcp://127.0.0.1:1. Is it running?"
DENIED = "permission denied while trying to connect to the Docker daemon socket"

Make = Callable[..., Any]
Told = Callable[..., tuple[str, str, str]]


def answer(stdout: str = "", code: int = 0) -> Completed:
    return Completed(code=code, stdout=stdout, stderr="")


def versions(client: str, server: str) -> Completed:
    return answer(
        json.dumps({"Client": {"Version": client}, "Server": {"Version": server}})
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [("20.10.24+dfsg1", (20, 10, 24)), ("v2.26.1-4", (2, 26, 1)), ("dev", ())],
)
def test_a_version_begins_with_numbers(text: str, expected: tuple[int, ...]) -> None:
    assert checks.version(text) == expected


def test_all_is_well(make: Make) -> None:
    machine = make()
    found = [
        one
        for check in (checks.client, checks.engine, checks.plugins, checks.base)
        for one in [*check(machine), *checks.images(machine)]
    ]
    assert {str(one.status) for one in found} == {"ok"}


def test_each_question_is_asked_once(make: Make, engine: Any) -> None:
    machine = make()
    for check in (checks.client, checks.engine, checks.plugins, checks.base):
        check(machine)
    assert len([one for one in engine.calls if one.startswith("version")]) == 1


# -- client ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "status"), [("auto", "warning"), ("docker", "missing")]
)
def test_without_client(
    make: Make, engine: Any, told: Told, server: str, status: str
) -> None:
    engine.absent()
    machine = make(server=server)
    assert told(checks.client(machine)) == (
        status,
        "docker is not installed; needed for --database docker and the stack",
        "sudo apt-get install docker.io",
    )
    for check in (checks.engine, checks.rights, checks.base, checks.images):
        assert told(check(machine)) == ("skipped", "docker is not installed", "")
    assert [one.status for one in checks.plugins(machine)] == ["skipped", "skipped"]


def test_a_suite_in_an_image_needs_docker_too(
    make: Make, engine: Any, told: Told
) -> None:
    engine.absent()
    machine = make(config={"suite": {"portal": SuiteTable(runner="image")}})
    assert told(checks.client(machine))[0] == "missing"


def test_an_old_client(make: Make, engine: Any, told: Told) -> None:
    engine.answers["version"] = versions("19.03.5", "20.10.1")
    status, text, remedy = told(checks.client(make(uid=0)))
    assert (status, remedy) == ("warning", "apt-get install docker.io")
    assert text.startswith("19.03.5 is older than 20.10;")


def test_a_debian_without_systemd_has_a_script(
    make: Make, engine: Any, told: Told
) -> None:
    engine.absent()
    machine = make(uid=0)
    script = machine.config.root / ".ci" / "engine"
    script.parent.mkdir()
    script.touch()
    assert told(checks.client(machine))[2] == f"{script} start"
    machine.systemd.mkdir()
    assert told(checks.client(machine))[2] == "apt-get install docker.io"


# -- engine ------------------------------------------------------------------


def test_no_engine_at_the_socket(make: Make, engine: Any, told: Told) -> None:
    engine.refuse(REFUSED)
    status, text, remedy = told(checks.engine(make()))
    assert (status, remedy) == ("warning", "sudo systemctl start docker")
    assert "does not answer (unix:///nowhere/docker.sock)" in text
    assert told(checks.client(make())) == ("ok", "28.2.2", "")


@pytest.mark.parametrize(
    ("environ", "host", "remedy"),
    [
        ({"DOCKER_HOST": "tcp://127.0.0.1:1"}, "tcp://x", "unset DOCKER_HOST"),
        ({"DOCKER_CONTEXT": "far"}, "tcp://x", "unset DOCKER_CONTEXT"),
        ({}, "ssh://far", "docker context use default"),
    ],
)
def test_an_engine_elsewhere_does_not_answer(
    make: Make,
    engine: Any,
    told: Told,
    environ: dict[str, str],
    host: str,
    remedy: str,
) -> None:
    engine.refuse(REFUSED)
    engine.answers["context inspect"] = answer(host)
    found = told(checks.engine(make(server="docker", environ=environ)))
    assert found[0] == "missing"
    assert found[2] == remedy


def test_an_engine_that_hangs(make: Make, engine: Any, told: Told) -> None:
    engine.answers["version"] = CommandFailed("docker version did not end within 3 s")
    machine = make(server="docker")
    status, text, _ = told(checks.engine(machine))
    assert status == "missing"
    assert "does not answer: docker version did not end within 3 s" in text
    assert told(checks.client(machine)) == ("ok", "of unknown version", "")
    assert told(checks.images(machine))[1] == "the Docker engine does not answer"


def test_an_old_engine(make: Make, engine: Any, told: Told) -> None:
    engine.answers["version"] = versions("28.0", "19.03.5")
    status, text, _ = told(checks.engine(make(server="docker")))
    assert (status, text.split(";")[0]) == ("missing", "19.03.5 is older than 20.10")


# -- rights ------------------------------------------------------------------


def socket(engine: Any, path: Path) -> None:
    engine.answers["context inspect"] = answer(f"unix://{path}\n")


def test_a_socket_that_may_be_used(
    make: Make, engine: Any, told: Told, tmp_path: Path
) -> None:
    (tmp_path / "sock").touch()
    socket(engine, tmp_path / "sock")
    assert told(checks.rights(make()))[:2] == ("ok", f"you may use {tmp_path}/sock")


def test_a_socket_that_may_not_be_used(
    make: Make,
    engine: Any,
    told: Told,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "sock").touch()
    socket(engine, tmp_path / "sock")
    engine.refuse(DENIED)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    status, text, remedy = told(checks.rights(make(server="docker")))
    assert (status, remedy) == (
        "missing",
        "sudo usermod -aG docker $USER && newgrp docker",
    )
    assert text.startswith(f"you may not use {tmp_path}/sock;")
    assert told(checks.engine(make()))[:2] == ("skipped", "its socket may not be used")


def test_a_socket_that_is_not_there(make: Make, told: Told) -> None:
    assert told(checks.rights(make()))[0] == "skipped"


def test_an_engine_elsewhere_has_no_socket(make: Make, engine: Any, told: Told) -> None:
    engine.answers["context inspect"] = answer("tcp://far:2376")
    assert told(checks.rights(make()))[:2] == (
        "skipped",
        "the engine is at tcp://far:2376",
    )


# -- plugins -----------------------------------------------------------------


def test_plugins_that_are_absent_or_old(make: Make, engine: Any) -> None:
    plugins = [
        {"Name": "compose", "Version": "1.29.2"},
        {"Name": "buildx", "Version": "0.13", "Err": "exec format error"},
    ]
    info = {"ClientInfo": {"Plugins": plugins}}
    engine.answers["info"] = answer(json.dumps(info), 1)
    compose, buildx = checks.plugins(make(server="docker"))
    assert (compose.status, buildx.status) == ("warning", "warning")
    assert compose.text == "1.29.2 is older than 2; needed for the stack (harness up)"
    assert compose.remedy == "sudo apt-get install docker-compose-plugin"
    assert buildx.found == "the plugin buildx is not installed"


def test_a_plugin_may_hide_its_version(make: Make, engine: Any) -> None:
    info = {"ClientInfo": {"Plugins": [{"Name": "compose"}, {"Name": "buildx"}]}}
    engine.answers["info"] = answer(json.dumps(info))
    assert [one.status for one in checks.plugins(make())] == ["ok", "ok"]


# -- images ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("registry", "remedy"),
    [(0, "docker pull debian:bookworm-slim"), (1, "harness images base")],
)
def test_no_base_image(
    make: Make, engine: Any, told: Told, registry: int, remedy: str
) -> None:
    del engine.answers["image inspect debian:bookworm-slim"]
    engine.answers["manifest inspect debian:bookworm-slim"] = answer("", registry)
    status, text, found = told(checks.base(make()))
    assert (status, found) == ("warning", remedy)
    assert "debian:bookworm-slim is not here" in text


def test_a_registry_that_hangs(make: Make, engine: Any, told: Told) -> None:
    del engine.answers["image inspect debian:bookworm-slim"]
    engine.answers["manifest inspect"] = CommandFailed("did not end within 3 s")
    assert told(checks.base(make()))[2] == "harness images base"


def test_images_that_are_not_built(make: Make, engine: Any, told: Told) -> None:
    engine.answers["image ls"] = answer("collecting-society/db:development\n")
    status, text, remedy = told(checks.images(make(server="docker")))
    assert (status, remedy) == ("warning", "harness build")
    assert text.startswith("6 of 7 are not built: erpserver, portal")


@pytest.mark.parametrize(
    ("image", "remedy"),
    [("", "harness build db"), ("postgres:15", "docker pull postgres:15")],
)
def test_the_image_of_the_database(
    make: Make, engine: Any, image: str, remedy: str
) -> None:
    engine.answers["image ls"] = answer("other:latest\n")
    config = {"database": DatabaseSettings(server="docker", image=image)}
    database, stack = checks.images(make(config=config))
    assert (database.check, str(database.status)) == ("database image", "missing")
    assert database.remedy == remedy
    assert str(stack.status) == "warning"


def test_an_image_by_digest_is_found(make: Make, engine: Any, told: Told) -> None:
    image = "postgres@sha256:0123"
    engine.answers[f"image inspect {image}"] = answer("[{}]")
    config = {"database": DatabaseSettings(server="docker", image=image)}
    assert told(checks.images(make(config=config)))[0] == "ok"


# -- a busy machine ------------------------------------------------------------


@pytest.mark.parametrize(
    ("load", "times"), [(0.0, 1.0), (2.0, 1.0), (10.0, 5.0), (300.0, 10.0)]
)
def test_a_busy_machine_is_given_more_time(load: float, times: float) -> None:
    assert slowness(load, 2) == times


@pytest.mark.parametrize(("asked", "given"), [(60.0, 15.0), (10.0, 10.0)])
def test_how_long_an_engine_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, asked: float, given: float
) -> None:
    calls: list[float] = []

    def run(argv: object, *, timeout: float, **more: Any) -> Completed:
        calls.append(timeout)
        return answer()

    monkeypatch.setattr(proc, "run", run)
    monkeypatch.setattr(Engine, "argv", lambda self, *parts: ["docker", *parts])
    Engine({}, patience=15.0).run("info", timeout=asked)
    assert calls == [given]
