# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's browser: made when it is first used, cleaned, replaced after a crash."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from typing import Any, Mapping
from urllib.parse import urlsplit

import pytest

from harness.plugins import remote
from harness.plugins.client import LeaseError, client
from harness.plugins.closer import Closer
from harness.plugins.film import Film
from harness.plugins.remote import standalone, words

SIZES: Mapping[str, tuple[int, int]] = {
    "xs": (360, 640),
    "sm": (768, 1024),
    "md": (1024, 768),
    "lg": (1920, 1080),
}
"""Screens, in CSS pixels."""
WIDE = "lg"


class Browser:
    """The browser of a worker; `driver` is Selenium's.

    It is one for all tests, but each finds it new: no cookie, no storage, no other
    window, no download, no alert.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        self.endpoint: dict[str, Any] = {}
        self.used = False
        """Whether the test that runs has asked for it."""
        self.size = WIDE
        self.seconds = 0.0
        """What it has taken to have it."""
        self.console: list[dict[str, Any]] = []
        self.network: list[dict[str, Any]] = []
        self.film = Film(resting=given.get("evidence") == "never")
        self.refused = ""
        self._driver: Any = None
        self._closer: Closer | None = None
        self._warm = False
        self._pid = os.getpid()

    @property
    def open(self) -> bool:
        """Whether this process has one."""
        return self._driver is not None and self._pid == os.getpid()

    @property
    def driver(self) -> Any:
        """Selenium's WebDriver; fails the test if none can be had."""
        if not self.open:
            self._start()
        self.used = True
        return self._driver

    def warm(self) -> None:
        """Have the first one before a test asks for it; what fails, fails then."""
        if self._warm or self.open or self.refused:
            return
        self._warm = True
        with contextlib.suppress(pytest.fail.Exception):
            self._start()
        self.used = False

    @property
    def chromium(self) -> bool:
        """Whether it speaks Chromium's own protocol beside WebDriver."""
        return "goog:chromeOptions" in self.driver.capabilities

    def _start(self) -> None:
        if self.refused:
            pytest.fail(self.refused, pytrace=False)
        began = time.perf_counter()
        self._pid = os.getpid()
        try:
            self.endpoint = self._endpoint()
            self._driver = self._session()
            self._entrust()
        except LeaseError as error:
            self.refused = str(error)
        except Exception as error:
            self.refused = self._refusal(words(error))
        if self.refused:
            pytest.fail(self.refused, pytrace=False)
        self._load_film()
        self.resize(WIDE)
        self.seconds = time.perf_counter() - began

    def _entrust(self) -> None:
        """A grid does not see that we are gone: somebody must tell it."""
        if self.given.get("kind") == "grid":
            url = self.endpoint["url"].rstrip("/")
            self._closer = Closer(f"{url}/session/{self._driver.session_id}")

    def _load_film(self) -> None:
        """No pictures where a command would answer the page's questions."""
        known = self._driver.capabilities
        quiet = known.get("unhandledPromptBehavior") == "ignore"
        send = self.command if quiet and "goog:chromeOptions" in known else None
        self.film.load(send, self._driver.current_window_handle if send else "")

    def _refusal(self, text: str) -> str:
        wanted = json.dumps(self.endpoint["capabilities"])
        log = self.words()[-2000:]
        return (
            f"the browser refuses a session: {text}\n"
            f"checked: {self.endpoint['url']} with {wanted}"
            + (f"\nits log:\n{log}" if log else "")
        )

    def _endpoint(self) -> dict[str, Any]:
        if client.available:
            return client.browser()
        return standalone(self.given)

    def _session(self) -> Any:
        page = float(self.given["page_timeout"])
        return remote.connect(self.endpoint, page, self.film)

    def words(self) -> str:
        """What the driver's log says."""
        try:
            with open(self.endpoint["log"], encoding="utf-8", errors="replace") as file:
                return file.read()
        except (OSError, KeyError):
            return ""

    # -- what tests do with it ---------------------------------------------------

    def command(self, name: str, **parameters: Any) -> Any:
        """A command of Chromium's own protocol."""
        message = {"cmd": name, "params": parameters}
        return self.driver.execute(remote.PROTOCOL, message)["value"]

    def resize(self, size: str) -> None:
        """Take the screen xs, sm, md or lg."""
        width, height = SIZES[size]
        self.size = size
        if self.chromium:
            self.command(
                "Emulation.setDeviceMetricsOverride",
                width=width,
                height=height,
                deviceScaleFactor=1,
                mobile=False,
            )
        else:
            self.driver.set_window_size(width, height)

    @property
    def downloads(self) -> str:
        """The directory that downloads arrive in; empty where they cannot be seen."""
        return str(self.endpoint.get("downloads", ""))

    # -- between tests -----------------------------------------------------------

    def listen(self) -> None:
        """Take what the browser has logged; Chromium alone tells."""
        if not (self.open and self.chromium):
            return
        self.console += self._log("browser")
        for one in self._log("performance"):
            told = json.loads(one["message"])
            event = told["message"]
            if not self.film.hear(event, told.get("webview", "")):
                self.network.append(event)

    def _log(self, name: str) -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = self._driver.execute(remote.LOG, {"type": name})[
            "value"
        ]
        return said

    def clean(self) -> str:
        """Make it as new; what a test should have done itself, in words.

        One that cannot be cleaned is replaced when it is next asked for.
        """
        said = ""
        try:
            if self.open:
                with self.film.resting():
                    said = self._clean()
        except Exception as error:
            self.end()
            text = (words(error).splitlines() or [""])[0]
            said = (
                f"left a browser that does not answer, another takes its place: {text}"
            )
        self.console, self.network = [], []
        self.film.clear()
        self.used = False
        return said

    def _clean(self) -> str:
        said = self._dismiss()
        if not self.chromium:  # no other way that leaves nothing
            self.end()
            return said
        driver = self._driver
        old = driver.window_handles
        driver.switch_to.new_window("tab")
        fresh = driver.current_window_handle
        for handle in old:
            driver.switch_to.window(handle)
            said = said or self._dismiss()
            driver.close()
        driver.switch_to.window(fresh)
        self.listen()
        for origin in self.origins():
            self.command(
                "Storage.clearDataForOrigin", origin=origin, storageTypes="all"
            )
        self.command("Network.clearBrowserCookies")
        self.command("Network.clearBrowserCache")
        self.resize(WIDE)
        self._empty_downloads()
        self.listen()
        return said

    def _dismiss(self) -> str:
        """Close alerts; what to say of them."""
        from selenium.common.exceptions import NoAlertPresentException

        said = ""
        for _ in range(10):
            try:
                alert = self._driver.switch_to.alert
                said = said or f"left an alert open: {alert.text!r}"
                alert.dismiss()
            except NoAlertPresentException:
                break
        return said

    def origins(self) -> list[str]:
        """The origins that the test has asked something of."""
        found: dict[str, None] = {}
        for event in self.network:
            request = event.get("params", {}).get("request")
            parts = urlsplit(request["url"]) if request else None
            if parts and parts.scheme in ("http", "https"):
                found[f"{parts.scheme}://{parts.netloc}"] = None
        return list(found)

    def _empty_downloads(self) -> None:
        place = self.endpoint["downloads"]
        for name in os.listdir(place) if place and os.path.isdir(place) else ():
            path = os.path.join(place, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)

    def end(self) -> None:
        """Be without one; the next is made when it is asked for."""
        driver, self._driver = self._driver, None
        if driver is None or self._pid != os.getpid():
            return
        done = True
        try:
            driver.quit()
        except Exception:
            done = False
        if self._closer is not None:
            self._closer.end(done=done)
            self._closer = None
