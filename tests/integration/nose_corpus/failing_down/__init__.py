# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def teardown_package():
    note("failing_down fails")
    raise RuntimeError("no end")
