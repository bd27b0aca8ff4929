# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate's parts as processes: order, limits, what is left of them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.gate.base import Status
from harness.gate.parts import Part, Tools
from harness.gate.run import Gate


@contextlib.contextmanager
def quiet(title: str) -> Iterator[object]:
    yield title


def part(name: str, script: str, **more: Any) -> Part:
    return Part(
        name=name,
        why="asked for",
        commands=(("sh", "-c", script),),
        pasted=(f"sh -c {name}",),
        seconds=1.0,
        **more,
    )


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    tools = Tools(
        python=sys.executable,
        root=tmp_path,
        program="harness",
        directory=tmp_path / "parts",
    )
    return Gate(tools=tools, environ=os.environ, announce=quiet, jobs=2)


def test_rows(gate: Gate) -> None:
    rows = gate.run(
        [
            part("good", "echo fine"),
            part("bad", "echo 'two errors'; exit 3"),
            part("killed", "kill -9 $$"),
            part("absent", "true", programs=("no-such-program",)),
            part("slow", "sleep 60", timeout=0.2),
            part("unmeasured", "true", data=Path("/nonexistent/data")),
            part("measured", "echo > data", data=gate.tools.root / "data"),
        ]
    )
    assert {name: str(row.status) for name, row in rows.items()} == {
        "good": "passed",
        "bad": "failed",
        "killed": "failed",
        "absent": "missing",
        "slow": "failed",
        "unmeasured": "failed",
        "measured": "passed",
    }
    assert rows["bad"].why == "exit code 3: two errors"
    assert rows["absent"].why == "no-such-program is not there"
    assert rows["slow"].why == "it took more than 0.2 s"
    assert rows["unmeasured"].why == "it left no coverage data"
    log = gate.tools.root / rows["bad"].log
    assert log.read_text() == "$ sh -c bad\ntwo errors\n"


@pytest.mark.parametrize(("second", "status"), [("true", "passed"), ("no", "failed")])
def test_what_follows_the_tests_of_a_suite_is_a_command(
    gate: Gate, second: str, status: str
) -> None:
    event = {"kind": "test", "id": "a", "outcome": "passed"}
    tests = f"mkdir latest; echo '{json.dumps(event)}' > latest/a.jsonl"
    script = {"true": "true", "no": "echo 'an error: 3 lines differ'; exit 7"}[second]
    two = part("suite", f'cd "$HARNESS_REPORTS"; {tests}', suite=True)
    commands = (*two.commands, ("sh", "-c", script))
    two = replace(two, commands=commands, pasted=("the tests", "the rest"))
    row = gate.run([two])["suite"]
    assert str(row.status) == status
    wanted = {
        "true": ("1 passed", "the tests"),
        "no": ("exit code 7: an error: 3 lines differ", "the rest"),
    }
    assert (row.why, row.command) == wanted[second]


def test_a_program_that_is_not_there(gate: Gate) -> None:
    lost = Part(
        name="lost",
        why="",
        commands=(("no-such-program",),),
        pasted=("no-such-program",),
        seconds=1.0,
    )
    row = gate.run([lost])["lost"]
    assert row.status is Status.MISSING
    assert "no-such-program" in row.why


def test_lines_after_a_failure_are_not_run(gate: Gate) -> None:
    several = Part(
        name="several",
        why="",
        commands=(("true",), ("false",), ("touch", "third")),
        pasted=("first", "second", "third"),
        seconds=1.0,
    )
    row = gate.run([several])["several"]
    assert (row.status, row.command) == (Status.FAILED, "second")
    assert not (gate.tools.root / "third").exists()


SPAN = """\
echo begin {0} >> log
until grep -q 'begin {1}' log; do sleep 0.02; done
echo end {0} >> log
"""


def test_some_at_a_time_and_one_alone(gate: Gate) -> None:
    gate.run(
        [
            part("alone", SPAN.format("alone", "alone"), alone=True),
            part("a", SPAN.format("a", "b"), timeout=60),
            part("b", SPAN.format("b", "a"), timeout=60),
        ]
    )
    lines = (gate.tools.root / "log").read_text().splitlines()
    assert lines[:2] == ["begin a", "begin b"] or lines[:2] == ["begin b", "begin a"]
    assert lines[-2:] == ["begin alone", "end alone"]


def test_the_first_failure_stops_the_rest(gate: Gate) -> None:
    gate.fail_fast = True
    began = time.monotonic()
    rows = gate.run(
        [
            part("long", "sleep 60"),
            part("bad", "sleep 0.3; false"),
            part("later", "true"),
        ]
    )
    assert time.monotonic() - began < 20
    assert [str(rows[name].status) for name in ("long", "bad", "later")] == [
        "stopped", "failed", "stopped",
    ]  # fmt: skip
    assert rows["later"].why == "it was not begun"


def test_an_interrupt_ends_what_runs_and_is_written_down(
    tmp_path: Path, env: dict[str, str]
) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[tool.harness.check.a]\nrun = ['true']\nseconds = 1\n"
        "[tool.harness.check.b]\nrun = [\"sh -c 'echo $$ > pid; exec sleep 600'\"]\n"
        "[tool.harness.check.c]\nrun = ['true']\nalone = true\n"
    )
    argv = [sys.executable, "-m", "harness", "gate", "--full"]
    with subprocess.Popen(
        argv, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True
    ) as child:
        deadline = time.monotonic() + 30
        pid = tmp_path / "pid"
        while not (pid.exists() and pid.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        output, _ = child.communicate(timeout=60)
    assert child.returncode == 130, output
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    found = json.loads((tmp_path / "reports/latest/gate.json").read_text())
    assert found["verdict"] == "not passed"
    statuses = [row["status"] for row in found["rows"]]
    assert statuses[0] in {"passed", "stopped"}
    assert statuses[1:] == ["stopped", "stopped"]
