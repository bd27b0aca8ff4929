# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects by nose's rules, with collectors that call nose's fixtures."""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Iterable, Sequence, cast
from unittest import SkipTest, TestCase

import pytest

# How `norecursedirs` is compared, and the collectors of `TestCase` that get nose's
# fixtures; pytest exports neither: https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/unittest.py
from _pytest.pathlib import fnmatch_ex
from _pytest.unittest import TestCaseFunction, UnitTestCase

from harness.plugins.nose import contexts, fixtures, generators, rules
from harness.plugins.nose.state import of

MODERN = hasattr(pytest, "Directory")
"""Directories are collectors, from pytest 8 on."""
Nodes = Iterable["pytest.Item | pytest.Collector"]


class NoseModule(pytest.Module):
    """A module of tests."""

    _packages: Sequence[tuple[Path, ModuleType]] = ()

    def _getobj(self) -> Any:
        files = of(self.config).files
        contexts.forget(self.path, files)
        try:
            module = super()._getobj()  # type: ignore[no-untyped-call]
            self._packages = [
                (path, contexts.load(path, self.path, module, self.config))
                for path in rules.packages(self.path)
            ]
            loaded = [module, *(package for _, package in self._packages)]
            files.update(str(one.__file__) for one in loaded)
            return module
        except SkipTest as error:
            pytest.skip(str(error), allow_module_level=True)

    def packages(self) -> Sequence[tuple[Path, ModuleType]]:
        """The packages around it, the outermost first."""
        return self._packages

    def _named(self) -> bool:
        """Whether the user asked for it, and not for a directory above it."""
        is_initial = self.session.isinitpath
        package = self.path.name == "__init__.py" and is_initial(self.path.parent)
        return bool(is_initial(self.path) or package)

    def collect(self) -> Nodes:
        """Tests of the module, if it is one of tests."""
        chosen = of(self.config).rules
        if not self._named() and not chosen.module(self.obj.__name__, self.obj):
            return []
        fixtures.register(self, fixtures.MODULE)
        _keep(self, "setup_function")
        fixtures.parse(self, self.obj)
        return _nodes(self, list(vars(self.obj)))


class NoseClass(pytest.Class):
    """A class of tests; it may have an ``__init__``."""

    def collect(self) -> Nodes:
        """Tests of the class."""
        _keep(self, "setup_method")
        fixtures.parse(self, self.newinstance())  # type: ignore[no-untyped-call]
        fixtures.register(self, fixtures.CLASS)
        names = [
            name for base in reversed(self.obj.__mro__[:-1]) for name in vars(base)
        ]
        return _nodes(self, list(dict.fromkeys(names)))


def _keep(node: Any, name: str) -> None:
    """Leave fixtures to pytest that are its own, and no concern of nose's."""
    for start in ("_register", "_inject"):
        getattr(node, f"{start}_{name}_fixture", lambda: None)()


def _nodes(node: Any, names: Sequence[str]) -> Nodes:
    """What the names of a module or class stand for, for all plugins to say."""
    make = node.ihook.pytest_pycollect_makeitem
    for name in names:
        made = make(collector=node, name=name, obj=getattr(node.obj, name, None))
        if isinstance(made, list):
            yield from made
        elif made is not None:
            yield made


class NoseCase(UnitTestCase):
    """A test case of unittest, with nose's names of fixtures and tests."""

    def _nothing(self, *_: Any) -> None:
        """The fixture of the class is called by ours."""

    # Names of different releases, from pytest 7.2 on; none can be switched off:
    # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/unittest.py
    _inject_setup_teardown_fixtures: Any = _nothing
    _inject_setup_class_fixture: Any = _nothing
    _register_unittest_setup_class_fixture: Any = _nothing
    _register_setup_class_fixture: Any = _nothing

    def collect(self) -> Nodes:
        """Tests of the case."""
        fixtures.register(self, fixtures.CLASS)
        found: dict[str, Any] = {item.name: item for item in super().collect()}
        chosen = of(self.config)
        names = [
            name
            for name in dir(self.obj)
            if rules.is_function(getattr(self.obj, name, None))
            and chosen.wants_method(self, name, getattr(self.obj, name))
        ]
        if not names and hasattr(self.obj, "runTest"):
            names = ["runTest"]
        return [found.get(name) or self._item(name) for name in names]

    def _item(self, name: str) -> pytest.Item:
        options: dict[str, Any] = {}
        # From pytest 8.2 on an item makes its instance itself, and takes no `callobj`:
        # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/python.py
        if not hasattr(pytest.Function, "_getinstance"):
            options["callobj"] = getattr(self.obj, name)
        return cast(
            "pytest.Item", TestCaseFunction.from_parent(self, name=name, **options)
        )


def pytest_pycollect_makeitem(collector: Any, name: str) -> Any:
    """Decide on an attribute of a module or class of ours; no other plugin's."""
    if isinstance(collector, NoseModule):
        return _of_module(collector, name)
    if isinstance(collector, NoseClass):
        thing = getattr(collector.obj, name, None)
        if rules.is_function(thing) and of(collector.config).wants_method(
            collector, name, thing
        ):
            return _tests(collector, name, thing)
        return []
    return None


def _of_module(collector: NoseModule, name: str) -> Sequence[Any]:
    thing = getattr(collector.obj, name, None)
    chosen = of(collector.config)
    named = chosen.is_named(collector.path, name)
    if isinstance(thing, type):
        if inspect.isabstract(thing) or not (named or chosen.rules.cls(thing)):
            return []
        kind = NoseCase if issubclass(thing, TestCase) else NoseClass
        return [kind.from_parent(collector, name=name, obj=thing)]
    if not inspect.isfunction(thing) or rules.is_fixture(thing):
        return []
    if named or chosen.rules.function(thing):
        return _tests(collector, name, thing)
    return []


def _tests(collector: Any, name: str, function: Any) -> Sequence[Any]:
    if inspect.isgeneratorfunction(function):
        return generators.collect(collector, name)
    # What pytest's own hook `pytest_pycollect_makeitem` calls: it knows of parameters.
    # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/python.py
    return list(collector._genfunctions(name, getattr(function, "__func__", function)))


def pytest_pycollect_makemodule(module_path: Path, parent: Any) -> Any:
    """Every module is collected by our rules."""
    if module_path.name == "__init__.py" and not MODERN:
        package: Any = pytest.Package.from_parent(parent, path=module_path)
        package.collect = partial(_collect_package, package, package.collect)
        return package
    return NoseModule.from_parent(parent, path=module_path)


def _collect_package(package: Any, collect: Callable[[], Nodes]) -> Nodes:
    """Before pytest 8: a package, with the tests of its own module."""
    path = package.path if package.path.suffix else package.path / "__init__.py"
    if _wants_package(package.session, path):
        yield NoseModule.from_parent(package, path=path)
    yield from collect()


def _wants_package(session: Any, path: Path) -> bool:
    """Whether a package's own module is one of tests."""
    named = session.isinitpath(path) or session.isinitpath(path.parent)
    return named or of(session.config).rules.matches(path.parent.name)


@pytest.hookimpl(trylast=True)
def pytest_collect_file(file_path: Path, parent: Any) -> Any:
    """Collect the files that pytest's own patterns leave out."""
    session = parent.session
    if file_path.suffix != ".py" or session.isinitpath(file_path):
        return None
    if any(
        fnmatch_ex(pattern, file_path)
        for pattern in parent.config.getini("python_files")
    ):
        return None
    init = file_path.name == "__init__.py"
    if init and not (MODERN and _wants_package(session, file_path)):
        return None
    return NoseModule.from_parent(parent, path=file_path)


def pytest_ignore_collect(collection_path: Path, config: Any) -> bool | None:
    """Leave out what nose leaves out; the rest is for others to decide."""
    chosen = of(config).rules
    if collection_path.is_dir():
        return None if chosen.directory(collection_path) else True
    if collection_path.suffix != ".py" or collection_path.name in (
        "__init__.py",
        "conftest.py",
    ):
        return None
    return None if chosen.file(collection_path) else True


def pytest_collectstart(collector: Any) -> None:
    """Keep pytest from calling fixtures of packages: it knows two names of them."""
    if isinstance(collector, pytest.Package):
        collector.setup = lambda: None  # type: ignore[method-assign]
