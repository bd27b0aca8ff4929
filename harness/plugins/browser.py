# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives tests a browser, and the servers of their application.

Fixtures `browser`, `driver`, `portal_url`, `api_url`, `server_url`; for tests in
nose's style the functions `current` and `url`.  A test finds the browser new,
unless ``@pytest.mark.browser("class")`` or ``("module")`` lets the tests of a class
or a module have it one after the other as it is.
"""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from typing import Any, Callable, Iterator

import pytest

from harness.plugins import evidence
from harness.plugins.driving import Browser
from harness.plugins.pages import Page
from harness.plugins.servers import Servers

__all__ = ["Page", "current", "url"]

GIVEN = "HARNESS_BROWSER"
"""JSON: ``evidence``, ``page_timeout``, ``scratch``, ``servers``."""
DATABASE = "harness.plugins.database"
MARK = "browser"
KEPT = ("test", "class", "module")
DEFAULTS = {"evidence": "failures", "page_timeout": 30, "scratch": "", "servers": {}}


class BrowserWarning(pytest.PytestWarning):
    """A test did something to its browser that it should not do."""


class BrowserState:
    """What a worker has."""

    def __init__(self, config: pytest.Config, given: dict[str, Any]) -> None:
        self.given = given
        self.scratch = given["scratch"] or tempfile.mkdtemp(prefix="browser-")
        self.browser = Browser(given)
        self.servers: Servers | None = None
        if config.pluginmanager.hasplugin(DATABASE):
            from harness.plugins.database import KEEPER

            keeper = config.stash[KEEPER].keeper
            self.servers = Servers(keeper, given["servers"], self.scratch)

    @property
    def drives(self) -> bool:
        """Whether there is a browser, and not servers alone."""
        return bool(self.given.get("kind", "by hand"))

    def url(self, name: str) -> str:
        """The address of a server, which runs then."""
        if self.servers is None:
            return _by_hand(name)
        self.servers.prepare([name])
        if self.drives:
            self.browser.warm()  # meanwhile
        return self.servers.url(name)

    def clean(self, node: Any) -> None:
        """The browser as new; what was left is said of a test."""
        said = self.browser.clean()
        if said:
            node.warn(BrowserWarning(f"{node.nodeid} {said}"))

    def end(self) -> None:
        """At the end of the process."""
        self.browser.end()
        if self.servers is not None:
            self.servers.stop()


def _by_hand(name: str) -> str:
    variable = f"{name.upper()}_URL"
    if variable not in os.environ:
        pytest.fail(
            f"the server {name} is nowhere: run harness test, or start it and set"
            f" {variable}",
            pytrace=False,
        )
    return os.environ[variable]


_state: BrowserState | None = None


def _here() -> BrowserState:
    if _state is None:
        raise RuntimeError("the plugin harness.plugins.browser is not loaded")
    return _state


def current() -> Browser:
    """The worker's browser, for tests in nose's style."""
    if not _here().drives:
        pytest.fail(
            "the suite has servers, but no browser: set browser = true in its table",
            pytrace=False,
        )
    return _here().browser


def url(name: str) -> str:
    """The address of a server, for tests in nose's style."""
    return _here().url(name)


# -- fixtures --------------------------------------------------------------------


@pytest.fixture
def browser() -> Browser:
    """The worker's browser: `driver`, `resize`, `downloads`."""
    made = current()
    assert made.driver
    return made


@pytest.fixture
def driver(browser: Browser) -> Any:
    """Selenium's WebDriver."""
    return browser.driver


@pytest.fixture
def server_url() -> Callable[[str], str]:
    """The address of a server by its name."""
    return url


@pytest.fixture
def portal_url() -> str:
    """The address of the server ``portal``."""
    return url("portal")


@pytest.fixture
def api_url() -> str:
    """The address of the server ``api``."""
    return url("api")


def _around(request: pytest.FixtureRequest, level: str) -> Iterator[None]:
    """Be inside the database's level: the browser lets go first."""
    if request.config.pluginmanager.hasplugin(DATABASE):
        request.getfixturevalue(f"_harness_{level}")
    yield
    if kept(request.node) == level:
        _here().clean(request.node)


@pytest.fixture(autouse=True, scope="module")
def _harness_browser_module(request: pytest.FixtureRequest) -> Iterator[None]:
    yield from _around(request, "module")


@pytest.fixture(autouse=True, scope="class")
def _harness_browser_class(request: pytest.FixtureRequest) -> Iterator[None]:
    yield from _around(request, "class")


@pytest.fixture(autouse=True)
def _harness_browser_test(request: pytest.FixtureRequest) -> Iterator[None]:
    state = _here()
    state.browser.used = False
    state.browser.film.begin()
    if state.servers is not None:
        state.servers.begin()
        asked = (name.removesuffix("_url") for name in request.fixturenames)
        state.servers.prepare(asked)
    yield from _around(request, "test")


def kept(node: Any) -> str:
    """How long a browser stays as it is: test, class or module."""
    mark = node.get_closest_marker(MARK)
    return str(mark.args[0]) if mark else "test"


# -- hooks -----------------------------------------------------------------------


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Know what the harness has given; nothing is started."""
    global _state
    config.addinivalue_line(
        "markers", "browser(level): how long the browser stays as it is"
    )
    if config.option.collectonly:
        return
    _state = BrowserState(
        config, {**DEFAULTS, **json.loads(os.environ.get(GIVEN, "{}"))}
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A server that is there always is up before a test class makes an instance."""
    servers = _here().servers
    if servers is not None:
        for name, given in servers.given.items():
            if given.get("always"):
                servers.url(name)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_fresh_start() -> None:
    """The next test has another browser, and other servers."""
    _here().end()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what this process has."""
    global _state
    if _state is not None:
        _state.end()
        _state = None


@pytest.hookimpl(optionalhook=True)
def pytest_warm() -> None:
    """Import what each worker needs."""
    if _state is not None and not _state.drives:
        return
    with warnings.catch_warnings(record=True):
        import selenium.webdriver.remote.webdriver
        import selenium.webdriver.support.ui  # noqa: F401


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a level that does not exist."""
    for item in items:
        mark = item.get_closest_marker(MARK)
        if mark and (len(mark.args) != 1 or mark.args[0] not in KEPT):
            raise pytest.UsageError(
                f"{item.nodeid}: browser{mark.args!r} is none of {', '.join(KEPT)}"
            )


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[None]:
    """Take the evidence while the page is still there."""
    state = _state
    if state is not None and _wanted(state, call):
        for path in evidence.take(state.browser, state.servers, state.scratch):
            item.user_properties.append((evidence.PROPERTY, path))
    yield


def _wanted(state: BrowserState, call: pytest.CallInfo[None]) -> bool:
    if call.when == "teardown" or not (state.browser.used or _server_failed(call)):
        return False
    failed = call.excinfo is not None and not call.excinfo.errisinstance(
        pytest.skip.Exception
    )
    if state.given["evidence"] == "always":
        return failed or call.when == "call"
    return failed and state.given["evidence"] == "failures"


def _server_failed(call: pytest.CallInfo[None]) -> bool:
    return call.excinfo is not None
