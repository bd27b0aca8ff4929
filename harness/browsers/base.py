# SPDX-License-Identifier: GPL-3.0-or-later
"""What every place of browsers offers, and what all of them share."""

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from harness.errors import BrowserError


@dataclass(frozen=True, kw_only=True)
class BrowserRequest:
    """What is asked of a browser; `page_timeout` and `start_timeout` in seconds.

    `name` is a browser, or ``auto``; `scratch` a directory that goes with the run.
    `arguments` go to the browser, `capabilities` over all others.
    """

    name: str = "auto"
    headed: bool = False
    scratch: Path
    arguments: tuple[str, ...] = ()
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    start_timeout: float = 30.0
    host: str = ""
    """The name by which browsers reach this machine, if it is not to be found out."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Where servers listen, and what browsers call that place."""

    bind: str = "127.0.0.1"
    host: str = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A WebDriver for one worker, with what to ask it for.

    `downloads` is a directory that both sides see, or empty; `near` says that the
    browser sees this machine's files; `log` is the driver's.
    """

    url: str
    capabilities: Mapping[str, Any]
    downloads: str = ""
    near: bool = False
    log: str = ""
    viewer: str = ""


class Browsers(Protocol):
    """A place where browsers come from; one for each worker."""

    kind: str

    def why_not(self) -> str | None:
        """The reason why it cannot be used here, or None."""

    def versions(self) -> str:
        """Browser and driver, for the run's header."""

    def reach(self) -> Reach:
        """How its browsers reach the servers of a worker."""

    def open(self, worker: str) -> Endpoint:
        """A new one for a worker; the one that it had is closed.

        Raises `BrowserError` with the driver's own words.
        """

    def close(self, worker: str = "") -> None:
        """End what a worker has; without a name, all."""


def wait(
    url: str,
    *,
    timeout: float,
    ended: Callable[[], bool],
    words: Callable[[], str],
) -> dict[str, Any]:
    """Wait until a WebDriver is ready; what it says of itself.

    Raises `BrowserError` when its process `ended`, or after `timeout` seconds, with
    the end of its log (`words`).
    """
    deadline = time.monotonic() + timeout
    while True:
        over = ended()
        with contextlib.suppress(OSError, ValueError):
            said = status(url, timeout=2.0)
            if said.get("ready"):
                return said
        if over or time.monotonic() > deadline:
            how = "ended" if over else f"was not ready within {timeout:g} s"
            raise BrowserError(
                f"the driver of the browser {how}",
                checked=f"{url}/status; its log says:\n{words()[-2000:].strip()}",
                remedy="harness doctor; or choose another one: --browser docker",
            )
        time.sleep(0.02)


def status(url: str, *, timeout: float) -> dict[str, Any]:
    """What a WebDriver says at ``/status``.

    Raises OSError or ValueError if it is none, or not there.
    """
    import http.client  # with ssl and email: most runs have no browser

    parts = urlsplit(url)
    make = (
        http.client.HTTPSConnection
        if parts.scheme == "https"
        else http.client.HTTPConnection
    )
    connection = make(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/status")
        answer = connection.getresponse()
        if answer.status != 200:
            raise ValueError(f"HTTP {answer.status} {answer.reason}")
        document = json.loads(answer.read())
    except http.client.HTTPException as error:
        raise ValueError(str(error) or repr(error)) from error
    finally:
        connection.close()
    value = document.get("value") if isinstance(document, dict) else None
    if not isinstance(value, dict):
        raise ValueError("the answer is none of a WebDriver")
    return value
