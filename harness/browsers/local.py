# SPDX-License-Identifier: GPL-3.0-or-later
"""Browsers that are installed on this machine, with their drivers."""

import os
import re
import shutil
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness import proc
from harness.browsers import capabilities
from harness.browsers.base import BrowserRequest, Endpoint, Reach
from harness.browsers.guarded import Guarded
from harness.errors import HarnessError, MissingTool
from harness.store import SCRATCH

LONGEST: Final = 55
"""Letters of a directory in which Chromium can have sockets (104 at most, macOS)."""


@dataclass(frozen=True, kw_only=True)
class BrowserKind:
    """The programs of a browser, as they are called, and their Debian packages."""

    browser: tuple[str, ...]
    driver: tuple[str, ...]
    packages: str
    same: bool = True
    """Whether browser and driver must be of one major version."""


_CHROMEDRIVER: Final = ("chromedriver", "/usr/lib/chromium-browser/chromedriver")
KINDS: Final[Mapping[str, BrowserKind]] = {
    "chromium": BrowserKind(
        browser=("chromium", "chromium-browser"),
        driver=_CHROMEDRIVER,
        packages="chromium chromium-driver",
    ),
    "chrome": BrowserKind(
        browser=("google-chrome", "google-chrome-stable"),
        driver=_CHROMEDRIVER,
        packages="google-chrome-stable, and its chromedriver",
    ),
    "firefox": BrowserKind(
        browser=("firefox", "firefox-esr"),
        driver=("geckodriver",),
        packages="firefox-esr, and geckodriver",
        same=False,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Found:
    """A browser and its driver, with versions that go together."""

    name: str
    browser: str
    driver: str
    versions: tuple[str, str]


def _short(directory: Path) -> Path:
    """A place for temporary files; Chromium makes sockets there, 45 letters below.

    It does not start where their names are longer than the system takes them.
    """
    if len(os.fsencode(directory)) <= LONGEST:
        return directory
    return Path(tempfile.mkdtemp(prefix=SCRATCH, dir="/tmp"))


def _port(found: Found) -> int:
    """One that the driver chooses, or we: geckodriver answers at no other name."""
    if found.name != "firefox":
        return 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LocalBrowsers:
    """A driver process for each worker, under guard."""

    kind = "local"

    def __init__(self, wish: BrowserRequest, environ: Mapping[str, str]) -> None:
        self.wish = wish
        self.environ = environ
        self._found: Found | None = None
        self._open: dict[str, Guarded] = {}
        self._number = 0

    def why_not(self) -> str | None:
        """There may be no browser, no driver, or two that do not match."""
        try:
            self._find()
        except HarnessError as error:
            remedy = f" ({error.remedy})" if error.remedy else ""
            return f"{error.message}{remedy}"
        if self.wish.headed and not self._display():
            return (
                "there is no display for a browser with a window (DISPLAY is not set;"
                " --browser docker has a screen of its own, or apt install xvfb and"
                " run it below xvfb-run)"
            )
        return None

    def _display(self) -> bool:
        return bool(self.environ.get("DISPLAY") or self.environ.get("WAYLAND_DISPLAY"))

    def _find(self) -> Found:
        if self._found is None:
            asked = self.wish.name
            names = tuple(KINDS) if asked == "auto" else (asked,)
            errors: list[HarnessError] = []
            for name in names:
                try:
                    self._found = self._check(name)
                    break
                except HarnessError as error:
                    errors.append(error)
            else:
                raise errors[0]
        return self._found

    def _check(self, name: str) -> Found:
        kind = KINDS[name]
        browser, driver = self._which(kind.browser), self._which(kind.driver)
        for what, found, names in (
            (name, browser, kind.browser),
            (f"the driver of {name}", driver, kind.driver),
        ):
            if not found:
                raise MissingTool(
                    f"{what} is not installed",
                    checked=f"{', '.join(names)} in PATH",
                    remedy=f"install {kind.packages}",
                )
        assert browser is not None
        assert driver is not None
        versions = self._version(browser), self._version(driver)
        if kind.same and len({one.partition(".")[0] for one in versions}) > 1:
            raise MissingTool(
                f"{name} is of version {versions[0]}, its driver of {versions[1]}:"
                " they must have the same first number",
                checked=f"{browser} --version, {driver} --version",
                remedy=f"install both from one place: {kind.packages}",
            )
        return Found(name=name, browser=browser, driver=driver, versions=versions)

    def _which(self, names: tuple[str, ...]) -> str | None:
        path = self.environ.get("PATH")
        return next(filter(None, (shutil.which(one, path=path) for one in names)), None)

    def _version(self, program: str) -> str:
        """Raises `MissingTool` for a program that does not say its version."""
        done = proc.run(
            [program, "--version"], env=self.environ, check=False, timeout=20
        )
        match = re.search(r"\d+(\.\d+)+", done.stdout)
        if match is None:
            raise MissingTool(
                f"{program} does not say its version",
                checked=f"{program} --version: {(done.stderr or done.stdout)[-500:]}",
                remedy="install it again",
            )
        return match[0]

    def versions(self) -> str:
        """``chromium 156.0, driver 156.0``."""
        found = self._find()
        return f"{found.name} {found.versions[0]}, driver {found.versions[1]}"

    def reach(self) -> Reach:
        """All is on this machine."""
        return Reach(host=self.wish.host or "127.0.0.1")

    def open(self, worker: str) -> Endpoint:
        """See `Browsers`; profile and temporary files go with the driver."""
        self.close(worker)
        found = self._find()
        self._number += 1
        directory = self.wish.scratch / f"browser-{worker}-{self._number}"
        downloads = directory / "downloads"
        downloads.mkdir(parents=True)
        temporary = _short(directory)
        env = {
            **self.environ,
            "TMPDIR": str(temporary),
            "XDG_CONFIG_HOME": str(directory),
            "XDG_CACHE_HOME": str(directory),
        }
        timeout = self.wish.start_timeout
        made = Guarded(
            [found.driver, f"--port={_port(found)}"],
            env=env,
            directory=directory,
            others=() if temporary == directory else (temporary,),
        )
        self._open[worker] = made
        try:
            url = f"http://127.0.0.1:{made.port(timeout=timeout)}"
            made.ready(url, timeout=timeout)
        except BaseException:
            self.close(worker)
            raise
        return Endpoint(
            url=url,
            capabilities=self._capabilities(found, str(directory), str(downloads)),
            downloads=str(downloads),
            near=True,
            log=str(made.log),
        )

    def _capabilities(
        self, found: Found, directory: str, downloads: str
    ) -> dict[str, object]:
        if found.name == "firefox":
            return capabilities.firefox(
                self.wish, binary=found.browser, downloads=downloads
            )
        return capabilities.chromium(
            self.wish,
            binary=found.browser,
            profile=f"{directory}/profile",
            downloads=downloads,
        )

    def close(self, worker: str = "") -> None:
        """See `Browsers`."""
        for name in [worker] if worker else list(self._open):
            made = self._open.pop(name, None)
            if made:
                made.end()
