# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/old-commands.md: each new command is one that the command line takes."""

import re
import shlex
from pathlib import Path

import pytest

from harness import cli, options
from harness.errors import UsageError

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "old-commands.md").read_text("utf-8")
EXECUTE = (ROOT / "Dockerfiles" / "common" / "execute").read_text("utf-8")


def rows() -> list[tuple[str, str]]:
    """Each (old, new) of the tables, their heads left out."""
    found = []
    for line in TEXT.splitlines():
        cells = [one.strip() for one in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 2 and "`" in line:
            found.append((cells[0], cells[1]))
    return found


NEW = sorted(
    {
        line
        for _, new in rows()
        for line in re.findall(r"`([^`]+)`", new)
        if line != "breakpoint()"
    }
)

PARSER = cli.parser()


def parse(line: str) -> None:
    first, *words = shlex.split(line)
    assert first == "harness"
    own, _ = options.split(words)
    PARSER.parse_args(own)


@pytest.mark.parametrize("line", NEW)
def test_the_command_line_takes_it(line: str) -> None:
    parse(line)


def test_the_tables_are_found() -> None:
    assert len(rows()) > 60
    assert len(NEW) > 50


@pytest.mark.parametrize(
    "line", ["harness monitr", "harness docs --keepp", "harness scale"]
)
def test_a_wrong_line_would_be_found(line: str) -> None:
    with pytest.raises(UsageError):
        parse(line)


def test_every_old_name_inside_is_one_that_execute_knows() -> None:
    section = TEXT.partition("## In a container")[2].partition("\n## ")[0]
    names = {
        name
        for old, _ in re.findall(r"\| (.+) \| (.+) \|", section)
        for name in re.findall(r"`(?:.*execute )?([a-z]+-[a-z-]+|update)", old)
    }
    known = set(re.findall(r"[a-z]+(?:-[a-z]+)*", EXECUTE))
    deploys = {name for name in names if name.startswith("deploy-")}
    assert len(names) > 18
    assert names - deploys <= known
    assert "deploy-*)" in EXECUTE


def test_every_line_that_execute_names_is_in_the_table() -> None:
    said = set(re.findall(r"outside \"?(harness [a-z]+(?: [a-z-]+)?)", EXECUTE))
    assert len(said) > 6
    for line in said:
        assert any(one.startswith(line.partition(" (")[0]) for one in NEW), line
