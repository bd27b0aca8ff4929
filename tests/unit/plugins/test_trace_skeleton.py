# SPDX-License-Identifier: GPL-3.0-or-later
"""Which edits of a file count, and for what."""

import pytest

from harness.plugins.trace import skeleton

SOURCE = '''\
"""A module."""
import os
from functools import wraps
from . import other

LIMIT = 3


def plain(first, second=LIMIT):
    """Does nothing."""
    # a comment
    total = first + second

    def inner():
        return total

    return [one for one in inner()]


class Thing(other.Base):
    size = 1

    @property
    def width(self):
        return self.size

    @width.setter
    def width(self, value):
        self.size = value


if os.name == "posix":

    def which():
        return 1

else:

    def which():
        return 2
'''
BEFORE = skeleton.read(SOURCE.encode())


def changed(old: str, new: str) -> tuple[bool, set[str]]:
    """Whether the skeleton is another one, and the bodies that are."""
    assert SOURCE.count(old) == 1
    now = skeleton.read(SOURCE.replace(old, new).encode())
    assert not now.opaque
    names = {*now.bodies, *BEFORE.bodies}
    bodies = {one for one in names if now.bodies.get(one) != BEFORE.bodies.get(one)}
    return now.skeleton != BEFORE.skeleton, bodies


def test_each_function_of_a_module_or_a_class_has_a_body() -> None:
    assert list(BEFORE.bodies) == [
        "plain", "Thing.width", "Thing.width#2", "which", "which#2",
    ]  # fmt: skip
    assert not BEFORE.opaque


@pytest.mark.parametrize(
    ("old", "new", "bodies"),
    [
        ("first + second", "first - second", {"plain"}),
        ("        return total\n", "        return -total\n", {"plain"}),
        ("return total", "yield total", {"plain"}),
        ("for one in inner()", "for two in inner()", {"plain"}),
        ("return self.size", "return 1", {"Thing.width"}),
        ("self.size = value", "self.size = None", {"Thing.width#2"}),
        ("return 2", "return 3", {"which#2"}),
        ("return 2", "return 2.0", {"which#2"}),
        ("    # a comment\n", "", set()),
        ("    # a comment\n", "    # another\n\n\n", set()),
        ("first + second", "(first +\n        second)", set()),
        ("LIMIT = 3", "LIMIT = (3)  # many", set()),
    ],
)
def test_a_body_is_for_itself(old: str, new: str, bodies: set[str]) -> None:
    assert changed(old, new) == (False, bodies)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = os.sep"),
        ("LIMIT = 3", "LIMIT = 3\nMORE = LIMIT"),
        ("second=LIMIT", "second=4"),
        ("plain(first,", "plain(first: int,"),
        ("plain(first,", "plain(first, /,"),
        ("Does nothing.", "Does something."),
        ('"""A module."""', '"""Another."""'),
        ("size = 1", "size = 2"),
        ("other.Base", "other.Other"),
        ("    @property\n", "    @other.property\n"),
        ("import os\n", "import os, sys\n"),
    ],
)
def test_what_an_import_runs_is_skeleton(old: str, new: str) -> None:
    assert changed(old, new) == (True, set())


def test_a_function_that_becomes_a_generator_is_another_one_for_all() -> None:
    assert changed("return self.size", "yield self.size") == (True, {"Thing.width"})
    assert changed("    return [one", "    return (yield) or [one")[0]


def test_a_function_with_another_name_is_another_one() -> None:
    assert changed("def plain(", "def simple(") == (True, {"plain", "simple"})


@pytest.mark.parametrize(
    "more",
    [
        "import inspect",
        "from inspect import getsource",
        "def f():\n    import dis",
        "def f(g):\n    return g.__code__",
        "def f(g):\n    return getattr(g, '__code__')",
        "def f(g):\n    return g.__code__.co_name",
        "def f():\n    exec('1')",
        "eval('1')",
        "open(__file__)",
        "PLACE = __file__",
        "from numba import jit\n@jit\ndef f(): pass",
        "from numba import jit\ndef f():\n    @jit(1)\n    def g(): pass",
        "import numba\n@numba.jit(a=1)\nclass A: pass",
        "@(lambda f: f)\ndef f(): pass",
        "import sys\ndef f():\n    return sys._getframe(1)",
    ],
)
def test_where_code_may_see_code_the_whole_file_counts(more: str) -> None:
    assert skeleton.read(more.encode()).opaque


@pytest.mark.parametrize(
    "more",
    [
        "import re\nre.compile('a')",
        "from pathlib import Path\nHERE = Path(__file__).parent",
        "import os\nHERE = os.path.dirname(__file__)",
        "import functools\n@functools.lru_cache(maxsize=1)\ndef f(): pass",
        "from own.things import deco\n@deco\ndef f(): pass",
        "from .things import deco\n@deco.one(1)\ndef f(): pass",
        "def deco(f):\n    return f\n@deco\ndef f(): pass",
        "class A:\n    @staticmethod\n    def f(): pass",
        "code = fields.Function(fields.Char('Code'), 'get_code')",
        "def f(r):\n    return r.get_code() + r.co_author.get_source()",
    ],
)
def test_what_sees_no_code(more: str) -> None:
    assert not skeleton.read(more.encode(), ["own"]).opaque


@pytest.mark.parametrize("source", [b"def f(:\n", b"\0", b"# coding: none\n\xe9"])
def test_what_is_no_python_counts_as_a_whole(source: bytes) -> None:
    found = skeleton.read(source)
    assert found.opaque
    assert found.skeleton == skeleton.digest(source)


def test_what_is_imported_is_known_also_inside_of_functions() -> None:
    source = b"import a.b as c\nfrom d import e, f\ndef g():\n    from .. import h\n"
    source += b"from .i import *\n"
    assert skeleton.read(source).imports == {"a.b", "d.e", "d.f", "..h", ".i.*"}
