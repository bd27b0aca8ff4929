# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from unittest import SkipTest

from diary import note
from nose import SkipTest as NoseSkip
from nose.plugins.deprecated import DeprecatedTest
from nose.plugins.skip import SkipTest as PluginSkip
from nose.tools import with_setup


def test_skip():
    note("run test_skip")
    raise SkipTest("not now")


def test_nose_skip():
    note("run test_nose_skip")
    raise NoseSkip("not now")


def test_plugin_skip():
    note("run test_plugin_skip")
    raise PluginSkip


def test_deprecated():
    note("run test_deprecated")
    raise DeprecatedTest("old")


def skip():
    note("skip in setup")
    raise SkipTest("no")


@with_setup(skip)
def test_skip_in_setup():
    note("WRONG: run")


class TestSkipInClass:
    @classmethod
    def setup_class(cls):
        note("skip in setup_class")
        raise SkipTest("no")

    @classmethod
    def teardown_class(cls):
        note("WRONG: its setup did not end")

    def test_it(self):
        note("WRONG: run")
