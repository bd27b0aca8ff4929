# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets are in no report of a run, and in no list of processes."""

from pathlib import Path

from harness.postgres.contained import LET_IN
from tests.integration.conftest import Harness

SUITE = """\
import os
import pytest

ADDRESS = "postgresql://user:s3cr3t-of-another@host/"

def test_one():
    os.environ["PGPASSWORD"] = password = "s3cr3t-of-the-server"
    print("it is", password)
    try:
        assert os.environ["HOME"] == password, f"not {password}"
    finally:
        print(ADDRESS)

@pytest.fixture
def broken():
    raise ValueError(ADDRESS)

def test_two(broken):
    pass
"""


def test_reports(harness: Harness, project: Path) -> None:
    (project / "src/alpha/alpha/tests/test_hidden.py").write_text(SUITE)
    done = harness("test", "tryton", "alpha", "--database", "sqlite", "-k", "hidden")
    assert done.returncode == 1, done.stdout
    latest = project / "reports" / "latest"
    texts = {
        path.name: path.read_text("utf-8")
        for path in latest.rglob("*")
        if path.is_file() and path.suffix in {".json", ".xml", ".html", ".md", ".jsonl"}
    }
    texts["terminal"] = done.stdout + done.stderr
    assert {"run.json", "junit.xml", "index.html", "terminal"} <= set(texts)
    found = [name for name, text in texts.items() if "s3cr3t-of" in text]
    assert found == []
    assert "•••" in texts["terminal"]


def test_no_list_of_processes_has_the_password_of_a_server() -> None:
    """The shell's own printf is no process, and psql reads what it prints."""
    lines = [line for line in LET_IN.splitlines() if "PASSWORD" in line]
    assert lines
    assert all(line.startswith("words() { printf ") for line in lines)
