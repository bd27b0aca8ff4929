# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def setup():
    note("tests up", __file__.split("/")[-3])


def teardown():
    note("tests down", __file__.split("/")[-3])
