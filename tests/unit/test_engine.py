# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine's words mean, and which of its things may go."""

from pathlib import Path

import pytest

from harness import proc, refusals
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
    "no engine elsewhere": (
        "Cannot connect to the Docker daemon at tcp://10.0.0.1:2376. Is the docker"
        " daemon running?",
        MissingTool,
        "docker context use default",
    ),
    "nobody at ssh": (
        'error during connect: Get "http://docker.example.com/v1.50/version": command'
        " [ssh -o ConnectTimeout=30 -T -- there docker system dial-stdio] has exited",
        MissingTool,
        "docker context use default",
    ),
    "engine of another authority": (
        'error during connect: Get "https://10.0.0.1:2376/v1.50/version": tls: failed'
        " to verify certificate: x509: certificate signed by unknown authority",
        MissingTool,
        "DOCKER_CERT_PATH",
    ),
    "client of another authority": (
        "the server probably has client authentication (--tlsverify) enabled; check"
        ' your TLS client certification settings: Get "https://10.0.0.1:2376/v1.50/version":'
        " remote error: tls: bad certificate",
        MissingTool,
        "DOCKER_CERT_PATH",
    ),
    "no TLS": (
        "Error response from daemon: Client sent an HTTP request to an HTTPS server.",
        MissingTool,
        "DOCKER_TLS_VERIFY",
    ),
    "no certificate": (
        "Failed to initialize: unable to resolve docker endpoint: open /nowhere/ca.pem:"
        " no such file or directory",
        MissingTool,
        "DOCKER_CERT_PATH",
    ),
    "registry of another authority": (
        'failed to do request: Head "https://r.example/v2/x": x509: certificate signed',
        ImageError,
        "harness images base",
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
    "nobody at the port of ssh": (
        "ssh: connect to host there port 22: Connection refused",
        MissingTool,
        "docker context use default",
    ),
    "a server inside that begins": (
        'psql: error: connection to server on socket "/run/.s.PGSQL.5432" failed:'
        " Connection refused",
        CommandFailed,
        "",
    ),
    "anything else": ("flux compensator is broken", CommandFailed, ""),
}


@pytest.mark.parametrize("name", SAID)
def test_each_failure_has_its_error_and_remedy(name: str) -> None:
    text, kind, remedy = SAID[name]
    error = refusals.failure(["docker", "run", "x"], 1, f"line before\n{text}")
    assert type(error) is kind
    assert remedy in error.remedy
    assert text in f"{error}" or text.splitlines()[0] in error.checked


def test_the_port_is_named() -> None:
    error = refusals.failure(["docker"], 1, SAID["taken port"][0])
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


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("unix:///var/run/docker.sock", False),
        ("npipe:////./pipe/docker_engine", False),
        ("tcp://10.0.0.1:2376", True),
        ("ssh://there", True),
    ],
)
def test_an_engine_is_elsewhere_by_its_address(
    tmp_path: Path, address: str, *, expected: bool
) -> None:
    """Of the variable, or of the context that was chosen; none asks for nothing."""
    found = address if expected else ""
    made = Recorded(context_inspect=(0, f"{address}\n", ""))
    for told in ({"DOCKER_HOST": address}, {"DOCKER_CONTEXT": "x"}):
        made.environ = told
        assert made.elsewhere() == found
    made.environ = {"HOME": str(tmp_path)}
    made.calls.clear()
    assert (made.elsewhere(), made.calls) == ("", [])
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text('{"currentContext": "x"}')
    assert made.elsewhere() == found


def test_an_engine_elsewhere_must_have_the_files(tmp_path: Path) -> None:
    said = "invalid mount config: bind source path does not exist: /x"
    far = {"DOCKER_HOST": "ssh://there"}
    made = Recorded(**{"create_--label": (1, "", said)})
    made.require_files(tmp_path, "image", "another")  # by a socket it has them
    assert not made.calls
    made.environ = far
    with pytest.raises(EngineError, match="at ssh://there has not the files") as caught:
        made.require_files(tmp_path, "image", "another")
    assert caught.value.remedy == "another"
    near = Recorded(**{"create_--label": (0, "abc\n", "")})
    near.environ = far
    near.require_files(tmp_path, "image", "another")
    assert near.calls[-1] == ("rm", "--force", "abc")
    assert not list(tmp_path.iterdir())


def test_a_context_is_named_to_libraries_that_know_none(tmp_path: Path) -> None:
    class Context(Recorded):
        def run(self, *parts: object, **options: object) -> proc.Completed:
            found = {
                "{{.Endpoints.docker.Host}}": "tcp://10.0.0.1:2376",
                "{{.Storage.TLSPath}}": str(tmp_path / "tls"),
            }[str(parts[-1])]
            return proc.Completed(code=0, stdout=f"{found}\n", stderr="")

    made = Context()
    assert made.named() == {}  # behind the usual socket
    made.environ = {"DOCKER_CONTEXT": "far"}
    assert made.named() == {"DOCKER_HOST": "tcp://10.0.0.1:2376"}
    (tmp_path / "tls" / "docker").mkdir(parents=True)
    assert made.named() == {
        "DOCKER_HOST": "tcp://10.0.0.1:2376",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": str(tmp_path / "tls" / "docker"),
    }
    made.environ = {"DOCKER_HOST": "tcp://10.0.0.2:2376"}
    assert made.named() == {}  # they know that one
