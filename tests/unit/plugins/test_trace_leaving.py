# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a function leaves something behind."""

import ast

import pytest

from harness.plugins.trace import filling, leaving, skeleton


@pytest.mark.parametrize(
    ("source", "leaves"),
    [
        ("def register(): Pool.register(Thing)", leaving.ANYWHERE),
        ("def register(registry): registry.scan()", leaving.NOTHING),
        ("def f(a):\n    def g(request):\n        request.a = 1", leaving.NOTHING),
        ("def f(a):\n    return lambda r: r.__setitem__(1, a)", leaving.NOTHING),
        ("def f(a):\n    def g(b): pass\n    b.x = 1", leaving.ANYWHERE),
        ("def f(a):\n    def g(cls): cls.x = 1", leaving.ANYWHERE),
        ("def f(a):\n    def g(b):\n        KNOWN[1] = b", leaving.ANYWHERE),
        ("def includeme(config): config.scan()", leaving.NOTHING),
        ("def includeme(config): config.registry['a'] = 1", leaving.NOTHING),
        ("def includeme(config): KNOWN.append(config)", leaving.ANYWHERE),
        ("def register(request): return page(request)", leaving.NOTHING),
        ("def register(request): KNOWN.add(request)", leaving.ANYWHERE),
        ("@reify\ndef register(request): return page(request)", leaving.ANYWHERE),
    ],
)
def test_what_is_done_to_what_was_given_is_for_who_gives_it(
    source: str, leaves: int
) -> None:
    (node,) = ast.parse(source).body
    assert leaving.leaves(node)[0] == leaves


@pytest.mark.parametrize(
    ("body", "leaves"),
    [
        ("if self.x is None: self.x = g()", leaving.HERE),
        ("if self.x: return self.x\n    self.x = g()", leaving.HERE),
        ("if not hasattr(self, 'x'): self.x = g()", leaving.HERE),
        ("if not getattr(self, 'x', 0): setattr(self, 'x', g())", leaving.HERE),
        ("try: return self.x\n    except E: self.x = g()", leaving.HERE),
        ("self.x = self.x or g()", leaving.HERE),
        ("if k not in self.x: self.x[k] = g()", leaving.HERE),
        ("x = self.x.get(k)\n    if x is None: self.x[k] = g()", leaving.HERE),
        ("x = self.x\n    if k not in x: x[k] = g()", leaving.HERE),
        ("if not self.x: self.x.append(g())", leaving.HERE),
        ("if k not in self.__dict__: self.__dict__[k] = g()", leaving.HERE),
        ("while not self.x: self.x += g()", leaving.HERE),
        ("self.x += 1", leaving.NOTHING),
        ("if not hasattr(a, 'x'): a.x = g()", leaving.ANYWHERE),
        ("VAR.set(g())", leaving.ANYWHERE),
        ("self.x = g()\n    return self.x", leaving.NOTHING),
        ("self.x[k] = g()\n    self.x[a] = h()", leaving.NOTHING),
        ("if k not in a: a[k] = g()", leaving.NOTHING),
        ("x = {}\n    if k not in x: x[k] = g()", leaving.NOTHING),
    ],
)
def test_what_is_set_after_a_look_is_found_there_later(body: str, leaves: int) -> None:
    (node,) = ast.parse(f"def f(self, a, k):\n    {body}\n").body
    assert leaving.leaves(node, method=True)[0] == leaves


@pytest.mark.parametrize("name", ["__init__", "test_a"])
def test_an_object_that_is_new_is_nobody_s(name: str) -> None:
    (node,) = ast.parse(f"def {name}(self):\n    if self.x: self.x = 1\n").body
    assert not list(filling.filled(node, ["self"]))


@pytest.mark.parametrize("name", ["__get__", "__getattr__", "__missing__"])
def test_what_is_asked_where_nothing_is_yet_remembers(name: str) -> None:
    (node,) = ast.parse(f"def {name}(self, a):\n    a.__dict__['x'] = 1\n").body
    assert leaving.leaves(node, method=True)[0] == leaving.ANYWHERE


@pytest.mark.parametrize("default", ["{}", "[]", "dict()"])
def test_a_default_is_one_thing_for_all_calls(default: str) -> None:
    text = f"def f(a, b={default}, *, c={default}):\n    %s[1] = g()\n"
    for name, found in (("a", (0, [])), ("b", (1, ["f"])), ("c", (1, ["f"]))):
        (node,) = ast.parse(text % name).body
        assert leaving.leaves(node) == found


@pytest.mark.parametrize(
    "call", ["defaultdict(f)", "lru_cache(None)(f)", "a.memoized(f)"]
)
def test_who_is_given_a_function_may_remember_what_it_returns(call: str) -> None:
    reader = skeleton.Reader(ast.parse(f"A = {call}\ndef f(): 1\ndef g(): f()\n"))
    assert reader.leaving == {"f": (leaving.HERE, []), "g": (leaving.NOTHING, [])}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("nonlocal a; a = 1", ["g"]),
        ("a[1] = 2", ["g"]),
        ("a.append(b)", ["g"]),
        ("b.append(a)", []),
        ("c = {}; c[1] = a", []),
    ],
)
def test_a_function_that_is_returned_may_fill_what_is_around_it(
    body: str, found: list[str]
) -> None:
    text = "def f():\n    a = []\n    def g(b):\n        %s\n    return %s\n"
    for result, names in (("g", found), ("wraps(f)(g)", found), ("1", [])):
        (node,) = ast.parse(text % (body, result)).body
        assert [one.name for one in filling.escaping(node)] == names


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("return 1", "return 2", True),
        ("return 1", "KNOWN.append(1)", False),
        ("return 1", "global A; A = 1", False),
        ("KNOWN.append(1)", "KNOWN.append(2)", True),
    ],
)
def test_to_begin_to_leave_something_is_a_change_of_the_module(
    old: str, new: str, same: bool
) -> None:
    """Who sees it did not depend on the function before."""
    text = "KNOWN = []\ndef f(): %s\n"
    one, other = (skeleton.read((text % body).encode()) for body in (old, new))
    assert (one.skeleton == other.skeleton) is same
