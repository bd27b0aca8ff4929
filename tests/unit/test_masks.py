# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords of addresses are in nothing that people read."""

import io
import json
import shlex
from pathlib import Path

import pytest

from harness import config, proc
from harness.ci import matrix
from harness.cli import words
from harness.config import Config
from harness.errors import ConfigError, HarnessError
from harness.gate import parts
from harness.gate.parts import Tools
from harness.masks import masked
from harness.model import RunResult
from harness.modules import Graph
from harness.output import Console
from harness.reports import record
from harness.selection import decisions

SECRET = "s3cr3t"
ADDRESS = f"postgresql://user:{SECRET}@host:5432/"
SHOWN = "postgresql://user:***@host:5432/"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ADDRESS, SHOWN),
        (f"h test --database={ADDRESS} -x", f"h test --database={SHOWN} -x"),
        (f"'{ADDRESS}' \"{ADDRESS}\"", f"'{SHOWN}' \"{SHOWN}\""),
        ("postgresql://user:p@ss@host/", "postgresql://user:***@host/"),
        ("postgresql://h/?password=x&b=1", "postgresql://h/?password=***&b=1"),
        ("https://token:x@h/a and b@c", "https://token:***@h/a and b@c"),
        ("postgresql://user@host:5432/", "postgresql://user@host:5432/"),
        ("http://host:80/a:b@c", "http://host:80/a:b@c"),
        ("a: b@c, password=x", "a: b@c, password=x"),
    ],
)
def test_masked(text: str, expected: str) -> None:
    assert masked(text) == expected
    assert masked(expected) == expected


def test_lines_of_commands() -> None:
    argv = ["harness", "test", "--database", ADDRESS]
    assert SECRET not in proc.line(argv)
    assert shlex.split(proc.line(argv))[-1] == SHOWN


def test_all_that_a_console_writes() -> None:
    stream = io.StringIO()
    console = Console(stream, {})
    console.info(ADDRESS)
    console.warn(ADDRESS)
    console.error(HarnessError(ADDRESS, checked=ADDRESS, remedy=ADDRESS))
    console.table([(ADDRESS,)], ("address",))
    with console.step(ADDRESS):
        pass
    assert stream.getvalue().count("***") == 8
    assert SECRET not in stream.getvalue()


def test_the_line_that_reports_show() -> None:
    line = words.line(["test", "tryton", "--database", ADDRESS])
    assert line == f"harness test tryton --database '{SHOWN}'"
    run = RunResult(
        id="1", command=line, started=0, seconds=0, exit_code=0, version="1", steps=()
    )
    assert SECRET not in record.dump(run)


def test_a_wrong_setting(tmp_path: Path) -> None:
    wrong = ADDRESS.replace("postgresql", "mysql")
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path, {"HARNESS_DATABASE_SERVER": wrong}, {})
    assert SECRET not in str(caught.value)


@pytest.fixture
def given(tmp_path: Path) -> Config:
    (tmp_path / "examples/alpha").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(
        "[tool.harness.source.alpha]\n[tool.harness.suite.tryton]\n"
    )
    overrides: dict[str, tuple[object, str]] = {
        "database.server": (ADDRESS, "--database")
    }
    return config.load(tmp_path, {}, overrides)


def test_parts_of_the_gate(given: Config, tmp_path: Path) -> None:
    selection = decisions.decide([], config=given, graph=Graph({}), everything="--full")
    tools = Tools(python="python", root=tmp_path, program="h", directory=tmp_path)
    (part,) = parts.make(given, selection, Graph({}), tools, {})
    assert part.pasted == (f"harness test tryton --database '{SHOWN}'",)
    assert SECRET not in " ".join(part.commands[0])  # all processes can be listed


def test_jobs(given: Config) -> None:
    """A job takes the address from where the plan had it."""
    selection = decisions.decide([], config=given, graph=Graph({}), everything="--full")
    (job,) = matrix.jobs(given, selection)
    assert SECRET not in json.dumps(job.document())
    assert job.database == SHOWN
    assert "--database" not in job.nox_line
