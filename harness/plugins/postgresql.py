# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL database for tests: a clone of one template, put back after each use.

The ini option ``postgresql_template`` switches it on.  The template is built once,
whatever the number of workers, by a process that the session starts and that all
workers ask for their database.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib.util import find_spec
from typing import Any, Iterator

import pytest

from harness.plugins.beside import Beside
from harness.plugins.client import LeaseError, client
from harness.plugins.keeper import Keeper, address

NAME = "postgresql_template"
SCOPES = {"test": "function", "class": "class", "module": "module", "worker": "session"}
KEEPER = pytest.StashKey[Keeper]()
QUIET = ("collectonly", "help", "version", "showfixtures", "show_fixtures_per_test")
"""Options with which no test is run."""


class Database:
    """The database that a test may write to.

    After a way back its `name` and `url` may be others.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    @property
    def name(self) -> str:
        """Its name on the server."""
        return self._keeper.ensure().database

    @property
    def url(self) -> str:
        """Its address, for libpq and what is built on it."""
        return address(self.name, os.environ)

    def mark(self) -> int:
        """Remember how the database is now; marks may be nested.

        Raises `LeaseError` where a database cannot be put back in place.
        """
        if self._keeper.coarse:
            raise LeaseError(
                f"there is no way back to a mark here: {self._keeper.coarse}"
            )
        return self._keeper.mark()

    def back(self, mark: int) -> None:
        """Put it back to a mark; sessions that are still in a transaction are ended."""
        said = self._keeper.back(mark)
        if said:
            test = os.environ.get("PYTEST_CURRENT_TEST", "a fixture")
            warnings.warn(pytest.PytestWarning(f"{test} {said}"), stacklevel=2)


def _scope(fixture_name: str, config: pytest.Config) -> Any:
    return SCOPES[_level(config)]


def _level(config: pytest.Config) -> str:
    level = str(config.getini(f"{NAME}_scope"))
    if level not in SCOPES:
        raise pytest.UsageError(
            f"{NAME}_scope = {level} is none of {', '.join(SCOPES)}"
        )
    return level


@pytest.fixture(scope=_scope)
def template_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database like the template, for the scope ``postgresql_template_scope``.

    What is written to it is gone when the fixture ends.  ``PGHOST``, ``PGDATABASE``,
    ``DATABASE_URL`` and the others lead there.
    """
    keeper = request.config.stash.get(KEEPER, None)
    if keeper is None:
        pytest.fail(f"say in the configuration what fills it: {NAME}", pytrace=False)
    made = Database(keeper)
    try:
        first = keeper.ensure().mark
    except LeaseError as error:
        pytest.fail(str(error), pytrace=False)
    yield made
    made.back(first)


def _all(config: pytest.Config) -> Keeper | None:
    """What has databases for all tests, whether or not they ask for one."""
    wanted = config.getini(f"{NAME}_autouse")
    return config.stash.get(KEEPER, None) if wanted else None


@pytest.fixture(scope="session", autouse=True)
def _harness_leased(request: pytest.FixtureRequest) -> None:
    """The variables lead to a database before the first fixture of the session."""
    keeper = _all(request.config)
    if keeper:
        keeper.ensure()


@pytest.fixture(autouse=True)
def _harness_put_back(request: pytest.FixtureRequest) -> Iterator[None]:
    """What the test writes is gone when it ends, what wider fixtures wrote is not."""
    keeper = _all(request.config)
    if keeper is None or keeper.coarse:
        yield
        return
    made = Database(keeper)
    mark = made.mark()
    yield
    made.back(mark)


def pytest_addoption(parser: pytest.Parser) -> None:
    """How the template is made, and where."""
    parser.addini(
        f"{NAME}_autouse",
        "each test has a database, also one that does not ask for template_database",
        "bool",
    )
    parser.addini(
        f"{NAME}_reads",
        "files and directories that its functions and commands depend on: with them"
        " said, the template is kept between runs",
        "args",
    )
    parser.addini(
        f"{NAME}_server",
        "embedded, docker:IMAGE, or postgresql://USER:PASSWORD@HOST:PORT/;"
        " $VARIABLES are filled in",
        default="embedded",
    )
    parser.addini(
        f"{NAME}_scope",
        "how long a test's database is kept: test, class, module or worker",
        default="test",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Have the broker started, by the session that hands out tests or runs them all."""
    if not config.getini(NAME) or any(getattr(config.option, one, 0) for one in QUIET):
        return
    _level(config)
    variables = {"PGDATABASE": "{database}", "DATABASE_URL": "{uri}"}
    config.stash[KEEPER] = Keeper(NAME, variables)
    if hasattr(config, "workerinput"):
        client.worker = config.workerinput["workerid"]
    else:
        config.pluginmanager.register(Session(config), "harness-postgresql-session")


class Session:
    """The broker of this session, from its configuration to its end."""

    def __init__(self, config: pytest.Config) -> None:
        if find_spec("psycopg") is None:
            raise pytest.UsageError(
                f"{NAME} needs psycopg\nto mend it: pip install"
                " 'collecting-society-harness[postgresql]'"
            )
        self.server = os.path.expandvars(config.getini(f"{NAME}_server"))
        self.lines = [str(one) for one in config.getini(NAME)]
        order = {
            "root": str(config.rootpath),
            "lines": self.lines,
            "reads": config.getini(f"{NAME}_reads"),
            "server": self.server,
            "path": [one for one in (str(config.rootpath), *sys.path) if one],
        }
        self.beside = Beside(
            "harness.standalone",
            order=order,
            remedy="see what it says by echo '{}' | python -m harness.standalone",
        )
        os.environ.update(self.beside.said)

    def pytest_report_header(self) -> str:
        """What fills the template, and where it is."""
        shown = self.server.rpartition("@")[2]
        return f"{NAME}: {', '.join(self.lines)} ({shown})"

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """End it: it takes away what it has made."""
        config.stash[KEEPER].give_back()
        self.beside.end()
