# SPDX-License-Identifier: GPL-3.0-or-later
"""Selection by attributes: ``-a`` and ``-A``.

``-a x,y=1`` wants both; given twice, either is enough, and so for ``-A``.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable

Test = Callable[[Any, "type | None"], bool]
MISSING = object()


def value_of(function: Any, cls: type | None, name: str) -> Any:
    """The attribute of a test, or else of its class; False where it has none."""
    found = getattr(function, name, MISSING)
    if found is MISSING and cls is not None:
        found = getattr(cls, name, MISSING)
    return False if found is MISSING else found


class AttributeNames:
    """What an expression of ``-A`` sees: attributes as names."""

    def __init__(self, function: Any, cls: type | None) -> None:
        self.function = function
        self.cls = cls

    def __getitem__(self, name: str) -> Any:
        return value_of(self.function, self.cls, name)


def parse(attributes: Iterable[str], expressions: Iterable[str]) -> list[Test]:
    """Tests of which one has to hold; none where nothing was asked for."""
    tests = [_expression(text) for text in expressions]
    return tests + [_group(text) for text in attributes]


def selected(tests: list[Test], function: Any, cls: type | None) -> bool:
    """Whether a test function is among those asked for."""
    return not tests or any(test(function, cls) for test in tests)


def _expression(text: str) -> Test:
    code = compile(text.strip(), "<-A>", "eval")

    def holds(function: Any, cls: type | None) -> bool:
        return bool(eval(code, {}, AttributeNames(function, cls)))  # type: ignore[arg-type]

    return holds


def _group(text: str) -> Test:
    wanted = [_item(part.strip()) for part in text.split(",") if part.strip()]

    def holds(function: Any, cls: type | None) -> bool:
        return all(
            _equal(value_of(function, cls, name), value) for name, value in wanted
        )

    return holds


def _item(text: str) -> tuple[str, str | bool]:
    name, given, value = text.partition("=")
    if given:
        return name, value
    return (name[1:], False) if name.startswith("!") else (name, True)


def _equal(found: Any, wanted: str | bool) -> bool:
    if isinstance(wanted, bool):
        return bool(found) is wanted
    values = found if isinstance(found, (list, tuple)) else [found]
    return wanted.lower() in [str(value).lower() for value in values]
