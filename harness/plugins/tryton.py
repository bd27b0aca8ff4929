# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves whatever database a Tryton test asks for from a template.

The tests are not changed: `create_db`, `drop_db`, `db_exist` and the two
functions of trytond's own ``DB_CACHE`` are where they get databases from, and
these are answered with leases.  Scenarios (``scenario_*.rst``) are collected
as doctests, once for each entry of a ``.json`` file beside them, as trytond's
``load_doc_tests`` does.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, Iterator

import pytest

# Which item is a scenario: https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/doctest.py
from _pytest.doctest import DoctestItem

from harness.plugins import accelerate, isolation, lifeline, scenarios
from harness.plugins.client import BROKER, LeaseError, client
from harness.plugins.databases import Databases


class Plugin:
    """Hooks of pytest."""

    def __init__(self, default: str) -> None:
        self.databases = Databases(default)
        self.default = default

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: Any) -> None:
        """Note which isolation the test asks for."""
        self.databases.isolation = isolation.of(item, self.default)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        """What trytond does before and after a scenario, inside of our levels."""
        result = yield
        case = scenarios.case(item)
        if case is not None and case._dt_tearDown is not None:
            item.addfinalizer(lambda: case._dt_tearDown(case._dt_test))
        if case is not None and case._dt_setUp is not None:
            case._dt_setUp(case._dt_test)
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Keep the database of what failed."""
        if isolation.failed(item):
            isolation.kept(item, self.databases.keep(item.nodeid))

    @pytest.hookimpl(optionalhook=True)  # those of warm workers, if there are any
    def pytest_warm(self, session: pytest.Session) -> None:
        """Set up the classes of the database that most tests will ask for."""
        warm(self.databases, session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_fresh_start(self) -> None:
        """The next test has another database."""
        self.databases.end()

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(self, file_path: Any, parent: Any) -> Any:
        """A scenario with a ``.json`` file runs once for each of its entries."""
        found = yield
        scenario = found and file_path.suffix == ".rst"
        if scenario and file_path.with_suffix(".json").exists():
            return [scenarios.Scenarios.from_parent(parent, path=file_path)]
        return found

    def pytest_pycollect_makeitem(self, name: str, obj: Any) -> Any:
        """trytond's class of module tests is a base where it is imported, no tests.

        Newer tests delete its name themselves, those before 6.2 have a ``suite()``.
        """
        base = name == "ModuleTestCase" and getattr(obj, "module", "") is None
        return [] if base else None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Scenarios run with the options that their ``load_tests`` gives them.

        Raises a usage error for an isolation that does not exist.
        """
        isolation.check(items)
        asked = (isolation.of(item, self.default) for item in items)
        self.databases.finest = max(asked, key=isolation.rank, default=self.default)
        cases: dict[Path, dict[str, list[Any]]] = {}
        for item in items:
            if isinstance(item, DoctestItem) and item.path.suffix == ".rst":
                directory = item.path.parent
                if directory not in cases:
                    cases[directory] = scenarios.made_by(directory / "test_scenario.py")
                found = cases[directory].get(item.path.name)
                if found:
                    scenarios.adopt(item, found.pop(0))


KEY = pytest.StashKey[Plugin]()


def _around(level: str, request: pytest.FixtureRequest) -> Iterator[None]:
    plugin = request.config.stash[KEY]
    plugin.databases.enter(level, isolation.of(request.node, plugin.default))
    yield
    plugin.databases.leave(level)


@pytest.fixture(autouse=True, scope="module")
def _harness_module(request: pytest.FixtureRequest) -> Iterator[None]:
    yield from _around("module", request)


@pytest.fixture(autouse=True, scope="class")
def _harness_class(request: pytest.FixtureRequest) -> Iterator[None]:
    yield from _around("class", request)


@pytest.fixture(autouse=True)
def _harness_test(request: pytest.FixtureRequest) -> Iterator[None]:
    yield from _around("test", request)


ALONE: list[bool] = []
"""Whether nobody but this session has started what has its databases."""
INSTALLED: list[Databases] = []
"""What trytond's functions of this process, and of its forks, are answered by."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that the harness sets."""
    isolation.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Take trytond's place where databases come from."""
    isolation.describe(config)
    if not client.available and not ALONE:
        raise pytest.UsageError(
            "the plugin harness.plugins.tryton needs the harness around it:"
            " run harness test, or leave the plugin out"
        )
    if hasattr(config, "workerinput"):
        lifeline.hold()
        client.worker = config.workerinput["workerid"]
    elif not ALONE:  # who has started pytest may end, or its thread may
        lifeline.hold()
        lifeline.watch(os.environ[BROKER])
    plugin = Plugin(config.getoption("harness_isolation"))
    config.stash[KEY] = plugin
    config.pluginmanager.register(plugin, "harness-tryton-hooks")
    if INSTALLED:  # by the process that this one is a fork of: tests hold its functions
        plugin.databases = INSTALLED[0]
    elif isolation.runs_tests(config):
        INSTALLED.append(plugin.databases)
        # pytest does not listen yet, and some libraries set filters of their own
        with warnings.catch_warnings(record=True):
            install(plugin.databases)
            accelerate.passwords()
        accelerate.subtests()


def warm(databases: Databases, items: list[Any]) -> None:
    """Set up the classes of the database that most tests will ask for."""
    counted = Counter(
        ((*([owner.module] if owner.module else []), *(owner.extras or ())), language)
        for owner, language in (
            (item.cls, getattr(item.cls, "language", "en"))
            for item in items
            if isinstance(getattr(getattr(item, "cls", None), "module", None), str)
        )
    )
    if counted:
        (modules, language), _ = counted.most_common(1)[0]
        with contextlib.suppress(LeaseError), warnings.catch_warnings(record=True):
            databases.enter("class", "class")
            databases.open(list(modules), language)
            databases.leave("class")
        client.close()


def install(databases: Databases) -> None:
    """Answer trytond's own functions with leases."""
    accelerate.locations()
    from trytond.tests import test_tryton

    from harness.plugins import tryton_database

    tryton_database.install()
    exist, create, drop = (
        test_tryton.db_exist,
        test_tryton.create_db,
        test_tryton.drop_db,
    )
    own = test_tryton.DB_NAME

    def db_exist(name: str = own) -> Any:
        return databases.exist() if name == own else exist(name)

    def create_db(name: str = own, lang: str = "en") -> Any:
        return databases.create(name, lang) if name == own else create(name, lang)

    def drop_db(name: str = own) -> Any:
        return databases.drop() if name == own else drop(name)

    test_tryton.db_exist = db_exist
    test_tryton.create_db = create_db
    test_tryton.drop_db = drop_db
    test_tryton.restore_db_cache = databases.restore
    test_tryton.backup_db_cache = lambda name: None
    try:
        from trytond.tests import tools
    except ImportError:
        return
    _activation(databases, tools)


def _activation(databases: Databases, tools: Any) -> None:
    """``activate_modules`` of scenarios, with set-up functions in newer series."""
    original = tools.activate_modules

    def activate_modules(modules: Any, *setup: Any, **options: Any) -> Any:
        if not setup:
            return original(modules, **options)
        databases.open([modules] if isinstance(modules, str) else list(modules))
        # `activate_modules` without the activation: what it ends with.
        # https://foss.heptapod.net/tryton/tryton/-/blob/branch/7.0/trytond/trytond/tests/tools.py
        config = tools._get_config()
        for function in setup:
            function(config=config)
        return config

    tools.activate_modules = activate_modules
