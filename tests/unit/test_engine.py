# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine's words mean, and which of its things may go."""

import pytest

from harness import engine, proc
from harness.engine import Engine, Owned
from harness.errors import (
    CommandFailed,
    EngineError,
    HarnessError,
    ImageError,
    MissingTool,
)

SAID = {
    "no rights": (
        "permission denied while trying to connect to the Docker daemon socket",
        MissingTool,
        "usermod",
    ),
    "no engine": (
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the"
        " docker daemon running?",
        MissingTool,
        "systemctl start docker",
    ),
    "taken port": (
        "driver failed: Bind for 127.0.0.1:81 failed: port is already allocated",
        EngineError,
        "harness doctor",
    ),
    "taken port outside": (
        "listen tcp4 127.0.0.1:8000: bind: address already in use",
        EngineError,
        "harness doctor",
    ),
    "full disk": (
        "write /var/lib/docker/x: no space left on device",
        EngineError,
        "harness clean",
    ),
    "refused pull": (
        "pull access denied for x, repository does not exist",
        ImageError,
        "harness images base",
    ),
    "anything else": ("flux compensator is broken", CommandFailed, ""),
}


@pytest.mark.parametrize("name", SAID)
def test_each_failure_has_its_error_and_remedy(name: str) -> None:
    text, kind, remedy = SAID[name]
    error = engine.failure(["docker", "run", "x"], 1, f"line before\n{text}")
    assert type(error) is kind
    assert remedy in error.remedy
    assert text in f"{error}" or text.splitlines()[0] in error.checked


def test_the_port_is_named() -> None:
    error = engine.failure(["docker"], 1, SAID["taken port"][0])
    assert error.message == "the port 127.0.0.1:81 is taken"


def test_without_docker_there_is_a_reason() -> None:
    reason = Engine({"PATH": "/nowhere"}).why_not()
    assert reason == "docker is not installed"


class Recorded(Engine):
    """An engine whose answers are written down."""

    def __init__(self, **answers: tuple[int, str, str]) -> None:
        super().__init__({"PATH": "/nowhere"})
        self.answers = answers
        self.calls: list[tuple[str, ...]] = []

    def argv(self, *parts: object) -> list[str]:
        return ["docker", *map(str, parts)]

    def run(self, *parts: object, **options: object) -> proc.Completed:
        call = tuple(map(str, parts))
        self.calls.append(call)
        code, out, err = self.answers.get("_".join(call[:2]), (0, "", ""))
        return proc.Completed(code=code, stdout=out, stderr=err)


def owned(kind: str, *, run: str) -> Owned:
    return Owned(kind=kind, id=f"{kind}-{run}", name=kind, role="runner", run=run)


def test_owned_things_are_found_by_label() -> None:
    made = Recorded(
        container_ls=(0, "c1\tone\trunner\tr1\n", ""),
        network_ls=(0, "n1\tnet\trunner\tr1\n", ""),
        volume_ls=(0, "v1\tv1\tdata\t\n", ""),
    )
    assert [(one.kind, one.id, one.run) for one in made.owned("abc")] == [
        ("container", "c1", "r1"),
        ("network", "n1", "r1"),
        ("volume", "v1", ""),
    ]
    assert all("label=harness.state=abc" in call for call in made.calls)


def test_only_things_of_dead_runs_are_swept() -> None:
    made = Recorded(
        container_ls=(0, "c1\tone\trunner\tdead\nc2\ttwo\trunner\tlive\n", ""),
        volume_ls=(0, "v1\tv1\tdata\t\n", ""),
    )
    assert [one.id for one in made.sweep("abc", {"live"})] == ["c1"]
    assert ("container", "rm", "--force", "--volumes", "c1") in made.calls
    assert not any("c2" in call or "v1" in call for call in made.calls)


def test_what_is_gone_already_is_no_error() -> None:
    gone = Recorded(container_rm=(1, "", "Error: No such container: c1\n"))
    gone.remove([owned("container", run="r")])
    busy = Recorded(volume_rm=(1, "", "Error: volume is in use\n"))
    with pytest.raises(HarnessError, match="in use"):
        busy.remove([owned("volume", run="r")])
