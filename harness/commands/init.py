# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness init``: what was found, written into the project's own file."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from harness import config
from harness.config.names import FILE, TABLE
from harness.context import Context
from harness.discovery import Discovered, packaging
from harness.errors import ExitCode, UsageError
from harness.runners import base

QUESTION = """\
What fills the database of a test? A file (schema.sql, data.dump), a function
(package.module:function, called with the address), or a command; several: one a
line, an empty line ends: """
DUMPS = (".dump", ".backup", ".pgdump")


def run(
    context: Context,
    *,
    fill: tuple[str, ...],
    dry: bool,
    ask: Callable[[str], str] | None,
) -> int:
    """Write a table, or only print it; what is there is never changed."""
    root = context.config.root
    if config.find_root(root) is not None:
        raise _there(f"[{TABLE}]", root / FILE)
    if context.found is not None:
        text = f"{context.found.text()}\n{_plain(context.found)}"
        what = f"[{TABLE}], which harness test reads, and what plain pytest needs"
    elif packaging.installs(root):
        text = _application(root, fill or _asked(ask))
        what = "what pytest -n auto needs"
    else:
        raise UsageError(
            "there is nothing to describe here: no Tryton module, no package",
            checked=f"pyproject.toml, setup.py, setup.cfg and tests in {root};"
            " tryton.cfg above and below it",
            remedy="change to the directory of the project",
        )
    if dry:
        context.console.info(text.rstrip())
        return ExitCode.OK
    file = root / FILE
    former = file.read_text("utf-8").rstrip("\n") if file.exists() else ""
    file.write_text(f"{former}\n\n{text}" if former else text, "utf-8")
    context.console.info(f"written into {file}: {what}")
    return ExitCode.OK


def _plain(found: Discovered) -> str:
    """What has pytest alone ask for databases, in an editor as well."""
    places = [
        f"{one.name}={os.path.relpath(one.module.path, found.root)}"
        for one in found.members
        if one.tested
    ]
    there = base.configuration(found.root)
    if there:
        lines = "".join(f"#   {one}\n" for one in places)
        return f"# for plain pytest, in {there.name}: tryton =\n{lines}"
    return f"[tool.pytest.ini_options]\ntryton = {json.dumps(places)}  # plain pytest\n"


def _there(what: str, file: Path) -> UsageError:
    return UsageError(
        f"{what} is there already, and stays as it is",
        checked=str(file),
        remedy="edit it; --dry-run prints what would be written elsewhere",
    )


def _asked(ask: Callable[[str], str] | None) -> tuple[str, ...]:
    if ask is None:
        raise UsageError(
            "nothing says what fills the database of a test",
            checked="--fill, and whether somebody can be asked",
            remedy="harness init --fill schema.sql (or data.dump, package.module:"
            "function, a command), several times in their order",
        )
    lines = [ask(QUESTION).strip()]
    while lines[-1]:
        lines.append(ask("and then: ").strip())
    return tuple(lines[:-1])


def _application(root: Path, lines: tuple[str, ...]) -> str:
    """The options of pytest for an application without Tryton."""
    there = base.configuration(root)
    if there:
        raise _there("a configuration of pytest", there)
    text = "[tool.pytest.ini_options]\nwarm_workers = true  # pytest -n auto forks\n"
    if not lines:
        return text
    filled = [f"    {json.dumps(_line(root, one))},\n" for one in lines]
    return (
        f"{text}# what fills the database of a test: docs/plugins.md\n"
        f"postgresql_template = [\n{''.join(filled)}]\n"
    )


def _line(root: Path, line: str) -> str:
    """A line of the template; a dump is what pg_restore reads."""
    if line.endswith((*DUMPS, ".sql")) and " " not in line:
        if not (root / line).is_file():
            raise UsageError(
                f"there is no file {line}",
                checked=str(root),
                remedy="name it from the directory of the project",
            )
        if line.endswith(DUMPS):
            return f"sh -c 'pg_restore --no-owner -d \"$PGDATABASE\" {line}'"
    return line
