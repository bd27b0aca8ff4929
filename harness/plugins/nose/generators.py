# SPDX-License-Identifier: GPL-3.0-or-later
"""Generator tests: ``yield function, argument, …``, each yield a test.

The generator is run once at collection, for the names; its tests are run in step
with another run of it, inside the fixtures, as nose does: what the generator
prepares for a test, closures over its loop included, is there when that test runs.
"""

from __future__ import annotations

import inspect
import itertools
from contextlib import ExitStack
from typing import Any, Callable, ContextManager, Iterator, NamedTuple

import pytest

from harness.plugins.nose import contexts

LENGTH = 40
"""Characters kept of an argument in a name."""
AROUND: list[Callable[[Any, str], ContextManager[object]]] = []
"""What is to go on around the collection of a generator: who looks at it."""


class Case(NamedTuple):
    """One test that was yielded: what to call, and whose fixtures surround it."""

    call: Callable[..., Any]
    arguments: tuple[Any, ...]
    owner: Any
    forms: tuple[str, ...]


class Lockstep:
    """A generator that is at the test that is to run."""

    def __init__(self, owner: Any, name: str) -> None:
        self.owner = owner
        self.name = name
        self.position = -1
        self.context: Any = None
        self.failure: BaseException | None = None
        self.stream: Iterator[Any] = iter(())
        self.opened = False
        self.current: Case | None = None

    def function(self) -> Any:
        """The generator function; of a class, bound to an instance of its own."""
        owner = self.owner() if isinstance(self.owner, type) else self.owner
        return getattr(owner, self.name)

    def case(self, index: int) -> Case | None:
        """The test with this number; None if the generator ends before."""
        if not self.opened or index <= self.position:
            self._open()
        if self.failure is not None:
            raise self.failure
        while self.position < index:
            self.position += 1
            try:
                self.current = self._parse(next(self.stream))
            except StopIteration:
                return None
        return self.current

    def _open(self) -> None:
        """Come to the first test, then call the generator's own setup, once."""
        self.opened, self.position, self.failure = True, -1, None
        self.context = self.function()
        try:
            stream = iter(self.context())
            self.stream = itertools.chain([next(stream)], stream)
        except StopIteration:
            self.stream = iter(())
        except BaseException as error:
            self.failure = error
            return
        try:
            names = contexts.setups(contexts.MODULE)
            contexts.run(self.context, names, f"generator {self.name}")
        except BaseException as error:
            self.failure = error

    def close(self) -> None:
        """The last test of it is over."""
        if self.opened:
            self.opened = False
            if self.failure is None:
                names = contexts.teardowns(contexts.MODULE)
                contexts.run(self.context, names, f"generator {self.name}")

    def _parse(self, yielded: Any) -> Case:
        parts = yielded if isinstance(yielded, tuple) else (yielded,)
        call, arguments = parts[0], parts[1:]
        if not isinstance(self.owner, type):
            if not callable(call):
                call = getattr(self.owner, call)
            return Case(call, arguments, call, contexts.FUNCTION)
        owner, name = self.owner, ""
        if not callable(call):
            name = call
        elif inspect.ismethod(call) and not isinstance(call.__self__, type):
            owner, name = type(call.__self__), call.__name__
        instance = owner()
        if name:
            call = getattr(instance, name)
        return Case(call, arguments, instance, contexts.METHOD)


class Generated(pytest.Function):
    """A test that a generator yields."""

    lockstep: Lockstep
    index: int
    last: bool
    current: Case | None = None

    def _getobj(self) -> Any:
        """The generator function: it carries marks and attributes."""
        base = self.name.partition("[")[0]
        parent: Any = self.parent
        if not isinstance(parent, pytest.Class):
            return getattr(parent.obj, base)
        # Since pytest 8.2 the item makes the instance:
        # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/python.py
        modern = hasattr(pytest.Function, "_getinstance")
        instance: Any = self.instance if modern else parent.newinstance()  # type: ignore[no-untyped-call]
        return getattr(instance, base)

    def around(self, request: Any) -> None:
        """Come to the test and set it up."""
        self.current = self.lockstep.case(self.index)
        if self.current is not None:
            contexts.around(
                request, self.current.owner, self.current.forms, self.lockstep.name
            )

    def runtest(self) -> None:
        """Run it; after the last one, run what was not there at collection."""
        if self.current is None:
            pytest.skip("the generator yields no such test when it runs")
        self.current.call(*self.current.arguments)
        if self.last:
            self._run_rest()

    def _run_rest(self) -> None:
        index = self.index + 1
        case = self.lockstep.case(index)
        while case is not None:
            contexts.run(case.owner, contexts.setups(case.forms), self.name)
            try:
                case.call(*case.arguments)
            finally:
                contexts.run(case.owner, contexts.teardowns(case.forms), self.name)
            index += 1
            case = self.lockstep.case(index)


def collect(parent: Any, name: str) -> list[Generated]:
    """The tests of a generator, one or more: one that yields none can say so."""
    lockstep = Lockstep(parent.obj, name)
    names: list[str] = []
    try:
        with ExitStack() as stack:
            for one in AROUND:
                stack.enter_context(one(parent, name))
            for number, yielded in enumerate(lockstep.function()()):
                parts = yielded if isinstance(yielded, tuple) else (yielded,)
                names.append(title(number, parts))
    except Exception as error:
        # What it lacks may be there inside the fixtures; if not, it fails then.
        names.append(f"{len(names)}-{type(error).__name__}")
    items = []
    for index, text in enumerate(names or ["none"]):
        item: Generated = Generated.from_parent(parent, name=f"{name}[{text}]")
        item.originalname = name
        item.lockstep, item.index, item.last = lockstep, index, False
        items.append(item)
    items[-1].last = True
    return items


def title(number: int, parts: tuple[Any, ...]) -> str:
    """A name that is the same in each process: number and arguments."""
    words = [_word(part) for part in parts[1:]] or [_word(parts[0])]
    return "-".join([str(number), *words])


def _word(value: Any) -> str:
    if value is None or isinstance(value, (bool, int, float, str)):
        text = str(value)
    else:
        text = getattr(value, "__name__", None) or type(value).__name__
    text = text.encode("unicode_escape").decode("ascii")[:LENGTH]
    return text.replace("::", ":").replace("[", "(").replace("]", ")")
