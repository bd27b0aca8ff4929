# SPDX-License-Identifier: GPL-3.0-or-later
"""The WebDriver of the selenium image: what it asks which driver for."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[3] / "Dockerfiles" / "selenium" / "endpoint"
BOTH = {"firefox": "/usr/bin/firefox-esr", "chrome": "/usr/bin/chromium"}
CHROMIUM = {"chrome": "/usr/bin/chromium"}
ASKED = {
    "browserName": "firefox",
    "acceptInsecureCerts": True,
    "loggingPrefs": {"browser": "ALL"},
    "moz:firefoxOptions": {"args": ["--headless"]},
}


@pytest.fixture(scope="module")
def endpoint() -> ModuleType:
    module = ModuleType("endpoint")
    exec(compile(PROGRAM.read_text("utf-8"), str(PROGRAM), "exec"), module.__dict__)
    return module


def test_both_protocols_are_understood(endpoint: ModuleType) -> None:
    first = {"firstMatch": [{"browserName": "firefox"}], "alwaysMatch": {"a:b": 1}}
    expected = {"browserName": "firefox", "a:b": 1}
    assert endpoint.merged({"capabilities": first}) == expected
    assert endpoint.merged({"desiredCapabilities": expected}) == expected
    assert endpoint.merged({}) == {}


def test_firefox_is_given_where_it_is(endpoint: ModuleType) -> None:
    asked, given, kept = endpoint.choose(ASKED, BOTH)
    assert (asked, given) == ("firefox", "firefox")
    assert kept["moz:firefoxOptions"] == {
        "args": ["--headless"],
        "binary": "/usr/bin/firefox-esr",
    }
    assert "loggingPrefs" not in kept  # geckodriver would refuse the session
    assert kept["acceptInsecureCerts"] is True


def test_chromium_takes_its_place_with_nothing_of_firefox(
    endpoint: ModuleType,
) -> None:
    asked, given, kept = endpoint.choose(ASKED, CHROMIUM)
    assert (asked, given) == ("firefox", "chrome")
    assert kept["browserName"] == "chrome"
    assert "moz:firefoxOptions" not in kept
    assert "--headless" in kept["goog:chromeOptions"]["args"]


def test_arguments_of_chromium_are_kept(endpoint: ModuleType) -> None:
    options = {"args": ["--lang=de", "--headless"]}
    wish = {"browserName": "chrome", "goog:chromeOptions": options}
    _, given, kept = endpoint.choose(wish, BOTH)
    assert given == "chrome"
    arguments = kept["goog:chromeOptions"]["args"]
    assert "--lang=de" in arguments
    assert arguments.count("--headless") == 1


class Driver:
    """A session whose driver gives these answers in turn."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Any]] = []

    def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        self.asked.append((method, path, json.loads(body or b"null")))
        status, value = self.answers.pop(0)
        return status, json.dumps({"value": value}).encode()


def test_a_click_waits_for_what_fades_in(
    endpoint: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint.time, "sleep", lambda seconds: None)
    not_yet = (400, {"error": "element not interactable"})
    driver = Driver(not_yet, (200, None))
    first = (400, json.dumps({"value": not_yet[1]}).encode())
    assert endpoint.click(driver, "/click", b"{}", first)[0] == 200
    assert not driver.answers


def test_other_failures_of_a_click_are_answers(endpoint: ModuleType) -> None:
    gone = (400, json.dumps({"value": {"error": "stale element reference"}}).encode())
    assert endpoint.click(Driver(), "/click", b"{}", gone) == gone


@pytest.mark.parametrize(
    ("text", "kind", "filled"),
    [("1970-01-31", "date", True), ("1970-01-31", "text", False), ("ab", "", False)],
)
def test_a_date_arrives_as_it_was_typed(
    endpoint: ModuleType, text: str, kind: str, filled: bool
) -> None:
    hub = endpoint.Hub.__new__(endpoint.Hub)
    driver = Driver((200, kind), (200, None))
    body = json.dumps({"text": text}).encode()
    answer = hub.date(driver, "/session/s/element/e/value", body)
    assert (answer is not None) == filled
    if filled:
        _, path, order = driver.asked[-1]
        assert path == "/session/s/execute/sync"
        assert order["args"][1] == text
