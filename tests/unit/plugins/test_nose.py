# SPDX-License-Identifier: GPL-3.0-or-later
"""nose's rules, as far as they need no run: names, attributes, addresses, tools."""

import os
import sys
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import SkipTest, TestCase

import pytest

from harness.plugins.nose import (
    addresses,
    attributes,
    compat,
    contexts,
    generators,
    rules,
    tools,
)
from harness.plugins.nose.addresses import Wrong
from harness.plugins.nose.order import key
from harness.plugins.nose.rules import Rules
from harness.plugins.nose.state import State

# -- rules -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test", True),
        ("Testing", True),
        ("my_test", True),
        ("my-test", True),
        ("my.test", True),
        ("some/test", True),
        ("latest", False),
        ("myTest", False),
        ("TEST", False),
        ("", False),
    ],
)
def test_names(name: str, *, expected: bool) -> None:
    assert Rules().matches(name) is expected


def test_include_and_exclude() -> None:
    chosen = Rules(include=["^check"], exclude=["slow", "a,b"])
    assert chosen.matches("check_it")
    assert not chosen.matches("check_slow")
    assert not chosen.matches("test_slow")
    assert chosen.matches("test_a")  # a comma is a part of the expression
    assert not chosen.standard


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test_a.py", True),
        ("a_test.py", True),
        ("tests.py", True),
        ("Test.py", True),
        ("_test.py", False),
        (".test.py", False),
        ("setup.py", False),
        ("helper.py", False),
        ("test.txt", False),
        ("conftest.py", False),
    ],
)
def test_files(tmp_path: Path, name: str, *, expected: bool) -> None:
    path = tmp_path / name
    path.touch(mode=0o644)
    assert Rules().file(path) is expected
    globs = any(path.match(glob) for glob in rules.GLOBS)
    assert globs or not expected


def test_executable_files(tmp_path: Path) -> None:
    path = tmp_path / "test_it.py"
    path.touch()
    path.chmod(0o654)
    chosen = Rules()
    assert not chosen.file(path)
    assert chosen.skipped == [path]
    assert Rules(executables=True).file(path)
    assert not rules.executable(tmp_path / "missing")


def test_ignored_files_replace_those_of_nose(tmp_path: Path) -> None:
    chosen = Rules(ignore=["^test_no"])
    assert chosen.file(tmp_path / "_test.py")
    assert not chosen.file(tmp_path / "test_no.py")


def test_directories(tmp_path: Path) -> None:
    for name in ("package", "tests", "other", "src", "_tests", "no-identifier"):
        (tmp_path / name).mkdir()
    for name in ("package", "no-identifier"):
        (tmp_path / name / "__init__.py").touch()
    wanted = {path.name for path in tmp_path.iterdir() if Rules().directory(path)}
    assert wanted == {"package", "tests", "src"}
    assert not Rules(exclude=["pack"]).directory(tmp_path / "package")


def test_packages(tmp_path: Path) -> None:
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    (inner / "__init__.py").touch()
    assert rules.packages(inner / "test.py") == [inner]
    (inner.parent / "__init__.py").touch()
    assert rules.packages(inner / "test.py") == [inner.parent, inner]
    assert rules.packages(tmp_path / "test.py") == []


class Case(TestCase):
    """A case is wanted whatever its name."""


class TestLike:
    __test__: Any = None


def test_classes() -> None:
    chosen = Rules()
    private = type("_TestPrivate", (TestLike,), {})
    assert chosen.cls(Case)
    assert chosen.cls(TestLike)
    assert not chosen.cls(private)
    assert chosen.cls(type("_Told", (), {"__test__": True}))
    assert not chosen.cls(type("TestNot", (), {"__test__": False}))
    assert not chosen.cls(type("TestNotEither", (type("B", (), {"__test__": 0}),), {}))
    assert not chosen.cls(type("Helper", (), {}))


def test_functions_go_by_their_own_name() -> None:
    def helper() -> None: ...

    def test_it() -> None: ...

    def _test_private() -> None: ...

    chosen = Rules()
    assert chosen.function(test_it)
    assert not chosen.function(helper)
    assert chosen.function(tools.istest(helper))
    assert not chosen.function(_test_private)
    assert chosen.function(tools.istest(_test_private))
    assert not chosen.method(_test_private)
    assert not chosen.function(tools.nottest(test_it))


def test_modules() -> None:
    module = ModuleType("package.test_it")
    chosen = Rules()
    assert chosen.module("package.test_it", module)
    assert not chosen.module("tests.it", module)
    module.__test__ = False  # type: ignore[attr-defined]
    assert not chosen.module("package.test_it", module)


def test_fixtures_of_pytest_are_no_tests() -> None:
    @pytest.fixture
    def test_data() -> int:
        return 1

    assert rules.is_fixture(test_data)
    assert not rules.is_function(test_data)
    assert rules.is_function(Case("run").run)


# -- attributes --------------------------------------------------------------


class Marked:
    speed = "fast"
    network = True


@tools.attr("slow", tags=["A", "b"], level=2)
def marked() -> None: ...


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["slow"], True),
        (["!slow"], False),
        (["nothing"], False),
        (["!nothing"], True),
        (["slow,!nothing"], True),
        (["slow,nothing"], False),
        (["nothing", "slow"], True),
        (["tags=a"], True),
        (["tags=c"], False),
        (["level=2"], True),
        (["speed=FAST"], True),
        (["network,slow"], True),
        ([], True),
    ],
)
def test_attributes(given: list[str], *, expected: bool) -> None:
    tests = attributes.parse(given, [])
    assert attributes.selected(tests, marked, Marked) is expected


def test_expressions() -> None:
    for text, expected in [
        ("slow and level > 1", True),
        ("not slow", False),
        ("nothing", False),
        (" speed == 'fast' ", True),
    ]:
        tests = attributes.parse([], [text])
        assert attributes.selected(tests, marked, Marked) is expected
    both = attributes.parse(["nothing"], ["level == 2"])
    assert attributes.selected(both, marked, None)
    with pytest.raises(SyntaxError):
        attributes.parse([], ["a b"])


# -- names of fixtures -------------------------------------------------------


def test_names_of_fixtures_in_their_order() -> None:
    assert contexts.setups(contexts.CLASS) == [
        "setup_class", "setup_all", "setupClass", "setupAll", "setUpClass", "setUpAll",
    ]  # fmt: skip
    assert contexts.teardowns(contexts.CLASS) == [
        "teardown_class", "teardown_all", "teardownClass", "teardownAll",
        "tearDownClass", "tearDownAll",
    ]  # fmt: skip
    assert contexts.setups(contexts.MODULE) == [
        "setup_module", "setupModule", "setUpModule", "setup", "setUp",
    ]  # fmt: skip
    assert contexts.teardowns(contexts.FUNCTION) == [
        "teardown", "tearDown", "tearDownFunc",
    ]  # fmt: skip
    assert contexts.setups(contexts.PACKAGE) == [
        "setup_package", "setupPackage", "setUpPackage",
    ]  # fmt: skip


def test_an_exception_says_whose_fixture_it_is() -> None:
    class Bad:
        @classmethod
        def setUpClass(cls) -> None:
            raise RuntimeError("no")

    with pytest.raises(RuntimeError) as caught:
        contexts.run(Bad, contexts.setups(contexts.CLASS), "class Bad")
    assert getattr(caught.value, contexts.MARK) == "setUpClass of class Bad"


def test_what_cannot_be_called_is_an_error() -> None:
    module = ModuleType("m")
    module.setup = 5  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="Attribute setup of"):
        contexts.run(module, ["setup"], "module m")


def test_contexts_with_fixtures() -> None:
    class Own(TestCase):
        @classmethod
        def tearDownClass(cls) -> None: ...

    module = ModuleType("m")
    assert not contexts.has_fixtures(Case)
    assert contexts.has_fixtures(Own)
    assert not contexts.has_fixtures(module)
    module.setup = print  # type: ignore[attr-defined]
    assert contexts.has_fixtures(module)


def test_a_package_that_failed_is_not_tried_again() -> None:
    calls = []

    def fail() -> None:
        calls.append("up")
        raise RuntimeError("no")

    def end() -> None:
        calls.append("down")

    bad, good = ModuleType("bad"), ModuleType("good")
    bad.setup = fail  # type: ignore[attr-defined]
    bad.teardown = good.teardown = end  # type: ignore[attr-defined]
    packages = contexts.Packages()
    wanted = [(Path("/a"), good), (Path("/a/b"), bad)]
    for _ in range(2):
        with pytest.raises(RuntimeError):
            packages.enter(wanted)
    assert calls == ["up"]
    packages.following = SimpleNamespace(path=Path("/a/test_more.py"))
    packages.leave()
    assert calls == ["up"]
    packages.following = None
    packages.leave()
    packages.close()
    assert calls == ["up", "down"]


# -- generators --------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((print,), "3-print"),
        ((print, 1, "a b", None, True), "3-1-a b-None-True"),
        ((print, [1]), "3-list"),
        ((print, "ä::[x]"), "3-\\xe4:(x)"),
        ((print, "x" * 90), "3-" + "x" * 40),
    ],
)
def test_titles(parts: tuple[Any, ...], expected: str) -> None:
    assert generators.title(3, parts) == expected


def test_a_generator_is_run_in_step() -> None:
    seen: list[object] = []

    def gen() -> Any:
        for number in range(3):
            seen.append(number)
            yield lambda: seen.append(("run", number))  # noqa: B023 -- the very point

    module = ModuleType("m")
    module.gen = gen  # type: ignore[attr-defined]
    lockstep = generators.Lockstep(module, "gen")
    for index in (0, 2, 1):  # 1 again: from the start
        case = lockstep.case(index)
        assert case
        case.call()
    assert seen == [0, ("run", 0), 1, 2, ("run", 2), 0, 1, ("run", 1)]
    assert lockstep.case(3) is None


# -- order -------------------------------------------------------------------


class Item:
    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.name = "test"

    def getparent(self, _: type) -> None:
        return None


def test_entries_that_look_like_tests_come_last(tmp_path: Path) -> None:
    names = ["test_a/z.py", "b/test.py", "a_test.py", "c.py"]
    state = State(Rules(), [])
    state.targets = [(tmp_path, ())]
    items = [Item(str(tmp_path / name)) for name in names]
    items.sort(key=lambda item: key(state, item, 0, as_written=False))
    found = [str(item.path.relative_to(tmp_path)) for item in items]
    assert found == ["b/test.py", "c.py", "a_test.py", "test_a/z.py"]


def test_what_was_asked_for_first_comes_first(tmp_path: Path) -> None:
    state = State(Rules(), [])
    state.targets = [(tmp_path / "b.py", ()), (tmp_path / "a.py", ())]
    items = [Item(str(tmp_path / name)) for name in ("a.py", "b.py")]
    items.sort(key=lambda item: key(state, item, 0, as_written=False))
    assert [item.path.name for item in items] == ["b.py", "a.py"]


# -- addresses ---------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "pkg" / "tests").mkdir(parents=True)
    for name in ("pkg/__init__.py", "pkg/tests/test_a.py", "test_b.py"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("test_b.py", "test_b.py"),
        ("test_b.py::TestX::test_y", "test_b.py::TestX::test_y"),
        ("test_b.py:TestX.test_y", "{tree}/test_b.py::TestX::test_y"),
        ("pkg/tests/test_a.py:test_y", "{tree}/pkg/tests/test_a.py::test_y"),
        ("test_b:test_y", "{tree}/test_b.py::test_y"),
        ("pkg", "pkg"),
        ("pkg.tests.test_a", "{tree}/pkg/tests/test_a.py"),
        ("pkg:test_y", "{tree}/pkg/__init__.py::test_y"),
    ],
)
def test_addresses(tree: Path, address: str, expected: str) -> None:
    assert addresses.translate(address, tree) == expected.replace("{tree}", str(tree))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("test_c.py:X", "did you mean test_b.py:X?"),
        ("tests/test_a.py:X", "did you mean pkg/tests/test_a.py:X?"),
        ("pkg.tests.test_a.TestX", "did you mean pkg.tests.test_a:TestX?"),
        ("test_b.py:X:y", "there may be one"),
        ("unlike/anything_at_all.py", "nothing there has a similar name"),
    ],
)
def test_wrong_addresses(tree: Path, address: str, expected: str) -> None:
    with pytest.raises(Wrong, match=expected.replace("?", r"\?")):
        addresses.translate(address, tree)


def test_an_address_that_can_be_imported(tree: Path) -> None:
    path = addresses.translate("unittest.mock:Mock", tree)
    assert path == f"{os.path.dirname(os.__file__)}/unittest/mock.py::Mock"
    assert str(tree) not in sys.path


def test_addresses_are_taken_apart(tmp_path: Path) -> None:
    assert addresses.split("a.py::B::c[1]", tmp_path) == (
        tmp_path / "a.py",
        ("B", "c"),
    )


# -- tools -------------------------------------------------------------------


def test_the_modules_that_suites_import() -> None:
    modules = compat.modules()
    nose: Any = modules["nose"]
    checks: Any = modules["nose.tools"]
    assert nose.SkipTest is SkipTest
    assert modules["nose.plugins.attrib"].attr is tools.attr
    assert modules["nose.plugins.skip"].SkipTest is SkipTest
    assert nose.DeprecatedTest is modules["nose.plugins.deprecated"].DeprecatedTest
    for name in (
        "assert_equal",
        "assert_equals",
        "assert_is_instance",
        "ok_",
        "raises",
    ):
        assert name in checks.__all__
    checks.assert_equals(1, 1)
    checks.assert_items_equal([1, 2], [2, 1])
    with pytest.raises(AssertionError):
        checks.assert_in(1, [])
    with pytest.raises(RuntimeError, match="pytest -p"):
        nose.main()


def test_checks() -> None:
    tools.ok_(1)
    tools.eq_(1, 1)
    with pytest.raises(AssertionError, match="1 != 2"):
        tools.eq_(1, 2)
    with pytest.raises(AssertionError, match="so"):
        tools.ok_(0, "so")


def test_raises() -> None:
    @tools.raises(KeyError)
    def fine() -> None:
        raise KeyError

    @tools.raises(KeyError, ValueError)
    def silent() -> None: ...

    @tools.raises(KeyError)
    def other() -> None:
        raise TypeError

    fine()
    with pytest.raises(AssertionError, match="did not raise KeyError or ValueError"):
        silent()
    with pytest.raises(TypeError):
        other()
    assert silent.__name__ == "silent"


def test_with_setup_encloses() -> None:
    calls: list[str] = []

    def note(word: str) -> Any:
        return lambda: calls.append(word)

    @tools.with_setup(note("up"), note("down"))
    @tools.with_setup(note("up2"), note("down2"))
    def test_it() -> None: ...

    outer: Any = test_it
    outer.setup()
    outer.teardown()
    assert calls == ["up", "up2", "down2", "down"]


def test_decorators_keep_what_nose_looks_at() -> None:
    @tools.timed(5)
    @tools.attr("slow")
    def test_it() -> int:
        return 1

    assert test_it() == 1
    assert test_it.slow
    assert rules.line(test_it) < rules.line(test_decorators_keep_what_nose_looks_at) + 9
    with pytest.raises(tools.TimeExpired):
        tools.timed(-1)(lambda: None)()


def test_packages_are_torn_down_although_one_ends_in_doubt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The outer package's teardown is called, and the doubt is raised then."""
    called: list[str] = []

    def leave(level: str) -> None:
        called.append(f"leave {level}")
        if len(called) == 2:
            raise ValueError("doubt")

    monkeypatch.setattr(contexts, "AROUND", [SimpleNamespace(leave=leave)])
    packages = contexts.Packages()
    for name in ("outer", "inner"):
        module = ModuleType(name)
        module.teardown_package = partial(called.append, name)  # type: ignore[attr-defined]
        packages.active.append((Path("/", name), module))
    with pytest.raises(ValueError, match="doubt"):
        packages.close()
    assert called == ["inner", "leave package", "outer", "leave package"]
