# SPDX-License-Identifier: GPL-3.0-or-later
"""The import of sources, and pytest's of its tests, by way of an observer."""

from __future__ import annotations

import builtins
import importlib
import opcode
import os
import sys
from importlib.machinery import SourceFileLoader
from typing import Any, Callable, Protocol

from harness.plugins.trace import events
from harness.plugins.trace.names import real


class Importing(Protocol):
    """What an observer does in place of the import system."""

    marks: set[str]
    own: tuple[str, ...]

    def covers(self, path: str) -> bool: ...
    def name(self, path: str) -> str: ...
    def compiled(self, path: str, module: str, rewrite: Any = None) -> Any: ...
    def executed(self, path: str, run: Callable[[], object]) -> None: ...
    def named(self, module: str, frame: Any, *, stated: bool = ...) -> None: ...
    def loaded_by_hand(self, path: str) -> None: ...


IMPORTING = ("importlib", "importlib._bootstrap")
LOOKING = (
    "/_pytest/", "/pluggy/", "/harness/plugins/", "/venusian/", "/unittest/",
    "/trytond/modules/__init__", "/trytond/tests/",
)  # fmt: skip
"""Who imports modules by their names for what they find there by convention."""
HANDING = ("/_pytest/monkeypatch.py", "/_pytest/outcomes.py", "/unittest/mock.py")
"""Those of them who do it for a test: `importorskip`, ``patch("a.b.c")``."""
STATEMENT = opcode.opmap["IMPORT_NAME"]
MODULES: list[str] = []
"""The names of the modules that pytest imports now."""


def follow(observer: Importing) -> None:
    """Have it compile and execute what it covers, until the process ends."""
    loader: Any = SourceFileLoader
    code, execute = loader.get_code, loader.exec_module

    def get_code(self: Any, fullname: str) -> Any:
        if not observer.covers(real(self.path)):
            return code(self, fullname)
        if events.asked(sys._getframe()):
            observer.marks.add(f"file {observer.name(real(self.path))}")
        return observer.compiled(self.path, fullname)

    def own_exec(self: Any, module: Any) -> None:
        if not observer.covers(real(self.path)):
            execute(self, module)
        else:
            observer.executed(self.path, lambda: execute(self, module))
            if _by_hand(sys._getframe(1)):
                observer.loaded_by_hand(self.path)

    loader.get_code, loader.exec_module = get_code, own_exec
    _follow_names(observer)
    rewrite = sys.modules.get("_pytest.assertion.rewrite")
    if rewrite is not None:
        _follow_pytest(observer, rewrite)


def _follow_names(observer: Importing) -> None:
    """A module that is asked for by its name counts, also one that is there already."""
    # `import_module` asks it, and takes no notice of `__import__`:
    # https://github.com/python/cpython/blob/v3.14.0/Lib/importlib/__init__.py
    bootstrap: Any = importlib._bootstrap
    statement, find = builtins.__import__, bootstrap._gcd_import

    def own_import(name: str, *given: Any, **options: Any) -> Any:
        made = statement(name, *given, **options)
        if name.partition(".")[0] in observer.own:
            frame = sys._getframe(1)
            # C code may ask in its name: https://docs.python.org/3/c-api/import.html
            stated = frame.f_code.co_code[frame.f_lasti] == STATEMENT
            _, _, what, level = (*given, *(None,) * 4)[:4]
            for one in options.get("fromlist", what) or ():
                observer.named(f"{name}.{one}", frame, stated=stated)
            if not options.get("level", level):
                observer.named(name, frame, stated=stated)
        return made

    def own_find(name: str, package: Any = None, level: int = 0) -> Any:
        made = find(name, package, level)
        if made.__name__.partition(".")[0] in observer.own:
            observer.named(made.__name__, _asking())
        return made

    builtins.__import__, bootstrap._gcd_import = own_import, own_find


def by_convention(path: str) -> bool:
    """Whether a file is of those who look for what has a name by convention."""
    return any(one in path for one in LOOKING) and not path.endswith(HANDING)


def _by_hand(frame: Any) -> bool:
    """Whether a module is executed for who has a loader, not for an import."""
    while frame is not None and frame.f_globals.get("__name__") in IMPORTING:
        if frame.f_code.co_name in ("_find_and_load", "reload"):
            return False
        frame = frame.f_back
    return True


def _asking() -> Any:
    """The frame of who asks `importlib` for a module."""
    frame: Any = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__") in IMPORTING:
        frame = frame.f_back
    return frame


def _follow_pytest(observer: Importing, rewrite: Any) -> None:
    """The modules of tests are compiled by pytest, which rewrites their assertions."""
    # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/assertion/rewrite.py
    hook = rewrite.AssertionRewritingHook
    test, read, write = rewrite._rewrite_test, rewrite._read_pyc, rewrite._write_pyc
    execute = hook.exec_module

    def covers(path: Any) -> bool:
        return observer.covers(real(str(path)))

    def own_test(path: Any, config: Any) -> Any:
        if not covers(path):
            return test(path, config)
        file = str(path)

        def change(tree: Any, source: bytes) -> None:
            rewrite.rewrite_asserts(tree, source, file, config)

        return os.stat(file), observer.compiled(file, MODULES[-1], change)

    def own_read(source: Any, *rest: Any) -> Any:
        return None if covers(source) else read(source, *rest)

    def own_write(state: Any, code: Any, *rest: Any) -> Any:
        return False if covers(code.co_filename) else write(state, code, *rest)

    def own_exec(self: Any, module: Any) -> None:
        path = module.__spec__.origin
        if not covers(path):
            execute(self, module)
            return
        MODULES.append(module.__name__)
        try:
            observer.executed(path, lambda: execute(self, module))
        finally:
            MODULES.pop()

    rewrite._rewrite_test, rewrite._read_pyc = own_test, own_read
    rewrite._write_pyc, hook.exec_module = own_write, own_exec
