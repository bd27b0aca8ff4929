# SPDX-License-Identifier: GPL-3.0-or-later
"""An existing Selenium Grid, or a service that speaks WebDriver, by its address."""

import re
import socket
from typing import Any
from urllib.parse import urlsplit

from harness.browsers import capabilities
from harness.browsers.base import BrowserRequest, Endpoint, Reach, status

ANSWER = 10.0
"""Seconds that a grid gets to say how it is."""
LOOPBACK = re.compile(r"localhost|127\.|\[?::1")


class Grid:
    """Sessions on somebody else's browsers."""

    kind = "grid"

    def __init__(self, wish: BrowserRequest, url: str) -> None:
        self.wish = wish
        self.url = url.rstrip("/")
        self._status: dict[str, Any] | None = None

    def why_not(self) -> str | None:
        """It may be unreachable, none, or not ready."""
        try:
            said = self._ask()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error) or repr(error)
            return f"{self.shown} does not answer as a WebDriver: {why}"
        if not said.get("ready"):
            return f"{self.shown} is not ready: {said.get('message') or said}"
        return None

    @property
    def shown(self) -> str:
        """The address without its password."""
        return re.sub(r"//[^/@]*@", "//***@", self.url)

    def _ask(self) -> dict[str, Any]:
        if self._status is None:
            self._status = status(self.url, timeout=ANSWER)
        return self._status

    def versions(self) -> str:
        """What it says of itself; the browser's version is known with a session."""
        said = self._ask()
        build = said.get("build") or {}
        version = build.get("version") if isinstance(build, dict) else ""
        message = str(version or said.get("message") or "ready")
        return f"{self.shown} ({message})"

    def reach(self) -> Reach:
        """The address of this machine that the grid sees."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if self.wish.host:
            return Reach(bind="0.0.0.0", host=self.wish.host)  # noqa: S104
        if LOOPBACK.match(host):
            return Reach()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, parts.port or 80))
            own = str(probe.getsockname()[0])
        return Reach(bind=own, host=own)

    def open(self, worker: str) -> Endpoint:
        """See `Browsers`."""
        name = self.wish.name
        make = capabilities.firefox if name == "firefox" else capabilities.chromium
        return Endpoint(url=self.url, capabilities=make(self.wish))

    def close(self, worker: str = "") -> None:
        """The session is the worker's own."""
