# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def setup_package():
    note("nested up")


def setup():
    note("WRONG: only the first name is called")


def teardown_package():
    note("nested down")
