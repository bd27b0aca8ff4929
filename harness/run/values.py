# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of pytest's options that cannot be right, told before anything is made.

pytest would say so itself, but only in an environment, which may take minutes to make.
What is not sure to be wrong for all versions of it passes.
"""

import ast
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from harness.errors import UsageError
from harness.options import meant, valued

NUMBER: Final = r"[+-]?\d+"
NUMBERS: Final = {
    "--maxfail": NUMBER,
    "--durations": NUMBER,
    "--verbosity": NUMBER,
    "--max-warnings": NUMBER,
    "--durations-min": r"\d*\.?\d+|\d+\.",
}
"""Options with a number, and how it is written."""
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "--tb": ("auto", "long", "short", "line", "native", "no"),
    "--color": ("yes", "no", "auto"),
    "--code-highlight": ("yes", "no"),
    "--capture": ("fd", "sys", "no", "tee-sys"),
    "--show-capture": ("no", "stdout", "stderr", "log", "all"),
    "--import-mode": ("prepend", "append", "importlib"),
    "--assert": ("rewrite", "plain"),
    "--lfnf": ("all", "none"),
    "--last-failed-no-failures": ("all", "none"),
}
ACTIONS: Final = ("default", "error", "ignore", "always", "all", "module", "once")
"""Of a filter of warnings; each may be cut short."""
FILES: Final = ("-c", "--config-file")
DIRECTORIES: Final = ("--rootdir", "--confcutdir")
IDENT: Final = re.compile(r"(?:\w|[-:+.\[\]\\/])+")
MARK: Final = re.compile(r"\b(\w+)\([^()]*=[^()]*\)")
"""A mark with arguments: ``device(serial="a")``."""
PARTS: Final = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.Name, ast.Load,
)  # fmt: skip
"""What an expression of names, ``and``, ``or``, ``not`` is made of."""


def check(words: Iterable[str], bases: Sequence[Path]) -> None:
    """Raises `UsageError` for the first value that no pytest takes.

    Paths are looked for from `bases`; nowhere, if there are none.
    """
    for name, value in valued(words):
        if name in ("-k", "-m") and not _expression(value, marks=name == "-m"):
            remedy = f"{name} 'NAME and not (NAME or NAME)'"
            raise _wrong(name, value, "no expression", remedy)
        if name in NUMBERS and not re.fullmatch(NUMBERS[name], value):
            raise _wrong(name, value, "no number", f"{name} 1")
        if name in CHOICES and value not in CHOICES[name]:
            known = CHOICES[name]
            remedy = meant(value, known) or f"{name} {known[0]}"
            raise _wrong(name, value, f"none of {', '.join(known)}", remedy)
        if name in ("-W", "--pythonwarnings"):
            action = value.partition(":")[0].strip()
            if not any(one.startswith(action) for one in ACTIONS):
                known = f"none of {', '.join(ACTIONS)}"
                raise _wrong(
                    name, value, known, meant(action, ACTIONS) or f"{name} error"
                )
        if name in ("-o", "--override-ini") and "=" not in value:
            raise _wrong(name, value, "no setting", f"{name} NAME=VALUE")
        if name in (*FILES, *DIRECTORIES) and bases and "$" not in value:
            there = [base / value for base in bases if (base / value).exists()]
            if not any(one.is_dir() == (name in DIRECTORIES) for one in there):
                kind = "directory" if name in DIRECTORIES else "file"
                places = ", ".join(map(str, bases))
                raise _wrong(name, value, f"no {kind} in {places}", f"name a {kind}")


def _wrong(name: str, value: str, what: str, remedy: str) -> UsageError:
    text = f"what {name} is given, {value!r}, is {what}"
    return UsageError(text, checked="pytest's options", remedy=remedy)


def _expression(text: str, *, marks: bool) -> bool:
    """Whether pytest can read it: names, ``and``, ``or``, ``not``, parentheses."""
    plain = MARK.sub(r"\1", text) if marks else text
    words = IDENT.sub(
        lambda one: one[0] if one[0] in ("and", "or", "not") else "x", plain
    )
    try:
        tree = ast.parse(words.strip() or "x", mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(isinstance(node, PARTS) for node in ast.walk(tree))
