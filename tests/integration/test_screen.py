# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run shows on a terminal, and what it leaves there."""

import fcntl
import re
import struct
import sys
import termios
from pathlib import Path

from tests.integration.terminals import Terminal, terminal

LINE = ("-m", "harness", "test", "tryton", "alpha", "--database", "sqlite")
TESTS = """\
import time


def test_first():
    assert 1 == 2, "wrong"


def test_second():
    print("the second has begun")
    time.sleep(20)
"""
RULED = re.compile(r"\x1b\[[\d;?]*[A-Za-z]|\x1b\]8;[^\\]*\x1b\\")


def resize(shown: Terminal, columns: int) -> None:
    size = struct.pack("HHHH", 24, columns, 0, 0)
    fcntl.ioctl(shown.handle, termios.TIOCSWINSZ, size)


def test_rows_say_what_runs_and_nothing_stays_of_them(
    project: Path, env: dict[str, str]
) -> None:
    (project / "src/alpha/alpha/tests/test_rows.py").write_text(TESTS)
    argv = [sys.executable, *LINE, "-k", "test_rows", "--jobs", "2"]
    env = {key: value for key, value in env.items() if key != "COLUMNS"}
    with terminal(argv, cwd=project, env=env) as shown:
        resize(shown, 60)
        shown.wait_for("harness test tryton alpha")
        shown.wait_for(
            r"FAILED [^\n]*test_first\x1b\[0m\r?\n[^\n]*AssertionError: wrong"
        )
        at = shown.wait_for(r"1/2 · [^\n]*1 failed[^\n]* · [\d.]+ s")
        at = shown.wait_for(r"gw\d +\d+ s  [^\n]*::test_second", after=at)
        seconds = shown.wait_for(r"gw\d +(\d+) s  [^\n]*::test_second", after=at)
        resize(shown, 40)
        narrow = shown.wait_for(
            r"\n +gw\d +\d+ s  ….{0,24}::test_second", after=seconds
        )
        shown.type("\x03")
        assert shown.end(within=60) == 130
    rows = re.split(r"[\r\n]+", RULED.sub("", shown.text[at:seconds]))
    assert max(len(row) for row in rows if "gw" in row) <= 57
    end = RULED.sub("", shown.text[narrow:]).partition("INTERRUPTED")[2]
    assert "1 failure, 1 of 2 tests ran" in end
    assert " gw" not in end, "no row is left"
    assert f"report: {project}/reports/latest/index.html" in end.replace("\r\n", "")
    assert "\x1b[?25l" not in shown.text, "who is killed cannot show the cursor again"


def test_who_has_the_terminal_is_interrupted_once(
    project: Path, env: dict[str, str]
) -> None:
    """By the terminal itself: a second time would cut its last words by a traceback."""
    (project / "src/alpha/alpha/tests/test_rows.py").write_text(TESTS)
    argv = [sys.executable, *LINE, "-k", "test_rows", "-s"]
    with terminal(argv, cwd=project, env=env) as shown:
        shown.wait_for("the second has begun")
        shown.type("\x03")
        assert shown.end(within=60) == 130
    assert "1 failure, 1 of 2 tests ran" in shown.text
    assert "Traceback" not in shown.text
