# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of an ACME issuer, as docs/stack.md has them: with certbot and Pebble.

``ACME=1`` and Debian's packages certbot and pebble: it takes half a minute, so that CI
leaves it out.
"""

import contextlib
import http.client
import json
import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.rolling import PAGES, Load
from tests.integration.checkouts import ROOT, Checkout, free, say
from tests.integration.test_certificates import certificate
from tests.integration.test_rolling import HOSTS, ask, secured

__all__ = ["secured"]
pytestmark = [
    pytest.mark.skipif("ACME" not in os.environ, reason="ACME=1 is not set"),
    pytest.mark.usefixtures("engine", "images"),
]


def block(language: str, begins: str) -> str:
    """A block of the page."""
    text = (ROOT / "docs" / "stack.md").read_text("utf-8")
    blocks = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    [found] = [one for one in blocks if one.startswith(begins)]
    return str(found)


@pytest.fixture
def issuer(stack: Checkout, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Pebble, to which our names are on this machine; certbot's variables."""
    pair = certificate(tmp_path / "issuer", "localhost")
    port, names = free(), free()
    told = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{free()}",
        "certificate": str(pair.certificate),
        "privateKey": str(pair.key),
        "httpPort": stack.web,
        "tlsPort": free(),
    }
    config = tmp_path / "pebble.json"
    config.write_text(json.dumps({"pebble": told}))
    asked = [f"-{one}=" for one in ("http01", "https01", "tlsalpn01", "defaultIPv6")]
    at = f"127.0.0.1:{names}"
    programs = (
        [
            "pebble-challtestsrv",
            *asked,
            f"-dns01={at}",
            f"-management=127.0.0.1:{free()}",
        ],
        ["pebble", "-config", str(config), "-dnsserver", at],
    )
    quick = {**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
    with contextlib.ExitStack() as ends, (tmp_path / "log").open("wb") as log:
        for argv in programs:
            child = subprocess.Popen(argv, env=quick, stdout=log, stderr=log)
            ends.callback(child.wait)
            ends.callback(child.terminate)
        trusted = ssl.create_default_context(cafile=pair.certificate)
        deadline = time.monotonic() + 30
        while True:
            connection = http.client.HTTPSConnection("localhost", port, context=trusted)
            with contextlib.suppress(OSError), contextlib.closing(connection):
                connection.connect()
                break
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.1)
        yield {
            "server": f"https://localhost:{port}/dir",
            "REQUESTS_CA_BUNDLE": str(pair.certificate),
        }


def serial(port: int) -> str:
    """The number of the certificate that is served, and who has made it."""
    text = ssl.get_server_certificate(("127.0.0.1", port))
    words = ["openssl", "x509", "-noout", "-serial", "-issuer"]
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=True)
    return done.stdout


def test_a_certificate_is_issued_and_renewed_while_all_serves(
    secured: tuple[Checkout, int, Path], issuer: dict[str, str], tmp_path: Path
) -> None:
    stack, port, own = secured
    project = stack.root / "pyproject.toml"
    before, root = project.read_text(), stack.root / "compose" / "acme"
    root.mkdir()
    hook = stack.root / "renewed"
    program = f"{sys.executable} -m harness up"
    text = block("sh", "#!/bin/sh").replace("/srv/society", str(stack.root))
    text = text.replace("harness up", program).replace("production", "development")
    hook.write_text(text)
    hook.chmod(0o755)
    certbot = [
        "/usr/bin/certbot", "--server", issuer["server"], "--non-interactive",
        "--agree-tos", "--register-unsafely-without-email",
        "--no-random-sleep-on-renew",
        *(word for name in ("config", "work", "logs")
          for word in (f"--{name}-dir", str(tmp_path / name))),
    ]  # fmt: skip
    env = {**stack.env, "REQUESTS_CA_BUNDLE": issuer["REQUESTS_CA_BUNDLE"]}

    def asked(*words: str) -> None:
        done = subprocess.run(
            [*certbot, *words], env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        project.write_text(before + block("toml", "[tool.harness.service.acme]"))
        stack.good("up")
        first = serial(port)
        assert ask(stack.web, HOSTS[0], "/.well-known/acme-challenge/x").status == 404
        with Load(port, PAGES, secure=True) as load:
            names = [word for name in HOSTS for word in ("-d", name)]
            place = ("--webroot-path", str(root), "--deploy-hook", str(hook))
            asked("certonly", "--webroot", *place, *names)
            second = serial(port)
            asked("renew", "--force-renewal")
            third = serial(port)
        assert len({first, second, third}) == 3, (first, second, third)
        assert "Pebble" in second
        assert "Pebble" in third
        assert own.read_text().count("BEGIN CERTIFICATE") >= 2
        say(f"{load.answers}, the slowest {load.slowest:.2f} s")
        assert not load.failures
    finally:
        project.write_text(before)
        stack("down")  # it has a service more than the project
        stack.good("up")
