# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness lint``: each source by the linter that its configuration names."""

import dataclasses
import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import proc
from harness.config.schema import SourceTable
from harness.context import Context
from harness.errors import CommandFailed, ExitCode, NothingSelected, UsageError
from harness.model import Source
from harness.options import meant
from harness.toolbox import Toolbox, pinned

LINE = re.compile(
    r"(?P<file>[^:\n]+):(?P<line>\d+):(?P<column>\d+): (?P<code>\S+) (?P<message>.*)"
)
"""What ruff (``concise``) and flake8 print alike."""


@dataclass(frozen=True, kw_only=True)
class LintFinding:
    """What a linter found; `file` is relative to the checkout where it can be."""

    source: str
    tool: str
    file: str
    line: int
    column: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.code} {self.message}"


def run(context: Context, *, names: Sequence[str], as_json: bool, dry: bool) -> int:
    """Lint these sources, or all; 8 where something was found."""
    chosen = _chosen(context, names)
    if dry:
        for one in chosen:
            table = context.config.source[one.name]
            argv = proc.line([table.lint, *arguments(table, one.path)])
            context.console.info(f"cd {one.path} && {argv}")
        return ExitCode.OK
    found: list[LintFinding] = []
    for one in chosen:
        found += _lint(context, one, quiet=as_json)
    if as_json:
        documents = [dataclasses.asdict(one) for one in found]
        context.console.info(json.dumps(documents, indent=2))
    else:
        _show(context, chosen, found)
    return ExitCode.GATE if found else ExitCode.OK


def _chosen(context: Context, names: Sequence[str]) -> list[Source]:
    there = context.sources
    for name in names:
        if name not in there:
            raise UsageError(
                f"there is no source {name!r}",
                checked=f"sources are {', '.join(there) or 'none'}",
                remedy=meant(name, there) or "harness sources",
            )
    found = [
        one
        for name, one in there.items()
        if (not names or name in names) and context.config.source[name].lint != "none"
    ]
    if not found:
        raise NothingSelected(
            "no source is linted",
            checked="[tool.harness.source.NAME] lint",
            remedy='lint = "ruff" or "flake8"',
        )
    return found


def _lint(context: Context, source: Source, *, quiet: bool) -> list[LintFinding]:
    table = context.config.source[source.name]
    tool = table.lint
    box = Toolbox(context.store, context.environ)

    def say(text: str) -> None:
        if not quiet:
            context.console.info(text)

    program = box.environment(tool, pinned(tool), say) / tool
    argv = [str(program), *arguments(table, source.path)]
    done = proc.run(argv, env=context.environ, cwd=source.path, check=False)
    found = findings(source, tool, done.stdout, context.config.root)
    if done.code > 1 or (done.code and not found):
        raise CommandFailed(
            f"{tool} ended with exit code {done.code} in {source.path}:\n"
            + (done.stderr or done.stdout).strip()[-2000:],
            checked=proc.line(argv),
            remedy=f"mend the configuration of {tool} in {source.name}",
        )
    return found


def arguments(table: SourceTable, path: Path) -> list[str]:
    """The words for a linter that is started in the source.

    ruff looks for settings in the directories above too, flake8 does not: a source
    without any has none, wherever it lies.
    """
    if table.lint == "flake8":
        return [*table.lint_options, "."]
    words = ["check", "--no-cache", "--output-format", "concise", "--quiet"]
    alone = [] if _configured(path) else ["--isolated"]
    return [*words, *alone, *table.lint_options, "."]


def _configured(path: Path) -> bool:
    if any((path / name).is_file() for name in ("ruff.toml", ".ruff.toml")):
        return True
    try:
        document = tomllib.loads((path / "pyproject.toml").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return "ruff" in document.get("tool", {})


def findings(source: Source, tool: str, text: str, root: Path) -> list[LintFinding]:
    """What a linter's output says."""
    found = []
    for line in text.splitlines():
        match = LINE.fullmatch(line.strip())
        if match:
            path = source.path / match["file"]
            inner = path.relative_to(root) if path.is_relative_to(root) else path
            found.append(
                LintFinding(
                    source=source.name,
                    tool=tool,
                    file=str(inner),
                    line=int(match["line"]),
                    column=int(match["column"]),
                    code=match["code"],
                    message=match["message"],
                )
            )
    return found


def _show(
    context: Context, chosen: Sequence[Source], found: Sequence[LintFinding]
) -> None:
    for one in found:
        context.console.info(str(one))
    rows = [
        (
            one.name,
            context.config.source[one.name].lint,
            sum(finding.source == one.name for finding in found),
        )
        for one in chosen
    ]
    context.console.table(rows, ("source", "linter", "findings"))
