# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from unittest import SkipTest

raise SkipTest("not here")
