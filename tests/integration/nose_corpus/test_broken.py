# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
import a_module_that_nobody_has


def test_it():
    pass
