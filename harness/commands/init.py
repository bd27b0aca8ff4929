# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness init``: what was found, written into the project's own file."""

import configparser
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

from harness import config
from harness.commands import application
from harness.config.names import FILE, TABLE
from harness.context import Context
from harness.discovery import Discovered, packaging
from harness.errors import ExitCode, UsageError
from harness.runners import base
from harness.standalone import recipe

QUESTION = """\
What fills the database of a test? A file (schema.sql, data.dump), a function
(package.module:function, called with the address), or a command; several: one a
line, an empty line ends; nothing but that where tests need no database: """
DRIVER = re.compile(r"psycopg|pg8000|asyncpg|aiopg|sqlalchemy|alembic|django", re.I)
"""Packages by one of which a project needs a PostgreSQL."""
FILLS = "# harness test forks its workers; what fills databases: docs/plugins.md\n"
HEADERS = ("[pytest]", "[tool:pytest]", "[tool.pytest.ini_options]")
NOSE = re.compile(r"^\s*(import nose|from nose|\[nosetests\])", re.M)
NONE = ("none",)


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
    file = root / FILE
    there = None if context.found else base.configuration(root)
    if context.found is not None:
        text = f"{context.found.text()}\n{_plain(context.found)}"
        what = f"[{TABLE}], which harness test reads, and what plain pytest needs"
    elif there:
        file, text = there, _added(there, root, fill or _asked(context, ask))
        what = "what harness test and pytest -n auto need"
    elif packaging.installs(root) or any(root.glob("**/test*.py")):
        options = _application(root, fill or _asked(context, ask), toml=True)
        text = f"[tool.pytest.ini_options]\n{options}"
        what = "what harness test and pytest -n auto need"
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
    former = file.read_text("utf-8").rstrip("\n") if file.exists() and not there else ""
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


def _asked(context: Context, ask: Callable[[str], str] | None) -> tuple[str, ...]:
    if not any(map(_drives, application.requiring(context.config.root))):
        context.console.info("nothing requires PostgreSQL: tests have no database")
        return NONE
    if ask is None:
        raise UsageError(
            "nothing says what fills the database of a test",
            checked="--fill, and whether somebody can be asked",
            remedy="harness init --fill schema.sql (or data.dump, package.module:"
            "function, a command), several times in their order; --fill none",
        )
    lines = [ask(QUESTION).strip()]
    while lines[-1]:
        lines.append(ask("and then: ").strip())
    return tuple(lines[:-1])


def _drives(file: Path) -> bool:
    return file.is_file() and bool(DRIVER.search(file.read_text("utf-8", "replace")))


def _application(root: Path, lines: tuple[str, ...], *, toml: bool) -> str:
    """The options of pytest for an application without Tryton."""
    text = f"{FILLS}warm_workers = true\n"
    if _written_for_nose(root):
        text += "nose = true\n"
    if lines in ((), NONE):
        return text
    text += "postgresql_template_autouse = true\n"
    options = {"postgresql_template": [_line(root, one) for one in lines]}
    others = [one for one in lines if not _is_file(one)]
    if others and all(one.startswith("alembic ") for one in others):
        options["postgresql_template_reads"] = _migrating(root)
    for name, told in options.items():
        if toml:
            filled = "".join(f"    {json.dumps(one)},\n" for one in told)
            text += f"{name} = [\n{filled}]\n"
        else:
            text += f"{name} =\n" + "".join(f"    {one}\n" for one in told)
    return text


def _migrating(root: Path) -> list[str]:
    """What migrations depend on: their own files, and the packages of the project."""
    found = configparser.ConfigParser(interpolation=None)
    found.read(root / "alembic.ini", "utf-8")
    place = found.get("alembic", "script_location", fallback="alembic")
    place = place.replace("%(here)s/", "").replace("%%(here)s/", "")
    packages = (*root.glob("*/__init__.py"), *root.glob("src/*/__init__.py"))
    names = sorted(str(one.parent.relative_to(root)) for one in packages)
    own = [one for one in ("alembic.ini", place) if (root / one).exists()]
    return [*own, *(one for one in names if one not in (*own, "tests"))]


def _written_for_nose(root: Path) -> bool:
    tests = (*root.glob("**/test*.py"), root / "setup.cfg")
    return any(
        NOSE.search(one.read_text("utf-8", "replace")) for one in tests if one.is_file()
    )


def _added(file: Path, root: Path, lines: tuple[str, ...]) -> str:
    """The file that configures pytest, with our options below its header."""
    before = file.read_text("utf-8")
    header = next((one for one in HEADERS if f"\n{one}\n" in f"\n{before}\n"), "")
    if not header or application.ASKED.search(before):
        raise _there("a configuration of pytest", file)
    text = _application(root, lines, toml=file.suffix == ".toml")
    first, _, rest = f"\n{before}".partition(f"\n{header}")
    return f"{first}\n{header}\n{text}{rest.lstrip(chr(10))}".lstrip("\n")


def _is_file(line: str) -> bool:
    return line.endswith((*recipe.DUMPS, ".sql")) and " " not in line


def _line(root: Path, line: str) -> str:
    """A line of the template; raises `UsageError` for a file that is not there."""
    if _is_file(line) and not (root / line).exists():
        raise UsageError(
            f"there is no file {line}",
            checked=str(root),
            remedy="name it from the directory of the project",
        )
    return line
