# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note
from nose.tools import with_setup

CASES = []


def setup_module():
    note("test_generators up")
    CASES.extend(["from", "setup"])


def teardown_module():
    note("test_generators down")


def up():
    note("up")


def down():
    note("down")


def check(*values):
    note("run check", *values)
    assert "bad" not in values


def test_arguments():
    for number in range(3):
        yield check, number, "x"


def test_fails_in_the_middle():
    yield check, "good"
    yield check, "bad"
    yield check, "good again"


@with_setup(up, down)
def test_fixtures_of_the_generator():
    yield check, 1
    yield check, 2


@with_setup(up, down)
def checked(value):
    note("run checked", value)


def test_fixtures_of_the_yielded():
    yield checked, 1
    yield checked, 2


def test_by_name():
    yield "check", "by name"


def test_closures():
    for number in range(3):

        def closed():
            note("run closed", number)

        yield closed


def test_lambda_and_single():
    yield lambda: note("run lambda")
    yield (check,)


class Callable:
    def __init__(self, value):
        self.value = value

    def setup(self):
        note("Callable.setup", self.value)

    def teardown(self):
        note("Callable.teardown", self.value)

    def __call__(self, more):
        note("run Callable", self.value, more)


def test_objects():
    for number in range(2):
        yield Callable(number), "more"


def test_known_after_setup():
    for case in CASES:
        yield check, case


def test_raises_after_the_first():
    yield check, "first"
    raise RuntimeError("no second")


class TestMethods:
    @classmethod
    def setup_class(cls):
        note("TestMethods.setup_class")

    def setup(self):
        self.value = "set up"
        note("TestMethods.setup")

    def teardown(self):
        note("TestMethods.teardown")

    def test_methods(self):
        for number in range(2):
            yield self.verify, number

    def test_functions(self):
        yield check, "function"

    def test_names(self):
        yield "verify", "name"

    def verify(self, what):
        note("run verify", what, self.value)

    def test_ordinary(self):
        note("run test_ordinary", self.value)
