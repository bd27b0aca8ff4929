# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def setup_module(module):
    note("nested.test_top up", module.__name__)


def teardown_module(module):
    note("nested.test_top down", module.__name__)


def test_top():
    note("run nested.test_top")
