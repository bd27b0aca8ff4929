# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``harness doctor`` prints and returns."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.commands import doctor
from harness.config import Config
from harness.context import Context
from harness.doctor import Finding, FindingStatus
from harness.output import Console
from tests.unit.terminal import Terminal

FINDINGS = [
    Finding(check="git", status=FindingStatus.OK, found="2.39.5", remedy="never shown"),
    Finding(
        check="docker engine", status=FindingStatus.SKIPPED, found="docker is not there"
    ),
    Finding(
        check="images",
        status=FindingStatus.WARNING,
        found="2 of 7 are not built: portal, api",
        remedy="harness build --with-a-line-that-is-much-longer-than-the-terminal-is",
        need="the stack",
    ),
]
LACK = Finding(
    check="wheel", status=FindingStatus.MISSING, found="gone", remedy="pip install it"
)


def context(stream: io.StringIO, **environ: str) -> Context:
    environ = {"COLUMNS": "50", **environ}
    return Context(
        config=Config(root=Path("/nowhere")),
        environ=environ,
        console=Console(stream, environ),
        line="harness doctor",
    )


def show(findings: Sequence[Finding], *, encoding: str = "utf-8") -> list[str]:
    made = context(io.StringIO())
    return list(doctor.Sheet(made, encoding=encoding).lines(findings))


def test_the_sheet() -> None:
    assert show(FINDINGS) == [
        "✓ git            2.39.5",
        "– docker engine  docker is not there",
        "! images         2 of 7 are not built: portal,",
        "                 api; needed for the stack",
        "    → harness build --with-a-line-that-is-much-longer-than-the-terminal-is",
        "",
        "ready for --database auto: nothing that it needs is missing, 1 warning",
    ]


def test_the_verdict_counts() -> None:
    one = show([*FINDINGS, LACK])
    assert one[-3] == "    → pip install it"
    assert one[-1] == "not ready for --database auto: 1 thing is missing, 1 warning"
    two = show([LACK, LACK])[-1]
    assert two.endswith("2 things that are needed are missing, no warnings")


def test_without_unicode() -> None:
    lines = show([*FINDINGS, LACK], encoding="ascii")
    assert [line[0] for line in lines if line and line[0] != " "] == list("+-!xn")
    assert "\n".join(lines).isascii()
    assert show(FINDINGS, encoding="no such encoding")[0].startswith("+ git")


def test_colour_on_a_terminal_unless_it_is_refused() -> None:
    colourful = context(Terminal(), TERM="xterm")
    line = next(doctor.Sheet(colourful, encoding="utf-8").lines(FINDINGS))
    assert line.startswith("\x1b[32m✓\x1b[0m git  ")
    plain = context(Terminal(), TERM="xterm", NO_COLOR="1")
    line = next(doctor.Sheet(plain, encoding="utf-8").lines(FINDINGS))
    assert line.startswith("✓ git")


@pytest.mark.parametrize(
    ("findings", "code"), [(FINDINGS, 0), ([*FINDINGS, LACK], 4), ([], 0)]
)
def test_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, findings: list[Finding], code: int
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda machine, limit: findings)
    for as_json in (True, False):
        stream = io.StringIO()
        made = context(stream)
        assert doctor.run(made, as_json=as_json, encoding="utf-8") == code
        assert stream.getvalue()


def test_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda machine, limit: FINDINGS)
    stream = io.StringIO()
    doctor.run(context(stream), as_json=True, encoding="ascii")
    document = json.loads(stream.getvalue())
    assert [set(one) for one in document] == [
        {"check", "status", "found", "remedy"}
    ] * 3
    assert document[2]["status"] == "warning"
    assert document[2]["found"].endswith("; needed for the stack")
