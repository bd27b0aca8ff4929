# SPDX-License-Identifier: GPL-3.0-or-later
"""What is private in pytest and trytond is used with a reason and a link beside it.

It may change in any release of theirs: who mends that has to see what it was used for.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "harness" / "plugins").rglob("*.py"))
STANDARD = {
    # of Python's own library
    "_exit", "_getframe", "_current_frames", "_replace", "_run_exitfuncs", "_dt_test",
    "_dt_setUp", "_dt_tearDown", "_dt_checker", "_dt_optionflags", "_checker",
}  # fmt: skip


def own(trees: list[ast.Module]) -> set[str]:
    """Private names that the plugins define themselves."""
    found = set()
    for tree in trees:
        for node in ast.walk(tree):
            match node:
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    found.add(name)
                case ast.AnnAssign(target=ast.Name(id=name)):
                    found.add(name)
                case ast.Attribute(
                    value=ast.Name(id="self"), attr=name, ctx=ast.Store()
                ):
                    found.add(name)
    return found


def private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def uses(tree: ast.Module, known: set[str]) -> dict[int, str]:
    """Lines with a private part of somebody else."""
    found = {}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(name)) if name.startswith("_pytest"):
                found[node.lineno] = name
            case ast.Attribute(attr=name) if private(name) and name not in known:
                found[node.end_lineno or node.lineno] = name
            case ast.Call(func=ast.Name(id="getattr" | "hasattr"), args=args):
                for one in args[1:2]:
                    if isinstance(one, ast.Constant) and private(str(one.value)):
                        found[one.lineno] = str(one.value)
    return found


def explained(lines: list[str], number: int, blocks: list[tuple[int, int]]) -> bool:
    """Whether a comment with a link is before it: in its function, right above."""
    within = [start for start, end in blocks if start <= number <= end]
    if within:
        said = lines[min(within) - 1 : number]
    else:
        first = number - 1
        while lines[first - 1].startswith(("#", "from _pytest")):
            first -= 1
        said = lines[first:number]
    return any("https://" in one for one in said if one.lstrip().startswith("#"))


def blocks(tree: ast.Module) -> list[tuple[int, int]]:
    """The first and last line of each function."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    inner = [one for one in ast.walk(tree) if isinstance(one, kinds)]
    return [(one.lineno, one.end_lineno or one.lineno) for one in inner]


TREES = {path: ast.parse(path.read_text("utf-8")) for path in FILES}
KNOWN = own(list(TREES.values())) | STANDARD


@pytest.mark.parametrize(
    "path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_private_parts_have_a_reason_with_a_link(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    bare = [
        f"{path.name}:{number} {name}"
        for number, name in sorted(uses(TREES[path], KNOWN).items())
        if not explained(lines, number, blocks(TREES[path]))
    ]
    assert not bare, "say why, with a link to upstream's source or issue"


def test_one_without_a_link_would_be_found() -> None:
    text = "from _pytest.x import y\n\ndef f():\n    # why\n    getattr(y, '_z')\n"
    tree = ast.parse(text)
    assert uses(tree, set()) == {1: "_pytest.x", 5: "_z"}
    lines = text.splitlines()
    assert not any(explained(lines, one, blocks(tree)) for one in (1, 5))
    lines[3] = "    # why: https://example.org"
    assert explained(lines, 5, blocks(tree))
    assert not explained(lines, 1, blocks(tree))


def test_most_are_found() -> None:
    assert sum(len(uses(tree, KNOWN)) for tree in TREES.values()) > 35
