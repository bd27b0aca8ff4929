# SPDX-License-Identifier: GPL-3.0-or-later
"""Browsers in containers of the service ``selenium``, one for each worker."""

import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.browsers import capabilities
from harness.browsers.base import BrowserRequest, Endpoint, Reach
from harness.browsers.guarded import Guarded
from harness.engine import Engine, options
from harness.errors import BrowserError, HarnessError, ImageError

PORT: Final = "4444"
VIEWERS: Final = {"7900": "http", "5900": "vnc"}
"""Where images show their screen, and how: Selenium's to browsers, ours by VNC."""
ENDPOINT: Final = "endpoint"
"""The program of the stack's own image."""
SHARED: Final = "1g"
DOWNLOADS: Final = "/tmp/downloads"


class DockerBrowsers:
    """Containers that end with the harness: each is a guarded ``docker run``."""

    kind = "docker"

    def __init__(
        self,
        wish: BrowserRequest,
        environ: Mapping[str, str],
        *,
        image: str,
        labels: Mapping[str, str],
        name: str,
        network: str = "",
        suite: str = "",
        aliases: Sequence[str] = (),
    ) -> None:
        """`name` begins the names of containers; with `network` they are on it, and
        the servers run in its container called `suite`.

        With `aliases` they are called so there, and the stack's own image answers
        below ``/wd/hub`` too, for all browsers that it has.
        """
        self.wish = wish
        self.environ = environ
        self.engine = Engine(environ)
        self.image = image
        self.labels = labels
        self.name = name
        self.network = network
        self.suite = suite
        self.aliases = aliases
        self._found: dict[str, Any] | None = None
        self._open: dict[str, tuple[str, Guarded]] = {}
        self._number = 0

    def why_not(self) -> str | None:
        """There may be no engine, no rights, no image."""
        try:
            self._inspect()
        except HarnessError as error:
            remedy = f" ({error.remedy})" if error.remedy else ""
            return f"{error.message}{remedy}"
        if self.wish.headed and not self._viewer():
            return (
                f"the image {self.image} has no screen to be looked at"
                " (harness build selenium)"
            )
        return None

    def _inspect(self) -> dict[str, Any]:
        if self._found is None:
            self.engine.require()
            self._found = self.engine.inspect("image", self.image)
            if self._found is None:
                raise ImageError(
                    f"the image {self.image} is not there",
                    remedy="harness build selenium",
                )
            if self.aliases and self._ours() and not self._ours(ENDPOINT):
                raise ImageError(
                    f"the image {self.image} has no endpoint yet",
                    remedy="harness build selenium",
                )
        return self._found

    def _ours(self, what: str = "service") -> bool:
        """Whether it is the stack's own image, and has something."""
        return f"harness.{what}" in (self._inspect()["Config"].get("Labels") or {})

    def _viewer(self) -> str:
        """The port that shows the screen, or nothing."""
        open_ = self._inspect()["Config"].get("ExposedPorts") or {}
        return next((port for port in VIEWERS if f"{port}/tcp" in open_), "")

    def versions(self) -> str:
        """The image; browser and driver in it are of one installation."""
        id_ = str(self._inspect()["Id"]).removeprefix("sha256:")[:12]
        return f"{self.image} ({id_})"

    def reach(self) -> Reach:
        """The bridge's own address, which only this machine and containers have."""
        if self.network:
            return Reach(bind="0.0.0.0", host=self.wish.host or self.suite)  # noqa: S104
        found = self.engine.inspect("network", "bridge") or {}
        for one in (found.get("IPAM") or {}).get("Config") or ():
            gateway = one.get("Gateway") or _first(one.get("Subnet", ""))
            if gateway and _here(gateway):
                return Reach(bind=gateway, host=self.wish.host or gateway)
        return Reach(host=self.wish.host or "host.docker.internal")

    def open(self, worker: str) -> Endpoint:
        """See `Browsers`."""
        self.close(worker)
        self._inspect()
        self._number += 1
        name = f"{self.name}-browser-{worker}-{self._number}"
        directory = self.wish.scratch / f"browser-{worker}-{self._number}"
        directory.mkdir()
        made = Guarded(self._argv(name), env=self.environ, directory=directory)
        self._open[worker] = name, made
        try:
            url, viewer = self._wait(name, made)
        except BaseException:
            self.close(worker)
            raise
        return Endpoint(
            url=f"http://{name}:{PORT}" if self.network else url,
            capabilities=capabilities.chromium(self.wish, downloads=DOWNLOADS),
            log=str(made.log),
            viewer=viewer,
        )

    def _argv(self, name: str) -> list[str]:
        words = ["run", "--rm", "--init", "--no-healthcheck"]
        words += ["--name", name, "--shm-size", SHARED]
        words += options(self.labels)
        words += ["--publish", f"127.0.0.1::{PORT}"]
        if self.wish.headed:
            words += ["--publish", f"127.0.0.1::{self._viewer()}", "--env", "HEADED=1"]
        if self.network:
            words += ["--network", self.network]
            words += [part for one in self.aliases for part in ("--network-alias", one)]
        elif self.reach().host == "host.docker.internal":
            words += ["--add-host", "host.docker.internal:host-gateway"]
        endpoint = [ENDPOINT] if self.aliases and self._ours() else []
        return self.engine.argv(*words, self.image, *endpoint)

    def _wait(self, name: str, made: Guarded) -> tuple[str, str]:
        """The address of the WebDriver, and of its viewer."""
        timeout = self.wish.start_timeout
        published = _Published(self.engine, name, made, timeout)
        url = f"http://{published.address(PORT)}"
        made.ready(url, timeout=timeout)
        if not self.wish.headed:
            return url, ""
        port = self._viewer()
        return url, f"{VIEWERS[port]}://{published.address(port)}"

    def close(self, worker: str = "") -> None:
        """See `Browsers`; what the client could not stop is removed by its name."""
        for one in [worker] if worker else list(self._open):
            name, made = self._open.pop(one, ("", None))
            if made:
                made.end()
                self.engine.run("rm", "--force", "--volumes", name, check=False)


class _Published:
    """Ports that the engine has given to a container that comes up."""

    def __init__(
        self, engine: Engine, name: str, made: Guarded, timeout: float
    ) -> None:
        self.engine = engine
        self.name = name
        self.made = made
        self.timeout = timeout

    def address(self, port: str) -> str:
        """``127.0.0.1:32768``; raises `BrowserError` if the container ends."""
        deadline = time.monotonic() + self.timeout
        while True:
            over = self.made.ended()
            done = self.engine.run("port", self.name, port, check=False)
            if not done.code and done.stdout.strip():
                return done.stdout.split()[0]
            if over or time.monotonic() > deadline:
                raise BrowserError(
                    "the container of the browser did not start",
                    checked=f"its log:\n{self.made.words()[-2000:].strip()}",
                    remedy="harness build selenium; or --browser local",
                )
            time.sleep(0.05)


def _first(subnet: str) -> str:
    """The address that Docker gives itself in a network: ``172.17.0.1``."""
    return f"{subnet.rpartition('.')[0]}.1" if subnet.count(".") == 3 else ""


def _here(address: str) -> bool:
    """Whether an address is one of this machine's own."""
    try:
        with socket.socket() as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
