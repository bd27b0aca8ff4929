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
from harness.options import JUNIT, meant, valued

NUMBER: Final = r"[+-]?\d+"
NUMBERS: Final = {
    "--maxfail": NUMBER,
    "--durations": NUMBER,
    "--verbosity": NUMBER,
    "--max-warnings": NUMBER,
    "--durations-min": r"\d*\.?\d+|\d+\.",
    "-n": r"\d+|auto|logical",
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
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.Name,
    ast.Load,
)  # fmt: skip
"""What an expression of names, ``and``, ``or``, ``not`` is made of."""


def check(words: Iterable[str], bases: Sequence[Path]) -> None:
    """Raises `UsageError` for the first value that no pytest takes.

    Paths are looked for from `bases`; nowhere, if there are none.
    """
    for name, value in valued(words):
        what, remedy = _trouble(name, value, bases)
        if what:
            raise UsageError(
                f"what {name} is given, {value!r}, is {what}",
                checked="pytest's options",
                remedy=remedy,
            )


def _trouble(name: str, value: str, bases: Sequence[Path]) -> tuple[str, str]:
    """What a value is not, and what mends it; nothing for one that may be right."""
    if name in ("-k", "-m") and not _expression(value, marks=name == "-m"):
        return "no expression", f"{name} 'NAME and not (NAME or NAME)'"
    if name in NUMBERS and not re.fullmatch(NUMBERS[name], value):
        return "no number", f"{name} 1"
    if name in ("-o", "--override-ini") and "=" not in value:
        return "no setting", f"{name} NAME=VALUE"
    known, word, cut = CHOICES.get(name, ()), value, False
    if name in ("-W", "--pythonwarnings"):
        known, word, cut = ACTIONS, value.partition(":")[0].strip(), True
    if known and not any(
        one == word or (cut and one.startswith(word)) for one in known
    ):
        return f"none of {', '.join(known)}", meant(word, known) or f"{name} {known[0]}"
    if name in JUNIT and Path(value).is_dir():
        return "a directory", f"{name}={Path(value, 'junit.xml')}"
    if name in (*FILES, *DIRECTORIES) and bases and "$" not in value:
        kind = "directory" if name in DIRECTORIES else "file"
        there = [base / value for base in bases if (base / value).exists()]
        if not any(one.is_dir() == (kind == "directory") for one in there):
            return f"no {kind} in {', '.join(map(str, bases))}", f"name a {kind}"
    return "", ""


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
