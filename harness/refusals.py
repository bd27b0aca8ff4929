# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Docker engine's words mean: typed failures with their remedies."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from harness import proc
from harness.errors import (
    CommandFailed,
    EngineError,
    HarnessError,
    ImageError,
    MissingTool,
)

Match = re.Match[str]
ELSEWHERE: Final = re.compile(r"(tcp|https?)://(?!%2F)|\bssh\b")
"""Where docker names an engine that is not behind a socket."""
HERE: Final = "unset DOCKER_HOST DOCKER_CONTEXT; docker context use default"
"""The lines that take this machine's engine."""


def failure(argv: Sequence[str], code: int, output: str) -> HarnessError:
    """The error that belongs to what ``docker`` said.

    `MissingTool` without an engine or rights, `EngineError` for a port that is
    taken and a full disk, `ImageError` where an image is not to be had,
    `CommandFailed` for the rest.
    """
    text = output.strip()
    line = proc.line(argv)
    for pattern, make in MEANINGS:
        for said in text.splitlines():
            match = re.search(pattern, said, re.IGNORECASE)
            if match:
                return make(match, said, line)
    return CommandFailed(f"{line} ended with exit code {code}:\n{text[-4000:]}")


def _no_rights(match: Match, said: str, line: str) -> HarnessError:
    return MissingTool(
        "you may not use the Docker engine's socket",
        checked=said,
        remedy="sudo usermod -aG docker $USER, then log in again",
    )


def _no_engine(match: Match, said: str, line: str) -> HarnessError:
    if ELSEWHERE.search(said):
        return MissingTool(
            "the Docker engine of another machine does not answer",
            checked=said,
            remedy=f"look at its address and network; or take this machine's: {HERE}",
        )
    return MissingTool(
        "the Docker engine does not answer",
        checked=said,
        remedy="start it: sudo systemctl start docker"
        " (or go without: --database local)",
    )


def _no_trust(match: Match, said: str, line: str) -> HarnessError:
    return MissingTool(
        "the Docker engine and this machine do not take each other's certificates",
        checked=said,
        remedy="ca.pem, cert.pem and key.pem of its authority belong in"
        " DOCKER_CERT_PATH, with DOCKER_TLS_VERIFY=1, or in the context; or"
        f" take this machine's engine: {HERE}",
    )


def _port(match: Match, said: str, line: str) -> HarnessError:
    return EngineError(
        f"the port {match['port'].rstrip(':')} is taken",
        checked=said,
        remedy="harness doctor says by whom; free it, or set another one",
    )


def _full(match: Match, said: str, line: str) -> HarnessError:
    return EngineError(
        "the Docker engine has no space left",
        checked=said,
        remedy="docker system df says what takes it; harness clean removes"
        " what the harness made",
    )


def _no_image(match: Match, said: str, line: str) -> HarnessError:
    return ImageError(
        "an image is not here and cannot be pulled",
        checked=f"{line}: {said}",
        remedy="without a registry: harness images base, then harness build",
    )


MEANINGS: Final[tuple[tuple[str, Callable[[Match, str, str], HarnessError]], ...]] = (
    (r"permission denied.* connect", _no_rights),
    (
        r"^error during connect.*(x509|tls): |client authentication \(--tlsverify\)|"
        r"HTTP request to an HTTPS server|resolve docker endpoint: .*\.pem",
        _no_trust,
    ),
    (
        r"cannot connect to the docker daemon|docker daemon running|"
        r"error during connect|"
        # Not whom a program inside has found: psql's server that begins, say.
        r"^(?!error response from daemon).*\b(dial |ssh: connect).*connection refused|"
        r"EOF$",
        _no_engine,
    ),
    (
        r"(bind for |listen tcp4? )(?P<port>[\d.:]+).*"
        r"(already allocated|already in use)",
        _port,
    ),
    (r"no space left on device", _full),
    (
        r"pull access denied|manifest unknown|failed to resolve (source|reference)|"
        r"unable to find image|failed to do request|no such image|"
        r"lookup [^ ]+ on |registry[^ ]*: no such host",
        _no_image,
    ),
)
"""What docker says, and the error that it means."""
