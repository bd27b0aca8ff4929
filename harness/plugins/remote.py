# SPDX-License-Identifier: GPL-3.0-or-later
"""Selenium's WebDriver as tests get it: with Chromium's protocol, and a film."""

from __future__ import annotations

import os
from typing import Any, Mapping

from harness.plugins.client import LeaseError
from harness.plugins.film import Film

PROTOCOL, LOG = "harnessProtocol", "harnessLog"
COMMANDS = {PROTOCOL: "goog/cdp/execute", LOG: "se/log"}
"""Commands of chromedriver that Selenium's class for remote browsers lacks."""
GONE = "the driver of the browser does not answer any more"
HANGS = 15.0
"""Seconds more than a page may take until an unanswered driver is given up."""


class DriverGoneError(Exception):
    """A driver has crashed, or hangs."""


def connect(endpoint: Mapping[str, Any], page: float, film: Film) -> Any:
    """A session at an endpoint; a page may take `page` seconds."""
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.common.options import ArgOptions
    from selenium.webdriver.remote.client_config import ClientConfig
    from selenium.webdriver.remote.file_detector import UselessFileDetector
    from urllib3.exceptions import HTTPError

    wanted = endpoint["capabilities"]

    class Options(ArgOptions):  # type: ignore[misc]
        default_capabilities: Mapping[str, Any] = {}

        def to_capabilities(self) -> Any:
            return dict(wanted)

    class Driver(webdriver.Remote):  # type: ignore[misc]
        def execute(self, driver_command: str, params: Any = None) -> Any:
            __tracebackhide__ = True
            try:
                return film.around(super().execute, driver_command, params)
            except WebDriverException as error:
                error.stacktrace = None  # addresses in the driver's program
                raise
            except HTTPError as error:
                raise DriverGoneError(f"{GONE}: {error}") from None

    driver = Driver(
        command_executor=endpoint["url"],
        options=Options(),
        client_config=ClientConfig(
            remote_server_addr=endpoint["url"], timeout=int(page + HANGS)
        ),
    )
    for name, path in COMMANDS.items():
        place = f"/session/$sessionId/{path}"
        driver.command_executor.add_command(name, "POST", place)
    driver.set_page_load_timeout(page)
    driver.set_script_timeout(page)
    if endpoint["near"]:
        driver.file_detector = UselessFileDetector()
    elif not any(name.startswith("se:") for name in driver.capabilities):
        place = "/session/$sessionId/file"  # chromedriver, without a Selenium
        driver.command_executor.add_command("uploadFile", "POST", place)
    return driver


def words(error: BaseException) -> str:
    """What an error says, without Selenium's stack of the driver."""
    return str(getattr(error, "msg", None) or error).strip()


def standalone(given: Mapping[str, Any]) -> dict[str, Any]:
    """Without the harness: the WebDriver whose address ``SELENIUM_URL`` has."""
    url = os.environ.get("SELENIUM_URL", "")
    if not url:
        raise LeaseError(
            "there is no browser: run harness test, or start a chromedriver and set"
            " SELENIUM_URL=http://127.0.0.1:9515"
        )
    arguments = ["--headless", "--no-sandbox", "--disable-dev-shm-usage"]
    return {
        "url": url,
        "capabilities": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "unhandledPromptBehavior": "ignore",
        },
        "downloads": "",
        "near": True,
        "log": "",
        "viewer": "",
    }
