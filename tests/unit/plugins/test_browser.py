# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from a browser's logs; placeholders of servers."""

from typing import Any

from harness.plugins import evidence
from harness.plugins.driving import Browser
from harness.plugins.keeper import PLACEHOLDER


def sent(number: str, url: str) -> dict[str, Any]:
    request = {"method": "GET", "url": url}
    parameters = {"requestId": number, "request": request}
    return {"method": "Network.requestWillBeSent", "params": parameters}


def answered(number: str, status: int) -> dict[str, Any]:
    response = {"status": status, "statusText": "Words", "url": "http://other/"}
    parameters = {"requestId": number, "response": response}
    return {"method": "Network.responseReceived", "params": parameters}


def test_failures_of_the_network_are_named() -> None:
    lost = {"requestId": "2", "errorText": "net::ERR_CONNECTION_REFUSED"}
    events = [
        sent("1", "http://a/one"),
        sent("2", "http://a/two"),
        answered("1", 200),
        answered("1", 404),
        {"method": "Network.loadingFailed", "params": lost},
        answered("3", 500),
        {"method": "Page.loadEventFired", "params": {}},
    ]
    assert list(evidence.failures(events)) == [
        "GET http://a/one: 404 Words",
        "GET http://a/two: net::ERR_CONNECTION_REFUSED",
        "http://other/: 500 Words",
    ]


def test_origins_are_those_that_were_asked() -> None:
    browser = Browser({})
    browser.network = [
        sent("1", "http://a:81/one"),
        sent("2", "http://a:81/two"),
        sent("3", "data:text/plain,x"),
        sent("4", "https://b/"),
        answered("1", 200),
    ]
    assert browser.origins() == ["http://a:81", "https://b"]


def test_placeholders() -> None:
    text = "{bind} {host} {port:portal} {files} {database} {uri} {worker} {other}"
    found = [match[1] for match in PLACEHOLDER.finditer(text)]
    assert found == [
        "bind", "host", "port:portal", "files", "database", "uri", "worker",
    ]  # fmt: skip
