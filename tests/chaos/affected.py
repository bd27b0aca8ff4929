# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of the example's portal at random: does ``--affected`` miss a test?

``HARNESS_STATE=… python -m tests.chaos.affected --suite api --edits 10 --seed 1``, in a
checkout without changes: sources are edited in place, and put back.  All tests run for
each edit (``--affected=check``), so it takes its time.
"""

import argparse
import ast
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "examples" / "portal_web" / "portal_web"
AFFECTED = re.compile(r"^affected: (\d+) of (\d+)", re.MULTILINE)
COUNTS = re.compile(r"^counts +(.*)$", re.MULTILINE)


def main(arguments: list[str] | None = None) -> int:
    """Try some edits; how many have been missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default="api")
    parser.add_argument("--edits", type=int, default=10)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    options = parser.parse_args(arguments)
    random = Random(options.seed)
    state = Path(os.environ["HARNESS_STATE"])
    _say(f"seed {options.seed}: {_run(options.suite, '--affected')[1]}")
    known = {path: path.read_bytes() for path in (state / "traces").glob("*.json")}
    missed = 0
    for _ in range(options.edits):
        path, text, what = next(edits(random))
        before = path.read_bytes()
        try:
            path.write_text(text)
            code, told = _run(options.suite, "--affected=check")
        finally:
            path.write_bytes(before)
            for file, content in known.items():
                file.write_bytes(content)
        missed += code == 8
        _say(f"{path.relative_to(PLACE)}: {what}: {told}, exit code {code}")
    _say(f"{options.edits} edits, {missed} missed")
    return missed


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _run(suite: str, option: str) -> tuple[int, str]:
    argv = [sys.executable, "-m", "harness", "test", suite, option]
    done = subprocess.run(
        [*argv, "--database", "local"], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    found = AFFECTED.search(done.stdout), COUNTS.search(done.stdout)
    told = "; ".join(one.group() for one in found if one)
    return done.returncode, told or (done.stdout + done.stderr)[-600:]


def edits(random: Random) -> Iterator[tuple[Path, str, str]]:
    """Edits that leave a program: a file, what is to be in it, and a word on that."""
    paths = [one for one in sorted(PLACE.rglob("*")) if one.is_file()]
    known = [one for one in paths if one.suffix in (".py", ".jinja2", ".po", ".css")]
    while True:
        path = random.choice(known)
        text = path.read_text()
        kinds: list[Callable[[str, Random], tuple[str, str]]] = [_other]
        if path.suffix == ".py":
            kinds = [raising, raising, constant]
        made, what = random.choice(kinds)(text, random)
        try:
            if path.suffix == ".py":
                compile(made, path, "exec")
        except SyntaxError:
            continue
        if made != text:
            yield path, made, what


def raising(text: str, random: Random) -> tuple[str, str]:
    """Who enters the function, fails."""
    functions = [one for one in ast.walk(ast.parse(text)) if _function(one)]
    if not functions:
        return text, ""
    node = random.choice(functions)
    first = node.body[ast.get_docstring(node) is not None :][:1]
    if not first:
        return text, ""
    lines = text.splitlines(keepends=True)
    indent = " " * first[0].col_offset
    lines.insert(first[0].lineno - 1, f"{indent}raise RuntimeError('edited')\n")
    return "".join(lines), f"{node.name} raises"


def _function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def constant(text: str, random: Random) -> tuple[str, str]:
    """A number or a text is another one, wherever it is."""
    found = list(re.finditer(r"\b\d+\b|(?<=[\"'])\w+(?=[\"'])", text))
    if not found:
        return text, ""
    one = random.choice(found)
    old = one.group()
    new = str(int(old) + 1) if old.isdigit() else f"{old}x"
    return text[: one.start()] + new + text[one.end() :], f"{old} is {new}"


def _other(text: str, random: Random) -> tuple[str, str]:
    """A line is gone."""
    lines = text.splitlines(keepends=True)
    at = random.randrange(len(lines))
    return "".join(lines[:at] + lines[at + 1 :]), f"without line {at + 1}"


if __name__ == "__main__":
    sys.exit(main())
