# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody who visits the stack sees that it is changed; and TLS, which ends in it."""

import contextlib
import http.client
import json
import os
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.rolling import PAGES, Load
from harness.engine import Engine
from tests.integration.checkouts import PREFIX, VARIANT, Checkout, docker, free, say
from tests.integration.test_certificates import certificate

WITHOUT = Engine(dict(os.environ)).why_not()
pytestmark = [
    pytest.mark.skipif(
        bool(WITHOUT) and not os.environ.get("CI"),
        reason=f"no Docker engine: {WITHOUT}",
    ),
    pytest.mark.usefixtures("engine", "images"),
]
HOSTS = ("repertoire.test", "api.repertoire.test")


def trusting(path: Path) -> ssl.SSLContext:
    """What a browser has that knows this issuer, and no other."""
    return ssl.create_default_context(cafile=path)


def ask(
    port: int, host: str, path: str, trusted: ssl.SSLContext | None = None
) -> http.client.HTTPResponse:
    """An answer, with its headers; by TLS, as portal, where somebody is trusted."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        if trusted:
            connection.connect()
            connection.sock = trusted.wrap_socket(
                connection.sock, server_hostname=HOSTS[0]
            )
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        answer.read()
        return answer


BEHIND = (
    "server { listen 443 ssl http2; server_name behind.example;"
    " location / { proxy_pass http://127.0.0.1:8082; } }"
    " server { listen 8082; add_header Strict-Transport-Security own; }"
)
"""An application that has its own mind."""


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[tuple[int, int, Path]]:
    """It alone, with a certificate: nothing is behind it.  Its ports, and that."""
    pair = certificate(tmp_path / "secrets", *HOSTS)
    pair.key.chmod(0o644)  # for its own user
    pair.place.chmod(0o755)
    web, secure = free(), free()
    name = docker(
        "run", "--detach", "--rm", "--publish", f"127.0.0.1:{web}:81",
        "--publish", f"127.0.0.1:{secure}:443", "--env", "HSTS=max-age=600",
        "--env", f"HTTPS_PORT={secure}", "--volume", f"{pair.place}:/run/secrets:ro",
        "--env", f"SERVERS={BEHIND}", f"{PREFIX}/nginx:{VARIANT}",
    ).strip()  # fmt: skip
    try:
        yield web, secure, pair.certificate
    finally:
        docker("rm", "--force", name)


def test_pages_are_for_https_alone(nginx: tuple[int, int, Path]) -> None:
    web, secure, path = nginx
    deadline = time.monotonic() + 60
    while True:
        try:
            plain = ask(web, HOSTS[0], "/login?next=a")
            break
        except (OSError, http.client.HTTPException):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert plain.status == 308
    assert plain.headers["Location"] == f"https://{HOSTS[0]}:{secure}/login?next=a"
    assert "Strict-Transport-Security" not in plain.headers
    assert ask(web, "example.org", "/").status == 404
    assert ask(web, "example.org", "/health").status == 200
    # Who proves to an issuer that this host is ours is a service that is not there.
    assert ask(web, HOSTS[0], "/.well-known/acme-challenge/x").status == 502
    answer = ask(secure, "example.org", "/", trusting(path))
    assert answer.status == 404
    assert answer.headers["Strict-Transport-Security"] == "max-age=600"
    answer = ask(secure, "behind.example", "/", trusting(path))
    assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=600"]
    old = trusting(path)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert ask(secure, "example.org", "/", old).status == 404


@pytest.fixture
def secured(stack: Checkout) -> Iterator[tuple[Checkout, int, Path]]:
    """Two portals behind a certificate; its port, and the certificate."""
    secrets = stack.root / "compose" / "secrets" / "development"
    local = stack.root / "compose" / "env" / "local" / "portal.env"
    port = free()
    stack.env["HARNESS_STACK_HTTPS_PORT"] = str(port)
    pair = certificate(secrets, *HOSTS)
    try:
        stack.good("scale", "portal=2")
        stack.good("up")
        yield stack, port, pair.certificate
    finally:
        for path in (pair.certificate, pair.key, local):
            path.unlink(missing_ok=True)
        stack.good("scale", "portal=1")
        stack.good("up")


def portals(stack: Checkout) -> set[str]:
    return {str(one["name"]) for one in stack.containers()["portal"]}


def test_services_are_replaced_while_they_serve(
    secured: tuple[Checkout, int, Path],
) -> None:
    stack, port, path = secured
    found = json.loads(stack.good("urls", "--json"))
    assert f"https://{HOSTS[0]}:{port}/" in {one["url"] for one in found if one["up"]}
    before, former = portals(stack), trusting(path)
    certificate(path.parent, *HOSTS)
    local = stack.root / "compose" / "env" / "local" / "portal.env"
    with Load(port, PAGES, secure=True) as load:
        local.write_text("PORTAL_PAGE_SIZE=7\n")
        say(stack.good("up"))
        after = portals(stack)
        assert len(after) == 2
        assert not after & before
        stack.good("up")
        assert portals(stack) == after
        # So is the certificate, in the nginx that is there.
        assert ask(port, HOSTS[0], "/health", trusting(path)).status == 200
        with pytest.raises(ssl.SSLError):
            ask(port, HOSTS[0], "/health", former)
        stack.good("scale", "portal=1")
        assert len(portals(stack)) == 1
    say(f"{load.answers}, the slowest {load.slowest:.2f} s")
    assert not load.failures
    assert load.answers.total() > 100


def test_what_browsers_would_refuse_is_said_before_anything_starts(
    stack: Checkout,
) -> None:
    secrets = stack.root / "compose" / "secrets" / "development"
    own = f"label=com.docker.compose.project={stack.project}"
    there = ("ps", "--quiet", "--filter", own)
    before = docker(*there)
    pair = certificate(secrets, HOSTS[0])
    try:
        done = stack("up")
        assert done.returncode == 2
        assert f"is for {HOSTS[0]}, not for {HOSTS[1]}" in done.stdout
    finally:
        pair.certificate.unlink()
        pair.key.unlink()
    done = stack("up", HARNESS_STACK_ADDRESS="0.0.0.0")
    assert done.returncode == 2
    assert "there is no certificate" in done.stdout
    assert docker(*there) == before
