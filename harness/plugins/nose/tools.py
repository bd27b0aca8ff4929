# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools that suites import from nose, where there is no nose."""

from __future__ import annotations

import re
import time
from typing import Any, Callable, TypeVar
from unittest import SkipTest, TestCase

Thing = TypeVar("Thing", bound=Callable[..., Any])

__unittest = True  # unittest leaves the frames of such a module out


class DeprecatedTest(Exception):
    """A test that says so of itself is skipped."""


class TimeExpired(AssertionError):
    """A test took too long."""


def ok_(expr: Any, msg: Any = None) -> None:
    """Assert that it is true."""
    if not expr:
        raise AssertionError(msg)


def eq_(a: Any, b: Any, msg: Any = None) -> None:
    """Assert that both are equal."""
    if not a == b:
        raise AssertionError(msg or f"{a!r} != {b!r}")


def make_decorator(func: Any) -> Callable[[Any], Any]:
    """Make a wrapper look like what it wraps, its fixtures included."""

    def decorate(newfunc: Any) -> Any:
        newfunc.__dict__ = func.__dict__
        newfunc.__doc__ = func.__doc__
        newfunc.__module__ = func.__module__
        if not hasattr(newfunc, "compat_co_firstlineno"):
            newfunc.compat_co_firstlineno = func.__code__.co_firstlineno
        newfunc.__name__ = getattr(func, "compat_func_name", func.__name__)
        return newfunc

    return decorate


def raises(*exceptions: type[BaseException]) -> Callable[[Any], Any]:
    """The test has to raise one of the exceptions."""
    valid = " or ".join(one.__name__ for one in exceptions)

    def decorate(func: Any) -> Any:
        def newfunc(*args: Any, **options: Any) -> None:
            try:
                func(*args, **options)
            except exceptions:
                return
            raise AssertionError(f"{func.__name__}() did not raise {valid}")

        return make_decorator(func)(newfunc)

    return decorate


def timed(limit: float) -> Callable[[Any], Any]:
    """The test has to be done within so many seconds."""

    def decorate(func: Any) -> Any:
        def newfunc(*args: Any, **options: Any) -> Any:
            start = time.monotonic()
            result = func(*args, **options)
            if time.monotonic() - start > limit:
                raise TimeExpired(f"Time limit ({limit}) exceeded")
            return result

        return make_decorator(func)(newfunc)

    return decorate


def with_setup(setup: Any = None, teardown: Any = None) -> Callable[[Thing], Thing]:
    """Call one before and the other after a test function.

    Stacked, the upper ones enclose the lower ones.
    """

    def decorate(func: Any) -> Any:
        if setup:
            func.setup = _chain(setup, getattr(func, "setup", None))
        if teardown:
            func.teardown = _chain(getattr(func, "teardown", None), teardown)
        return func

    return decorate


def _chain(first: Any, second: Any) -> Any:
    if not (first and second):
        return first or second

    def both() -> None:
        first()
        second()

    return both


def istest(func: Thing) -> Thing:
    """Mark as a test."""
    func.__test__ = True  # type: ignore[attr-defined]
    return func


def nottest(func: Thing) -> Thing:
    """Mark as none."""
    func.__test__ = False  # type: ignore[attr-defined]
    return func


def attr(*names: str, **values: Any) -> Callable[[Thing], Thing]:
    """Set attributes on a test, for ``-a`` and ``-A``."""

    def decorate(thing: Thing) -> Thing:
        for name in names:
            setattr(thing, name, True)
        for name, value in values.items():
            setattr(thing, name, value)
        return thing

    return decorate


def no_runner(*_: Any, **__: Any) -> None:
    """What nose's own runner would do is pytest's here."""
    raise RuntimeError(
        "nose is not installed: its tests are run by pytest -p harness.plugins.nose"
    )


class _Case(TestCase):
    def nothing(self) -> None:
        """A case needs a method."""


OLDER = {
    "assert_": "assertTrue",
    "assert_equals": "assertEqual",
    "assert_not_equals": "assertNotEqual",
    "assert_almost_equals": "assertAlmostEqual",
    "assert_not_almost_equals": "assertNotAlmostEqual",
    "assert_items_equal": "assertCountEqual",
    "assert_regexp_matches": "assertRegex",
    "assert_not_regexp_matches": "assertNotRegex",
    "assert_raises_regexp": "assertRaisesRegex",
}
"""Spellings that suites use and Python has dropped."""


def assertions() -> dict[str, Any]:
    """What unittest asserts, in the spelling of functions."""
    case = _Case("nothing")
    found = {
        re.sub("([A-Z])", lambda part: "_" + part.group().lower(), name): getattr(
            case, name
        )
        for name in dir(TestCase)
        if name.startswith("assert") and "_" not in name
    }
    for name, current in OLDER.items():
        found[name] = getattr(case, current)
    return found


__all__ = ["DeprecatedTest", "SkipTest", "TimeExpired", "attr", "with_setup"]
