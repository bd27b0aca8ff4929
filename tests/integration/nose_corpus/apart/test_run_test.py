# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from unittest import TestCase

from diary import note


class RunTest(TestCase):
    def runTest(self):
        note("run RunTest")
