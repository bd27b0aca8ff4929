# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain pytest on a database that is there already: it is never dropped.

Nothing else of trytond is changed: ``activate_module`` finds the database and
its modules, sets the classes up and goes on.
"""


def pytest_configure(config):
    """Keep the database under ``DB_NAME``."""
    from trytond.tests import test_tryton

    test_tryton.drop_db = lambda name=None: None
