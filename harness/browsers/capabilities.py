# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new session asks for, by browser."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from harness.browsers.base import BrowserRequest
from harness.errors import ConfigError

CHROMIUM: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage",
    "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    "--disable-search-engine-choice-screen",
    "--password-store=basic", "--use-mock-keychain", "--hide-scrollbars",
)  # fmt: skip
"""Flags of Chromium and Chrome that work for root, in containers, offline."""
SIZE: Final = "1920,1080"


def chromium(
    wish: BrowserRequest, *, binary: str = "", profile: str = "", downloads: str = ""
) -> dict[str, Any]:
    """Of Chromium and Chrome; console and network are logged."""
    arguments = [*CHROMIUM, f"--window-size={SIZE}"]
    if not wish.headed:
        arguments.append("--headless")
    if profile:
        arguments.append(f"--user-data-dir={profile}")
    options: dict[str, Any] = {
        "args": [*arguments, *wish.arguments],
        "prefs": {
            "intl.accept_languages": "en",
            "credentials_enable_service": False,
            "profile.password_manager_leak_detection": False,
            "download.prompt_for_download": False,
            **({"download.default_directory": downloads} if downloads else {}),
        },
    }
    if binary:
        options["binary"] = binary
    return {
        "browserName": "chrome",
        "goog:chromeOptions": options,
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        **common(),
        **wish.capabilities,
    }


def firefox(
    wish: BrowserRequest, *, binary: str = "", downloads: str = ""
) -> dict[str, Any]:
    """Of Firefox; geckodriver makes the profile."""
    width, _, height = SIZE.partition(",")
    arguments = [f"--width={width}", f"--height={height}"]
    if not wish.headed:
        arguments.append("-headless")
    prefs: dict[str, Any] = {"intl.accept_languages": "en"}
    if downloads:
        prefs |= {"browser.download.dir": downloads, "browser.download.folderList": 2}
    options: dict[str, Any] = {"args": [*arguments, *wish.arguments], "prefs": prefs}
    if binary:
        options["binary"] = binary
    return {
        "browserName": "firefox",
        "moz:firefoxOptions": options,
        **common(),
        **wish.capabilities,
    }


def common() -> dict[str, Any]:
    """Of all browsers: an alert that is left open stays, so that it can be named."""
    return {"unhandledPromptBehavior": "ignore", "acceptInsecureCerts": True}


def read(lines: Iterable[str]) -> Mapping[str, Any]:
    """Capabilities of ``NAME=VALUE`` lines; a value is JSON, or else text.

    Raises `ConfigError` for a line without a name.
    """
    found: dict[str, Any] = {}
    for line in lines:
        name, equals, text = line.partition("=")
        if not equals or not name.strip():
            raise ConfigError(
                f"the capability {line!r} has no name",
                checked="tool.harness.browser.capabilities",
                remedy='write "NAME=VALUE", such as "platformName=linux"',
            )
        try:
            found[name.strip()] = json.loads(text)
        except ValueError:
            found[name.strip()] = text
    return found
