# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives the suites of an application a database that is put back between tests.

A worker has one lease.  Around each package, module, class and test that the
isolation names, the state of the database is noted when it begins and restored
when it ends: what fixtures of a wider scope have made stays, what the tests
inside have made goes.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import warnings
from typing import Any, Iterator

import pytest

from harness.plugins import accelerate, isolation, lifeline
from harness.plugins.client import BROKER, Lease, LeaseError, client
from harness.plugins.keeper import Doubt, Keeper

GIVEN = "HARNESS_SUITE"
"""JSON: ``template``, and ``variables`` with placeholders."""
NOSE = "harness.plugins.nose"
RANK = {"worker": 0, "package": 1, "module": 1, "class": 2, "test": 3}
"""A level is put back at its end if the isolation is as fine as it, or finer."""
OURS = "_harness_"
"""How the names of our own fixtures begin."""
DOUBT = "harness_doubt"
KEEPER = pytest.StashKey["Levels"]()


class DatabaseWarning(pytest.PytestWarning):
    """A test did something to its database that it should not do."""


class Levels:
    """The levels that have begun, each with the state to return to."""

    def __init__(self, keeper: Keeper, default: str) -> None:
        self.keeper = keeper
        self.default = default
        self.begun: list[tuple[str, int | None, list[Any]]] = []
        self.node: Any = None
        """What runs now, for warnings."""
        self.still: int | None = None
        """The mark that was gone back to, while nobody may write who is known."""
        self.lenient = False
        """Whether a doubt is a warning."""

    def enter(self, level: str, node: Any = None) -> None:
        """A level begins; fixtures of wider levels are done."""
        asked = isolation.of(node, self.default) if node is not None else self.default
        acts = RANK[asked] >= RANK[level]
        if acts and self.keeper.coarse:  # what wider levels have made would be lost
            acts = all(mark is None for _, mark, _ in self.begun)
        mark = self._mark() if acts else None
        self.still = None
        self.begun.append((level, mark, _transactions()))

    def _mark(self) -> int:
        """The state now; what an application wrote on after its test is put back."""
        mark = self.keeper.mark()
        if self.still is not None and self.keeper.written:
            written = self.keeper.written
            self._say(
                f"found {written} that somebody wrote after the test before it was"
                " over, and the database put back: it was put back again"
            )
            self._back(self.still)
            mark = self.keeper.mark()
        return mark

    def leave(self, level: str) -> None:
        """A level is over, with all its fixtures.

        Raises `Doubt` when the state to return to cannot be had again.
        """
        at = max(n for n, begun in enumerate(self.begun) if begun[0] == level)
        _, mark, before = self.begun.pop(at)
        self.still = None
        if mark is None:
            return
        _end([one for one in _transactions() if one not in before])
        self._back(mark)
        self.still = mark

    def _back(self, mark: int) -> None:
        try:
            self._say(self.keeper.back(mark))
        except Doubt as doubt:
            if not self.lenient:
                where = self.node.nodeid if self.node is not None else "a test"
                raise Doubt(f"{where} {doubt}") from None
            self._say(str(doubt))
        finally:
            _end([one for one in _transactions() if one.connection.closed])

    def _say(self, said: str) -> None:
        if said and self.node is not None:
            self.node.warn(DatabaseWarning(f"{self.node.nodeid} {said}"))

    @contextlib.contextmanager
    def around(self, level: str, node: Any) -> Iterator[None]:
        """Enter and leave."""
        self.enter(level, node)
        try:
            yield
        finally:
            self.leave(level)


@pytest.fixture(autouse=True, scope="module")
def _harness_module(request: pytest.FixtureRequest) -> Iterator[None]:
    levels = request.config.stash[KEEPER]
    if type(request.node).__name__ == "NoseModule":  # it calls `Levels` itself
        yield
        return
    with levels.around("module", request.node):
        yield


@pytest.fixture(autouse=True, scope="class")
def _harness_class(request: pytest.FixtureRequest) -> Iterator[None]:
    with request.config.stash[KEEPER].around("class", request.node):
        yield


@pytest.fixture(autouse=True)
def _harness_test(request: pytest.FixtureRequest) -> Iterator[None]:
    with request.config.stash[KEEPER].around("test", request.node):
        before = _transactions(), set(threading.enumerate())
        yield
        _look_back(request.node, *before)
        if isolation.failed(request.node):
            keeper = request.config.stash[KEEPER].keeper
            isolation.kept(request.node, keeper.keep(request.node.nodeid))


@pytest.fixture
def lease(request: pytest.FixtureRequest) -> Lease:
    """The lease of the test: ``database`` and ``files``."""
    return request.config.stash[KEEPER].keeper.ensure()


def _transactions() -> list[Any]:
    """The transactions of trytond that are open in this thread."""
    import sys

    module = sys.modules.get("trytond.transaction")
    if module is None:
        return []
    # `Transaction()` itself would begin to be one; the stack of them is kept here:
    # https://foss.heptapod.net/tryton/tryton/-/blob/branch/7.0/trytond/trytond/transaction.py
    return [one for one in module.Transaction._local.transactions if one.connection]


def _end(transactions: list[Any]) -> None:
    """Roll back what fixtures have left open; its database may be gone."""
    for one in reversed(transactions):
        with contextlib.suppress(Exception):
            one.stop()


def _look_back(node: Any, open_: list[Any], threads: set[threading.Thread]) -> None:
    """End what a test has left open, and name it."""
    for one in reversed(_transactions()):
        if one not in open_:
            one.stop()
            node.warn(DatabaseWarning(f"{node.nodeid} left a transaction open"))
    for thread in set(threading.enumerate()) - threads:
        if not thread.daemon:
            text = f"{node.nodeid} left a thread running: {thread.name}"
            node.warn(DatabaseWarning(text))


class Plugin:
    """Hooks of pytest."""

    def __init__(self, levels: Levels) -> None:
        self.levels = levels

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Refuse an isolation that does not exist."""
        isolation.check(items)

    def pytest_warm(self) -> None:
        """Set up Tryton's classes, which each worker has then."""
        warm(self.levels.keeper)

    @pytest.hookimpl(tryfirst=True)
    def pytest_fresh_start(self) -> None:
        """The next test has another database."""
        self.levels.keeper.give_back()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Have a lease before any fixture."""
        self.levels.node = item
        self.levels.keeper.ensure()

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> None:
        """A package's fixture is a level of its own."""
        if fixturedef.scope == "package":
            self.levels.enter("package")
            fixturedef.addfinalizer(lambda: self.levels.leave("package"))
        if not fixturedef.argname.startswith(OURS):
            self.levels.still = None  # it may write, and is meant to

    def pytest_fixture_post_finalizer(self, fixturedef: Any) -> None:
        """A fixture that ended may have written, too."""
        if fixturedef.cached_result and not fixturedef.argname.startswith(OURS):
            self.levels.still = None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that the harness sets, and one of the suite's."""
    isolation.add_options(parser)
    parser.addini(
        DOUBT,
        "error or warning: what a test gets after which fixtures' state is lost",
        default="error",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the lease; it is taken when the first test begins."""
    isolation.describe(config)
    if not client.available or GIVEN not in os.environ:
        raise pytest.UsageError(
            "the plugin harness.plugins.database needs the harness around it:"
            " run harness test, or leave the plugin out"
        )
    lifeline.hold()
    if not hasattr(config, "workerinput"):
        lifeline.watch(os.environ[BROKER])
    given = json.loads(os.environ[GIVEN])
    keeper = Keeper(given["template"], given["variables"], given.get("known"))
    levels = config.stash[KEEPER] = Levels(
        keeper, config.getoption("harness_isolation")
    )
    levels.lenient = _lenient(config)
    config.pluginmanager.register(Plugin(levels), "harness-database-hooks")
    if config.pluginmanager.hasplugin(NOSE):
        from harness.plugins.nose import contexts

        contexts.AROUND[:] = [levels]
    if isolation.runs_tests(config):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a suite may make errors of its own
            keeper.tryton = _tryton()


def _lenient(config: pytest.Config) -> bool:
    asked = config.getini(DOUBT)
    if asked not in ("error", "warning"):
        raise pytest.UsageError(f"{DOUBT} = {asked!r} is neither error nor warning")
    return bool(asked == "warning")


def _tryton() -> Any:
    """Where trytond's databases are redirected; None without trytond."""
    try:
        import trytond.backend  # noqa: F401
    except ImportError:
        return None
    accelerate.locations()
    from harness.plugins import tryton_database

    tryton_database.install()
    accelerate.passwords()
    return tryton_database


def warm(keeper: Keeper) -> None:
    """Set up Tryton's classes before the workers are forked: they have them then."""
    if keeper.tryton:
        from trytond.pool import Pool

        with contextlib.suppress(LeaseError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            keeper.ensure()
            Pool(keeper.tryton.logical()).init()
            keeper.give_back()
    client.close()
