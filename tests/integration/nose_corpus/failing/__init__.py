# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def setup_package():
    note("failing up")
    raise RuntimeError("no package")


def teardown_package():
    note("WRONG: its setup failed")
