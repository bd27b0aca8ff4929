# SPDX-License-Identifier: GPL-3.0-or-later
"""The server in a container, as far as nothing is started."""

from pathlib import Path
from typing import Any

import pytest

from harness.errors import ImageError, MissingTool
from harness.postgres import DockerServer
from harness.store import Store

IMAGE = "x/db:test"


def docker(
    tmp_path: Path, found: dict[str, Any] | Exception | None, **environ: str
) -> DockerServer:
    """A server whose engine knows one image, or none, or fails."""
    server = DockerServer(Store(tmp_path / "state"), image=IMAGE, environ=environ)

    class Engine:
        def elsewhere(self) -> str:
            return ""

        def named(self) -> dict[str, str]:
            return {"DOCKER_HOST": "tcp://far:1"}

        def inspect(self, kind: str, name: str) -> dict[str, Any] | None:
            assert (kind, name) == ("image", IMAGE)
            if isinstance(found, Exception):
                raise found
            return found

    server.engine = Engine()  # type: ignore[assignment]
    return server


def image(*, labels: dict[str, str] | None = None, env: tuple[str, ...] = ()) -> Any:
    return {"Id": "sha256:0123456789abcdef", "Config": {"Labels": labels, "Env": env}}


@pytest.mark.parametrize(
    ("found", "major"),
    [
        (image(labels={"harness.postgresql": "15"}), "15"),
        (image(env=("PATH=/bin", "PG_MAJOR=17")), "17"),
        (image(), "0123456789ab"),
    ],
)
def test_the_version_of_an_image(tmp_path: Path, found: Any, major: str) -> None:
    server = docker(tmp_path, found)
    assert server.major() == major
    assert server.name == f"harness-{server.store.id}-db-{major}"
    assert server.why_not() is None


def test_without_the_image_it_says_how_to_make_it(tmp_path: Path) -> None:
    server = docker(tmp_path, None)
    assert server.why_not() == "the image x/db:test is not there (harness build db)"
    with pytest.raises(ImageError):
        server.major()


def test_without_an_engine_it_says_so(tmp_path: Path) -> None:
    server = docker(tmp_path, MissingTool("no engine", remedy="start it"))
    assert server.why_not() == "no engine (start it)"
    assert not server.alive()


@pytest.mark.parametrize(("address", "bind"), [("", "127.0.0.1"), ("tcp://far:1", "")])
def test_it_answers_on_loopback_where_the_engine_is_here(
    tmp_path: Path, address: str, bind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = docker(tmp_path, image(labels={"harness.postgresql": "15"}))
    here = server.directory()
    monkeypatch.setattr(server.engine, "elsewhere", lambda: address)
    assert (server.directory() == here) is (
        not address
    )  # nobody joins another's server
    monkeypatch.setattr(server, "_data", lambda: "data")
    order = server._order()
    assert order["bind"] == bind
    assert order["labels"] == {
        "harness.state": server.store.id,
        "harness.role": "server",
    }


def test_its_supervisor_takes_no_other_authority_than_the_engines(
    tmp_path: Path,
) -> None:
    """Requests would take a company's bundle in place of DOCKER_CERT_PATH's."""
    bundles = {"REQUESTS_CA_BUNDLE": "/etc/ssl/all.crt", "CURL_CA_BUNDLE": "/x"}
    server = docker(tmp_path, image(), PATH="/bin", **bundles)
    assert server._share().environ == {
        "PATH": "/bin",
        "DOCKER_HOST": "tcp://far:1",
        "TESTCONTAINERS_RYUK_DISABLED": "true",
    }
