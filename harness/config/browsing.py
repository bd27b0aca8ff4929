# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of browsers, and of the servers that tests have beside them."""

from dataclasses import dataclass
from typing import Annotated

from harness.config import kinds


@dataclass(frozen=True, kw_only=True)
class BrowserSettings:
    """``[tool.harness.browser]``; `start_timeout` and `page_timeout` in seconds.

    `host` is the name by which browsers reach this machine, empty to find it out;
    `capabilities` are ``NAME=VALUE``, a value is JSON or text.
    """

    server: Annotated[str, kinds.choice("auto", "local", "docker", prefix="http")] = (
        "auto"
    )
    name: Annotated[str, kinds.choice("auto", "chromium", "chrome", "firefox")] = "auto"
    headed: Annotated[bool, kinds.flag()] = False
    evidence: Annotated[str, kinds.choice("always", "failures", "never")] = "failures"
    image: Annotated[str, kinds.text("an image, or nothing for the stack's own")] = ""
    host: Annotated[str, kinds.text("the name of a host, or nothing")] = ""
    arguments: Annotated[tuple[str, ...], kinds.strings("arguments of browsers")] = ()
    capabilities: Annotated[tuple[str, ...], kinds.strings('"NAME=VALUE"')] = ()
    start_timeout: Annotated[int, kinds.duration(1)] = 30
    page_timeout: Annotated[int, kinds.duration(1)] = 30


@dataclass(frozen=True, kw_only=True)
class ServerTable:
    """``[tool.harness.server.NAME]``: an application that runs beside a worker's tests.

    `command` listens on ``{bind}`` and ``{port:NAME}``; the address `health` answers
    with 200 when it is ready, within `timeout` seconds.  Placeholders as in a
    suite's `environment`; NAME itself is the name of its port.  One that is there
    `always` is up before each test, whether that asks for it or not.  With a `port`
    of its own, only one worker can be at a place: suites that are `apart`.
    """

    command: Annotated[str, kinds.text("a command line", r"\S[^\0]*")] = ""
    health: Annotated[str, kinds.text('a path such as "/health"', r"/[^\0]*")] = "/"
    environment: Annotated[tuple[str, ...], kinds.strings('"NAME=VALUE"')] = ()
    timeout: Annotated[int, kinds.duration(1)] = 60
    always: Annotated[bool, kinds.flag()] = False
    port: Annotated[int, kinds.number()] = 0
