# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that has the configuration: where it is and what it says."""

import re
import tomllib
from pathlib import Path
from typing import Final

from harness.config.names import FILE, TABLE
from harness.errors import ConfigError

_POSITION: Final = re.compile(r" \(at (line \d+, column \d+|end of document)\)$")


def find_root(start: Path) -> Path | None:
    """The nearest of `start` and its parents whose file has ``[tool.harness]``."""
    start = start.resolve()
    for folder in (start, *start.parents):
        file = folder / FILE
        if not file.is_file():
            continue
        text = _text(file)
        try:
            found = _table(_parsed(file, text)) is not None
        except ConfigError:
            if TABLE in text:
                raise
            found = False  # broken, but somebody else's
        if found:
            return folder
    return None


def nothing(start: Path) -> ConfigError:
    """What to say where there is neither a configuration nor a Tryton module."""
    return ConfigError(
        f"there is nothing of yours to work on here: no Tryton module, no [{TABLE}]",
        checked=f"{FILE} in {start} and above it; tryton.cfg above and below it",
        remedy="change to the directory of a module or of the stack; elsewhere,"
        f" harness init describes the project in its {FILE}",
    )


def read(root: Path) -> object:
    """What stands at ``[tool.harness]``; an empty table if nothing does."""
    file = root / FILE
    table = _table(_parsed(file, _text(file)))
    return {} if table is None else table


def _table(document: dict[str, object]) -> object | None:
    tool = document.get("tool")
    return tool.get("harness") if isinstance(tool, dict) else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read: {error.strerror}",
            remedy=f"change to the directory of the stack, which has a {FILE}",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{file} is not UTF-8: byte {error.start} is wrong",
            remedy="save the file in UTF-8",
        ) from error


def _parsed(file: Path, text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"{file}, {_position(str(error), text)}: {_POSITION.sub('', str(error))}",
            remedy="correct the TOML there; nothing of the file could be read",
        ) from error


def _position(message: str, text: str) -> str:
    match = _POSITION.search(message)
    if match and match[1].startswith("line"):
        return match[1]
    # tomllib only says "at end of document".
    last = text.count("\n") + 1
    return f"line {last}, column {len(text) - text.rfind(chr(10))}"
