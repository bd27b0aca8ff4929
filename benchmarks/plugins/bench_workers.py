# SPDX-License-Identifier: GPL-3.0-or-later
"""Stock pytest-xdist on trytond: a database for each worker, and the way of scenarios.

trytond's tests know one database by its name; pytest knows nothing of what their
``load_tests`` do before and after a scenario.  Nothing else is changed.
"""

from os import environ  # noqa: TID251  (a worker knows its name from there)

from _pytest.doctest import DoctestItem


def pytest_configure(config):
    """Give the worker a database of its own."""
    worker = environ.get("PYTEST_XDIST_WORKER", "alone")
    environ["DB_NAME"] = f"{environ['DB_NAME']}_{worker}"


def pytest_runtest_setup(item):
    """Begin a scenario as ``load_tests`` does."""
    _around(item, "doctest_setup")


def pytest_runtest_teardown(item):
    """End it likewise."""
    _around(item, "doctest_teardown")


def _around(item, name):
    if isinstance(item, DoctestItem):
        from trytond.tests import test_tryton

        getattr(test_tryton, name)(item.dtest)
