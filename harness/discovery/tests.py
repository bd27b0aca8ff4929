# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules the tests of a module name: what they activate, and import."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_IMPORTED = re.compile(r"trytond\.modules\.(\w+)")


def named(module: Path) -> dict[str, str]:
    """The modules that test files and scenarios name, each with the first that does."""
    found: dict[str, str] = {}
    for path in sorted((module / "tests").glob("*")):
        if path.suffix in (".py", ".rst"):
            for name in _names(path):
                found.setdefault(name, f"tests/{path.name}")
    return found


def _names(path: Path) -> Iterator[str]:
    text = path.read_text("utf-8", "replace")
    codes = [text]
    if path.suffix == ".rst":
        import doctest  # with the debugger and unittest: most commands need none

        try:
            examples = doctest.DocTestParser().get_examples(text)
        except ValueError:
            return  # the test itself will say what is wrong
        codes = [one.source for one in examples]
    for code in codes:
        try:
            tree = ast.parse(code)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            yield from _of(node)


def _of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom | ast.Import):
        yield from _IMPORTED.findall(ast.unparse(node))
    elif isinstance(node, ast.Call) and node.args:
        if ast.unparse(node.func).rpartition(".")[2] == "activate_modules":
            yield from _words(node.args[0])
    elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "extras":
        yield from _words(node.value)


def _words(node: ast.expr) -> Iterator[str]:
    """The strings that an expression is, or is a list of."""
    parts = node.elts if isinstance(node, ast.List | ast.Tuple) else [node]
    for one in parts:
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value
