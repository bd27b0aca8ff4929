# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a module is for itself, and who mentions it."""

import ast

import pytest

from harness.plugins.trace import mentions, skeleton

LATER = "from __future__ import annotations\n"


def names(text: str) -> list[str]:
    return list(skeleton.read(text.encode()).members)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A = 3", ["A"]),
        ("A = -3.5", ["A"]),
        ("A = 60 * 60 - 1", ["A"]),
        ("A = 1 << 20", ["A"]),
        ("A: int = 3", ["A"]),
        ("A = ('a', ['b', {'c': None}], {1, 2}, {})", ["A"]),
        ("async def f(a, /, b='x', *, c=(1, 2), **d): pass", ["f"]),
        ("def f(a: int, b: 'B') -> None: pass", ["f"]),
        ("import os\nclass B: pass\ndef f(a: os, b: B): pass", ["f"]),
        (f"{LATER}def f(a: Missing | None): pass\nA: Missing = 1", ["f", "A"]),
        ("def test_a(thing): pass", ["test_a"]),
        ("class A(B):\n    x = 1\n    def test_a(self): pass", ["A.test_a"]),
    ],
)
def test_members(text: str, found: list[str]) -> None:
    assert names(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "A = f()",
        "A = B",
        "A = f'{B}'",
        "A = 1 / 0",
        "A = 'a' + 1",
        "A = 1 << -1",
        "A = {[]: 1}",
        "A = {**B}",
        "A = [*B]",
        "A = B = 1",
        "A, B = 1, 2",
        "a.b = 1",
        "A: Missing = 1",
        "A = 1\nA = 2",
        "A = 1\nA += 2",
        "A = 1\ndel A",
        "A = 1\ndef f(b=B):\n    global A",
        "A = 1\nclass B:\n    def f(self):\n        global A",
        "A = 1\nimport A",
        "A = 1\nfor A in B: pass",
        "A = 1\nwith B as A: pass",
        "A = 1\ntry: B\nexcept C as A: pass",
        "A = 1\n(A := 2)",
        "A = 1\ndef f(b=(A := 2)): pass",
        "A = 1\nfrom os import *",
        "if B:\n    A = 1",
        "__all__ = ['a']",
        "_multiprocess_can_split_ = True",
        "pytest_plugins = ['a']",
        "def setUpModule(): pass",
        "def includeme(config): pass",
        "@deco\ndef f(): pass",
        "def f(a=B): pass",
        "def f(a: Missing): pass",
        "def f(): pass\ndef f(): pass",
        "class A:\n    def f(self): pass",
        "class A:\n    x = 1",
        "@deco\nclass A:\n    def test_a(self): pass",
        "class A(metaclass=B):\n    def test_a(self): pass",
        "class A:\n    @deco\n    def test_a(self): pass",
        "class A:\n    def test_a(self): pass\n    test_a = 1",
    ],
)
def test_what_is_no_member(text: str) -> None:
    assert not {"A", "f", "A.test_a"}.intersection(names(text))
    assert not {"__all__", "_multiprocess_can_split_"}.intersection(names(text))
    assert not {"pytest_plugins", "setUpModule", "includeme"}.intersection(names(text))


def digests(text: str) -> tuple[str, dict[str, str]]:
    found = skeleton.read(text.encode())
    return found.skeleton, found.members


def test_a_member_that_is_new_or_another_one_is_no_change_of_the_rest() -> None:
    shape, one = digests("A = 1\ndef f(a=1): return a\nB = g(A)\n")
    same, more = digests("C = 2\nA = 1\ndef f(a=1): return -a\nB = g(A)\ndef h(): 1\n")
    assert same == shape
    assert {name: more[name] for name in one} == one
    other = digests("A = 2\ndef f(a=2): return a\nB = g(A)\n")
    assert other[0] == shape
    assert not set(other[1].values()) & set(one.values())


@pytest.mark.parametrize(
    "text",
    [
        "B = g()\nA = 1\nC = h()\n",
        "B = g()\nC = h()\nA = 1\n",
        "def f():\n    return A\nB = g()\nC = h()\nA = 1\n",
    ],
)
def test_what_runs_before_it_is_a_part_of_it(text: str) -> None:
    """`g` may look at it, and fail where it is not there."""
    shape, found = digests(f"A = 1\n{text.replace('A = 1', '')}")
    now = digests(text)
    assert now[0] == shape
    assert now[1]["A"] != found["A"]


def uses(text: str, name: str = "f") -> set[str]:
    return set(skeleton.read(text.encode()).uses[name])


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("return A", {"A"}),
        ("A = 1", set()),
        ("a.b.C = 1", {"a", "b", "C"}),
        ("global A", {"A"}),
        ("def g(): return lambda: A", {"A"}),
        ("getattr(a, 'B')", {"getattr", "a", "B"}),
        ("patch('a.b:C')", {"patch", "a", "b", "C"}),
        ("say('A b')", {"say"}),
        ("getattr(a, b)", {"getattr", "a", "b", "?"}),  # who has handed it on?
        ("vars(a)", {"vars", "a", "?"}),
        ("a.__dict__", {"__dict__", "a", "?"}),
        ("a.module.B", {"a", "module", "B"}),
        ("b(a.module)", {"a", "b", "*"}),
        ("b('List[A, C] | D')", {"b", "List", "A", "C", "D"}),
        ("class B:\n        from a import C", {"+a", "+C", "C", "=a.C"}),
        ("vars()", {"vars", "*"}),
        ("globals()['A' + b]", {"*", "A", "b"}),
        ("eval(a)", {"*", "a"}),
        ("a.f_globals", {"*", "a"}),
        ("getattr(a, '__globals__')", {"*", "getattr", "a"}),
        ("from a.b import C", {"+a", "+b", "+C"}),
        ("from .a import B as C", {"+a", "+B", "B", "<C B"}),
        ("import a.b", {"+a", "+b"}),
    ],
)
def test_mentions(body: str, found: set[str]) -> None:
    assert uses(f"def f():\n    {body}\n") == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import a.b\ndef f(): return g(a)", {"g", "=a"}),
        ("import a.b\ndef f(): return g(a.b)", {"g", "b", "~a", "=a.b"}),
        ("import a.b\ndef f(): return a.b.C", {"b", "C", "~a", "=a.b.C"}),
        ("import a.b as c\ndef f(): return g(c)", {"g", "=a.b"}),
        ("from . import c\ndef f(): return g(c)", {"g", "=.c"}),
        ("from .a import c\ndef f(): return c(1)", {"=.a.c"}),
        ("from .a import c\ndef f(): return g(c.d)", {"d", "g", "~.a.c", "=.a.c.d"}),
        ("def f():\n    from a import c as e\n    return e", {"c", "<e c", "=a.c"}),
        ("import sys\ndef f(): return sys.modules", {"*", "~sys", "=sys.modules"}),
        ("from sys import modules\ndef f(): return modules", {"*"}),
        ("import builtins\ndef f(): return builtins", {"*"}),
        (
            "import a\ndef f(): return a.__dict__",
            {"~a", "=a", "=a.__dict__", "?", "__dict__"},
        ),
        ("import a\ndef f(): return a.__name__", {"__name__", "~a", "=a.__name__"}),
        ("from a import *\ndef f(): return g(c)", {"c", "g", "=g", "=c"}),
        (
            "from a import *\nimport b as c\ndef f(): c.d",
            {"c", "d", "~c", "~b", "=b.d"},
        ),
        ("import inspect\ndef f(): return inspect.stack()", {"*", "stack", "=x"}),
        ("from inspect import stack\ndef f(): return stack()", {"*"}),
    ],
)
def test_what_is_imported_may_be_handed_on(text: str, found: set[str]) -> None:
    known = {one for one in uses(text) if one[:1] != "+"}
    assert {"=x" if "inspect" in one else one for one in known} == found


def test_a_member_does_not_mention_itself() -> None:
    text = "A = 1\ndef f(a: B = 2): return A\nC = D\nclass E:\n    def g(self): F\n"
    assert not {"A", "f", "F"} & uses(text, "")
    assert {"B", "D"} <= uses(text, "")


@pytest.mark.parametrize(
    ("mention", "file", "module"),
    [
        ("own.a", "src/own/b.py", "src/own/a.py"),
        ("own.a", "/elsewhere/b.py", "/place/own/a.py"),
        ("own", "src/own/b.py", "src/own/__init__.py"),
        (".a", "src/own/b.py", "src/own/a.py"),
        (".a", "/place/own/b.py", "/place/own/a.py"),
        ("..a.b", "src/own/c/d.py", "src/own/a/b.py"),
        (".a", "src/own/__init__.py", "src/own/a/__init__.py"),
    ],
)
def test_which_module_is_handed_on(mention: str, file: str, module: str) -> None:
    def who(kind: str, about: str) -> set[str]:
        code = [("fact", file, [f"{kind}{mention}"])]
        index = mentions.Index(code, {module})
        return index.who(about, ["A"]) - {"all *", f"all {about}"}

    assert who("=", module) == {"fact"}
    assert not who("~", module)
    assert not who("=", "src/other/x/c.py")


def test_a_module_of_a_member_s_name_is_not_the_member() -> None:
    code = [
        ("module", "own/b.py", ["~.catalogue", "=own.catalogue"]),
        ("member", "own/b.py", ["=.i18n.catalogue"]),
        ("shown again", "own/b.py", ["~other.catalogue"]),
    ]
    index = mentions.Index(code, {"own/b.py", "own/i18n.py", "own/catalogue.py"})
    found = index.who("own/i18n.py", ["catalogue"])
    assert found == {"all *", "all own/i18n.py", "member", "shown again"}


@pytest.mark.parametrize(
    ("mention", "where", "uses"),
    [
        ("=own.b", "own/b.py", "+A"),
        ("=own.b", "own/b.py", "+*"),
        ("=own", "own/b.py", "+c"),
    ],
)
def test_who_has_a_module_that_leads_to_another_has_that_too(
    mention: str, where: str, uses: str
) -> None:
    code = [("fact", "own/z.py", [mention]), ("module", where, [uses])]
    index = mentions.Index(code, {"own/a.py", "own/z.py", where})
    assert "fact" in index.who("own/a.py", ["A"])
    other = mentions.Index([*code[:1], ("module", where, ["+B"])], index.files)
    assert ("fact" in other.who("own/a.py", ["A"])) == (mention == "=own")


def test_a_module_may_be_reached_by_way_of_another() -> None:
    code = [("fact", "own/z.py", ["=own.b.a"]), ("other", "own/z.py", ["=os.a"])]
    index = mentions.Index(code, {"own/a.py", "own/b.py"})
    assert index.who("own/a.py", ["A"]) >= {"fact"}
    assert "other" not in index.who("own/a.py", ["A"])
    renamed = [
        ("fact", "own/z.py", ["=own.b.c"]),
        ("module own/b.py", "own/b.py", ["<c a"]),
    ]
    index = mentions.Index(renamed, index.files)
    assert "fact" in index.who("own/a.py", ["A"])
    index = mentions.Index(code, {"own/a.py", "own/b.py", "own/b/a.py"})
    assert "fact" not in index.who("own/a.py", ["A"])


def test_a_package_s_member_may_be_called_as_a_module_in_it() -> None:
    code = [("fact", "own/b.py", ["~own.a"])]
    index = mentions.Index(code, {"own/__init__.py", "own/a.py"})
    assert "fact" in index.who("own/__init__.py", ["a"])
    assert "fact" not in index.who("own/b.py", ["a"])


def test_who_makes_classes_is_given_their_tests() -> None:
    text = "class A(type):\n    def __init__(cls, name, bases, given): pass\n"
    assert uses(text, "A.__init__") == {"?"}
    text = "class A:\n    def __init_subclass__(cls): pass\n    def __init__(self): 1\n"
    assert uses(text, "A.__init_subclass__") == {"?"}
    assert not uses(text, "A.__init__")
    assert names("class A:\n    def test_a(self): 1\nclass A:\n    x = 1\n") == []


def test_a_walk_finds_what_a_pattern_binds() -> None:
    text = "A = 1\nmatch B:\n    case {'a': 1, **A}: pass\n    case [*A]: pass\n"
    assert ast.parse(text)
    assert names(text) == []
