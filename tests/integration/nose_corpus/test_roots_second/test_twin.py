# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def test_twin():
    note("run test_twin", __file__.split("/")[-2])
