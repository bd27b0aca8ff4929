# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
import functools

from diary import note


class Fixture:
    def __init__(self, word):
        self.word = word

    def __call__(self, module):
        note(self.word, module.__name__)


setup_module = Fixture("object up")
teardown_module = Fixture("object down").__call__


class TestObjects:
    setup_class = functools.partial(note, "partial up")
    teardown_class = staticmethod(lambda: note("lambda down"))
    setup = None

    def setUp(self):
        note("None is no setup")

    def test_it(self):
        note("run TestObjects.test_it")
