# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def setUpPackage():
    note("nested.inner up")


def tearDownPackage():
    note("nested.inner down")
