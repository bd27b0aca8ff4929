# SPDX-License-Identifier: GPL-3.0-or-later
"""``run.json``: all that a run leaves, for whoever reads it later."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Final, get_args, get_origin, get_type_hints

from harness.errors import ReportError
from harness.model import RunResult

FILE: Final = "run.json"
VERSION: Final = 1
"""Raised when what was written before cannot be read any more."""


def dump(run: RunResult) -> str:
    """The text of ``run.json``."""
    document = {"version": VERSION, "run": asdict(run)}
    return json.dumps(document, ensure_ascii=True, separators=(",", ":")) + "\n"


def load(directory: Path) -> RunResult:
    """The run of a report directory.

    What a newer harness has added is left out.  Raises `ReportError` for a file that
    is missing, damaged, or of another version.
    """
    path = directory / FILE
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise _broken(path, "it is not there") from None
    except (OSError, ValueError) as error:
        raise _broken(path, str(error)) from error
    version = document.get("version") if isinstance(document, dict) else None
    if version != VERSION:
        raise _broken(path, f"its version is {version}, this harness reads {VERSION}")
    try:
        run = _made(RunResult, document.get("run"), "run")
    except ValueError as error:
        raise _broken(path, str(error)) from error
    assert isinstance(run, RunResult)
    return run


def _broken(path: Path, why: str) -> ReportError:
    return ReportError(
        f"{path} cannot be read: {why}",
        remedy="run again what should have written it; its log says why it did not",
    )


def _made(kind: Any, value: object, where: str) -> object:
    """`value` as `kind`; raises ValueError that names the place."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _object(kind, value, where)
    if origin is tuple:
        return _sequence(arguments, value, where)
    if origin is Mapping and isinstance(value, dict):
        return {key: _made(arguments[1], one, where) for key, one in value.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"{where} is {value!r}, not {getattr(kind, '__name__', kind)}")
    return value


def _object(kind: Any, value: object, where: str) -> object:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {type(value).__name__}, not an object")
    known: dict[str, object] = {}
    for name, hint, needed in _fields(kind):
        if name in value:
            known[name] = _made(hint, value[name], f"{where}.{name}")
        elif needed:
            raise ValueError(f"{where} has no {name}")
    return kind(**known)


@cache
def _fields(kind: type) -> tuple[tuple[str, Any, bool], ...]:
    hints = get_type_hints(kind)
    return tuple(
        (
            one.name,
            hints[one.name],
            one.default is MISSING and one.default_factory is MISSING,
        )
        for one in fields(kind)
    )


def _sequence(kinds: tuple[Any, ...], value: object, where: str) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{where} is {type(value).__name__}, not a list")
    if kinds[1:] == (...,):
        kinds = kinds[:1] * len(value)
    if len(kinds) != len(value):
        raise ValueError(f"{where} has {len(value)} parts, not {len(kinds)}")
    return tuple(
        _made(kind, one, f"{where}[{number}]")
        for number, (kind, one) in enumerate(zip(kinds, value, strict=True))
    )
