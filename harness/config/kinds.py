# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of settings: what is allowed, and how a value or a text is read."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.masks import masked

BYTES: Final = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
YES: Final = frozenset({"1", "true", "yes", "on"})
NO: Final = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a setting accepts.

    `parse` takes a value as TOML has it, `read` turns text (environment, command
    line) into such a value; both raise ValueError for what is not allowed.
    """

    allowed: str
    parse: Callable[[object], object]
    read: Callable[[str], object] = str
    choices: tuple[str, ...] = ()


def shown(value: object) -> str:
    """The value as a line of TOML has it, without passwords of addresses."""
    return masked(json.dumps(value, ensure_ascii=False, default=str))


def quantity(text: str, units: dict[str, int]) -> int:
    """A number with a unit, such as ``1.5GiB``, in the smallest unit."""
    match = re.fullmatch(
        r"(\d{1,15}(?:\.\d{1,15})?) ?([a-z]*)", text.strip().lower(), re.ASCII
    )
    if match is None or match[2] not in units:
        raise ValueError(text)
    return round(float(match[1]) * units[match[2]])


def text(allowed: str, pattern: str = r"[^\0]*") -> Kind:
    """A string that matches the whole of `pattern`."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
            raise ValueError(value)
        return value

    return Kind(allowed=allowed, parse=parse)


def choice(*names: str, prefix: str = "") -> Kind:
    """One of `names` (as given here), or anything longer that starts with `prefix`."""

    def parse(value: object) -> str:
        if isinstance(value, str):
            if value in names:
                return names[names.index(value)]
            if prefix and value.startswith(prefix) and value != prefix:
                return value
        raise ValueError(value)

    allowed = "one of " + ", ".join(f'"{name}"' for name in names)
    if prefix:
        allowed += f', or an address "{prefix}…"'
    return Kind(allowed=allowed, parse=parse, choices=names)


def number(least: int = 0, most: int | None = None) -> Kind:
    """A whole number, `least` or more, and no more than `most`."""

    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(value)
        if most is not None and value > most:
            raise ValueError(value)
        return value

    end = "or more" if most is None else f"to {most}"
    return Kind(allowed=f"a whole number, {least} {end}", parse=parse, read=int)


def _measure(allowed: str, units: dict[str, int], least: int) -> Kind:
    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(value)
        result = quantity(value, units) if isinstance(value, str) else value
        if result < least:
            raise ValueError(value)
        return result

    more = f", {least} or more" if least else ", not negative"
    return Kind(allowed=allowed + more, parse=parse)


def size() -> Kind:
    """Bytes, as a number or with a unit."""
    return _measure('bytes, or a size such as "500MB" or "6GiB"', BYTES, 0)


def duration(least: int = 0) -> Kind:
    """Seconds, as a number or with a unit."""
    example = 'seconds, or a duration such as "90s", "15m", "12h" or "30d"'
    return _measure(example, SECONDS, least)


def flag() -> Kind:
    """True or false."""

    def parse(value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError(value)
        return value

    def read(text: str) -> bool:
        word = text.strip().lower()
        if word not in YES | NO:
            raise ValueError(text)
        return word in YES

    return Kind(allowed="true or false", parse=parse, read=read)


def strings(what: str) -> Kind:
    """A list of strings, none of them empty; as text, separated by commas."""

    def parse(value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError(value)
        if not all(isinstance(item, str) and item.strip() for item in value):
            raise ValueError(value)
        return tuple(value)

    def read(text: str) -> list[str]:
        return [item.strip() for item in text.split(",") if item.strip()]

    return Kind(allowed=f"a list of {what}", parse=parse, read=read)


def table(what: str, *names: str) -> Kind:
    """A table of strings with some of `names`; as text, ``NAME=VALUE,…``."""

    def parse(value: object) -> dict[str, str]:
        if not isinstance(value, dict) or not set(value) <= set(names):
            raise ValueError(value)
        if not all(isinstance(item, str) and item.strip() for item in value.values()):
            raise ValueError(value)
        return dict(value)

    def read(text: str) -> dict[str, str]:
        parts = [item.partition("=") for item in text.split(",") if item.strip()]
        return {name.strip(): value.strip() for name, _, value in parts}

    allowed = f"a table of {what} with keys among {', '.join(names)}"
    return Kind(allowed=allowed, parse=parse, read=read)


def directory() -> Kind:
    """A directory relative to the root, which is never the root or above it."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or not value or "\0" in value:
            raise ValueError(value)
        if set(Path(os.path.normpath(value)).parts) <= {"/", "..", "//"}:
            raise ValueError(value)
        return value

    return Kind(allowed="a directory, relative to the root", parse=parse)
