# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of packages, modules, classes and functions, as nose calls them.

Of each level the first name that exists is called, and no other.  A teardown is
called if its setup came to its end.
"""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Sequence

from harness.plugins.nose import rules

CLASS = ("_class", "_all", "Class", "All", "UpClass", "UpAll")
MODULE = ("_module", "Module", "UpModule", "", "Up")
PACKAGE = ("_package", "Package", "UpPackage")
FUNCTION = ("", "Up", "UpFunc")
METHOD = ("", "Up")
"""What follows ``set`` and ``tear`` in the names of fixtures, in nose's order."""

AROUND: list[Any] = []
"""Objects whose ``enter`` and ``leave`` are called, with a level and a node, before and
after the fixtures of packages and modules."""
MARK = "__nose_fixture__"
"""Attribute of an exception: the fixture that it came from, in words."""


def setups(forms: Sequence[str]) -> list[str]:
    """Names of setup fixtures."""
    return [_name("set", "setup", form) for form in forms]


def teardowns(forms: Sequence[str]) -> list[str]:
    """Names of teardown fixtures."""
    return [_name("tear", "teardown", form) for form in forms]


def _name(stem: str, whole: str, form: str) -> str:
    if not form.startswith("Up"):
        return whole + form
    return stem + (form if stem == "set" else "Down" + form[2:])


def find(owner: Any, names: Sequence[str]) -> tuple[str, Any] | None:
    """The fixture of the owner that is called."""
    for name in names:
        found = getattr(owner, name, None)
        if found is not None and not rules.is_fixture(found):
            return name, found
    return None


def run(owner: Any, names: Sequence[str], title: str) -> None:
    """Call the owner's fixture, if it has one; say of an exception whose it is."""
    found = find(owner, names)
    if found is None:
        return
    name, function = found
    try:
        _call(owner, name, function)
    except BaseException as error:
        mark(error, f"{name} of {title}")
        raise


def mark(error: BaseException, where: str) -> None:
    """Note on an exception which fixture raised it."""
    try:
        if not hasattr(error, MARK):
            setattr(error, MARK, where)
    except AttributeError:
        pass  # an exception with slots


def _call(owner: Any, name: str, function: Any) -> None:
    if not callable(function):
        raise TypeError(
            f"Attribute {name} of {owner!r} is not a python function. "
            "Only functions or callables may be used as fixtures."
        )
    if isinstance(owner, ModuleType) and _arguments(function, required=False):
        function(owner)
    elif isinstance(owner, type) and _is_plain(owner, name, function):
        function(owner)  # nose fails here; suites from pytest's times rely on it
    else:
        function()


def _is_plain(owner: type, name: str, function: Any) -> bool:
    static = isinstance(inspect.getattr_static(owner, name), staticmethod)
    plain = inspect.isfunction(function) and not static
    return plain and _arguments(function, required=True)


def _arguments(function: Any, *, required: bool) -> bool:
    """Whether it takes (or needs) an argument given by position."""
    try:
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):
        return False
    positional = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )
    return any(
        one.kind in positional
        and (not required or one.default is inspect.Parameter.empty)
        for one in signature.parameters.values()
    )


def has_fixtures(owner: Any) -> bool:
    """Whether a package, module or class has fixtures around its tests."""
    forms: Sequence[str] = CLASS if isinstance(owner, type) else MODULE
    if hasattr(owner, "__path__"):
        forms = (*PACKAGE, *MODULE)
    return any(_own(owner, name) for name in (*setups(forms), *teardowns(forms)))


def _own(owner: Any, name: str) -> bool:
    found = getattr(owner, name, None)
    if found is None or rules.is_fixture(found):
        return False
    return getattr(found, "__module__", "") != "unittest.case"


def load(path: Path, file: Path, module: ModuleType, config: Any) -> ModuleType:
    """The module of a package, imported with one of the modules inside it."""
    init = path / "__init__.py"
    steps = len(file.parent.relative_to(path).parts) + (file.name != "__init__.py")
    parts = module.__name__.split(".")
    known = sys.modules.get(".".join(parts[: len(parts) - steps]))
    if known is not None and _is_file(known, init):
        return known
    for candidate in list(sys.modules.values()):
        if isinstance(candidate, ModuleType) and _is_file(candidate, init):
            return candidate
    return _import(init, config)


def _is_file(module: ModuleType, path: Path) -> bool:
    file = getattr(module, "__file__", None)
    return bool(file) and os.path.realpath(str(file)) == os.path.realpath(path)


def _import(init: Path, config: Any) -> ModuleType:
    # A package has to be the module that pytest makes of it, in each import mode:
    # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/pathlib.py
    from _pytest.pathlib import import_path

    options: dict[str, Any] = {
        "mode": config.getoption("importmode"),
        "root": config.rootpath,
    }
    if "consider_namespace_packages" in inspect.signature(import_path).parameters:
        options["consider_namespace_packages"] = False
    return import_path(init, **options)


def forget(path: Path, files: set[str]) -> None:
    """Make room for a module where another of that name was collected elsewhere."""
    packages = rules.packages(path)
    root = (packages[0] if packages else path).parent
    inits = [package / "__init__.py" for package in packages]
    for file in [*inits, path]:
        parts = file.with_suffix("").relative_to(root).parts
        name = ".".join(parts[:-1] if file.name == "__init__.py" else parts)
        known: Any = sys.modules.get(name)
        elsewhere = getattr(known, "__file__", None) in files
        if not elsewhere or _is_file(known, file):
            continue
        for other in list(sys.modules):
            if other == name or other.startswith(f"{name}."):
                del sys.modules[other]


def begin(level: str, node: Any = None) -> None:
    """Say that a level begins: its fixtures come next."""
    for one in AROUND:
        one.enter(level, node)


def end(level: str) -> None:
    """Say that a level is over, its fixtures too."""
    for one in AROUND:
        one.leave(level)


class Packages:
    """The packages that are set up, the outermost first."""

    def __init__(self) -> None:
        self.active: list[tuple[Path, ModuleType]] = []
        self.failed: dict[Path, BaseException] = {}
        self.following: Any = None
        """The item that comes next, as far as it is known."""

    def enter(self, wanted: Sequence[tuple[Path, ModuleType]]) -> None:
        """Set up what is not; a package that failed is not tried again."""
        active = {path for path, _ in self.active}
        for path, module in wanted:
            if path in self.failed:
                raise self.failed[path]
            if path in active:
                continue
            begin("package")
            try:
                run(module, setups((*PACKAGE, *MODULE)), f"package {module.__name__}")
            except BaseException as error:
                self.failed[path] = error
                end("package")
                raise
            self.active.append((path, module))

    def leave(self) -> None:
        """Tear down the packages that the next test does not belong to."""
        self._leave(self.following.path if self.following else None)

    def close(self) -> None:
        """Tear down what is left."""
        self._leave(None)

    def _leave(self, following: Path | None) -> None:
        errors = []
        inside = following.parents if following is not None else ()
        while self.active and self.active[-1][0] not in inside:
            _, module = self.active.pop()
            names = teardowns((*PACKAGE, *MODULE))
            try:
                run(module, names, f"package {module.__name__}")
            except Exception as error:
                errors.append(error)
            try:
                end("package")
            except Exception as error:  # the database of the tests is in doubt
                errors.append(error)
        if errors:
            raise errors[0]


def around(request: Any, owner: Any, forms: Sequence[str], title: str) -> None:
    """Set up, and tear down when the request is over."""
    run(owner, setups(forms), title)
    request.addfinalizer(lambda: run(owner, teardowns(forms), title))
