# SPDX-License-Identifier: GPL-3.0-or-later
"""What a browser and the servers can say of a test: files for its report."""

from __future__ import annotations

import base64
import tempfile
from functools import partial
from typing import Any, Callable, Iterator

from harness.plugins import hidden
from harness.plugins.driving import SIZES, Browser
from harness.plugins.remote import words
from harness.plugins.servers import Servers
from harness.plugins.unpatched import json, os

PROPERTY = "evidence"
"""The property of a test that names a file; see `harness.plugins.results`."""
FILM = "film.json"
"""The last steps; pictures that it names are beside it."""
BAD = 400
"""HTTP answers from here on are failures."""

Write = Callable[[str, Callable[[], "str | bytes"]], None]


def take(browser: Browser, servers: Servers | None, scratch: str) -> list[str]:
    """Write all evidence; the files.

    What cannot be had leaves a file that says why: no evidence ever hides a failure.
    """
    directory = tempfile.mkdtemp(prefix="evidence-", dir=scratch)
    made: list[str] = []

    def write(name: str, produce: Callable[[], str | bytes]) -> None:
        try:
            data = produce()
        except Exception as error:
            name, data = f"{name}.missing.txt", f"not taken: {words(error)}\n"
        if data:
            path = os.path.join(directory, name)
            with open(path, "wb") as file:
                file.write(
                    data if isinstance(data, bytes) else hidden.clean(data).encode()
                )
            made.append(path)

    if browser.open:
        with browser.film.resting():
            _of_browser(browser, write)
    for name, text in (servers.logs() if servers else {}).items():
        write(f"{name}.log", lambda text=text: text)  # type: ignore[misc]
    return made


def _of_browser(browser: Browser, write: Write) -> None:
    write("alert.txt", browser._dismiss)
    _film(browser, write)
    size = browser.size
    if size not in SIZES:
        size = "lg"
    for one in (size, *(name for name in SIZES if name != size)):
        write(f"{one}.png", partial(_picture, browser, one))
    write("page.html", lambda: _source(browser))
    write("console.txt", lambda: console(browser))
    write("network.txt", lambda: network(browser))
    write("size.txt", lambda: browser.resize(size) or "")  # type: ignore[func-returns-value]


def _film(browser: Browser, write: Write) -> None:
    """The last steps, and a picture of each that has one."""
    write("film.txt", lambda: browser.listen() or "")  # type: ignore[func-returns-value]
    steps = browser.film.shown()
    for number, step in enumerate(steps, 1):
        data = base64.b64decode(step["picture"])
        step["picture"] = f"film-{number:02}.jpg" if data else ""
        write(step["picture"], lambda data=data: data)  # type: ignore[misc]
    if steps:
        write(FILM, lambda: json.dumps({"steps": steps}, indent=1, ensure_ascii=False))


def _picture(browser: Browser, size: str) -> bytes:
    browser.resize(size)
    return base64.b64decode(browser.driver.get_screenshot_as_base64())


def _source(browser: Browser) -> str:
    driver = browser.driver
    return hidden.page(f"<!-- {driver.current_url} -->\n{driver.page_source}")


def console(browser: Browser) -> str:
    """What the page has written to the console; empty if nothing."""
    browser.listen()
    return "".join(
        f"{one.get('level', '')} {one.get('message', '')}\n" for one in browser.console
    )


def network(browser: Browser) -> str:
    """Requests that failed or were answered with an error; empty if none."""
    browser.listen()
    return "".join(f"{line}\n" for line in failures(browser.network))


def failures(events: list[dict[str, Any]]) -> Iterator[str]:
    """The failures among events of Chromium's network domain."""
    asked: dict[str, str] = {}
    for event in events:
        name, parameters = event.get("method", ""), event.get("params", {})
        number = str(parameters.get("requestId", ""))
        if name == "Network.requestWillBeSent":
            request = parameters.get("request", {})
            asked[number] = f"{request.get('method', '')} {request.get('url', '')}"
        elif name == "Network.loadingFailed":
            why = parameters.get("errorText") or json.dumps(parameters)
            yield f"{asked.get(number, number)}: {why}"
        elif name == "Network.responseReceived":
            answer = parameters.get("response", {})
            if int(answer.get("status", 0)) >= BAD:
                words = f"{answer['status']} {answer.get('statusText', '')}".strip()
                yield f"{asked.get(number) or answer.get('url')}: {words}"
