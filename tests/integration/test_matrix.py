# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole matrix, job by job in fresh clones: it says what the gate says."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from harness.engine import Engine
from harness.reports import record
from tests.integration import test_gate
from tests.integration.test_gate import committed, git

Done = subprocess.CompletedProcess[str]
Harness = Callable[..., Done]
PREFIX = "harness-test-matrix"

CONFIGURATION = (
    test_gate.CONFIGURATION.replace("changed = 90", "changed = 80").replace(
        "[tool.harness.suite.tryton]",
        "[tool.harness.suite.tryton]\nshards = 2\nreruns = 1",
    )
    + f'''
[tool.harness.images]
prefix = "{PREFIX}"
[tool.harness.check.docs]
run = ["{{harness}} docs --no-autoapi"]
paths = ["docs/**"]
[tool.harness.check.images]
run = ["{{harness}} build db"]
paths = ["Dockerfiles/**"]
programs = ["docker"]
[tool.harness.rule.images]
files = ["Dockerfiles/**"]
'''
)
FILES = {
    **test_gate.FILES,
    ".gitignore": f"{test_gate.FILES['.gitignore']}/docs/_build/\n",
    "lib/sums.py": """\
        def add(a: int, b: int) -> int:
            if a > b:
                return b + a
            return a + b
        """,
    "checks/test_sums.py": """\
        from lib import sums

        def test_add() -> None:
            assert sums.add(1, 2) == 3
            assert sums.add(2, 1) == 3
        """,
    "docs/conf.py": 'project = "matrix"\n',
    "docs/index.rst": "Matrix\n======\n\nAll is well.\n",
    "Dockerfiles/db/one": "fine\n",
    "Dockerfiles/Dockerfile": """\
        ARG BASE=debian:bookworm-slim
        FROM ${BASE} AS db
        COPY db/one /one
        RUN ! grep -q broken /one
        """,
}
RED = ("failed", "missing", "stopped")
ROWS = ("lint", "types", "unit", "templates", "docs", "images", "tryton", "coverage",
        "changed")  # fmt: skip
"""In the order of the verdict."""
JOBS = [
    "lint", "types", "unit", "templates", "docs", "images",
    "tryton-1-of-2", "tryton-2-of-2",
]  # fmt: skip


@pytest.fixture
def checkout(project: Path) -> Iterator[Path]:
    """The gate's small project, with documents and an image."""
    with committed(project, CONFIGURATION, FILES) as made:
        yield made


@pytest.fixture
def cheap(harness: Harness) -> Harness:
    """The same with the server that costs nothing to start."""

    def run(*words: str) -> Done:
        return harness(*words, HARNESS_DATABASE_SERVER="sqlite")

    return run


@pytest.fixture
def images(engine: Engine) -> Iterator[Engine]:
    """The engine; what was built is gone afterwards."""
    if engine.inspect("image", "debian:bookworm-slim") is None:
        pytest.fail("no base image: harness images base makes it")
    yield engine
    form = "{{.Repository}}:{{.Tag}}"
    words = ("image", "ls", "--filter", f"reference={PREFIX}/*", "--format", form)
    for name in engine.run(*words).stdout.split():
        engine.run("image", "rm", "--force", name)


def red(project: Path) -> dict[str, str]:
    """The red rows of the gate's verdict, and why."""
    text = (project / "reports/latest/gate.json").read_text()
    return {
        row["name"]: row["why"]
        for row in json.loads(text)["rows"]
        if row["status"] in RED
    }


def judged(project: Path) -> dict[str, str]:
    """Rows of the merged report."""
    return {r.name: r.status for r in record.load(project / "reports/latest").judged}


def test_the_whole_matrix(cheap: Harness, checkout: Path, images: Engine) -> None:
    whole = cheap("test", "tryton", "alpha", "beta", "--coverage")
    assert whole.returncode == 0, whole.stdout
    one = record.load((checkout / "reports/latest").resolve())
    git(checkout, "commit", "-qm", "nothing", "--allow-empty")
    done = cheap("ci", "run-job", "--all", "--full")
    assert done.returncode == 0, done.stdout + done.stderr
    left = {path.name for path in (checkout / "reports/jobs").iterdir()}
    assert left == set(JOBS)
    merged = record.load(checkout / "reports/latest")
    assert judged(checkout) == {
        **dict.fromkeys(
            ["lint", "types", "unit", "templates", "docs", "images"], "passed"
        ),
        "tryton": "passed",
        "coverage": "passed",
        "changed": "not needed",
    }
    assert one.coverage
    assert merged.coverage == one.coverage
    assert sorted(t.key for t in merged.tests) == sorted(t.key for t in one.tests)


KILLS = """\
    import os
    import signal
    import unittest

    def harness():
        pid = os.getpid()
        while b'\\0harness\\0' not in open(f'/proc/{pid}/cmdline', 'rb').read():
            stat = open(f'/proc/{pid}/stat').read()
            pid = int(stat.rpartition(')')[2].split()[1])
        return pid

    class Killing(unittest.TestCase):
        def test_kill(self):
            os.kill(harness(), signal.SIGKILL)
    """
FLAKY = """\
    import mmap
    import unittest

    SEEN = mmap.mmap(-1, 1)  # of all workers of one run

    class Flaky(unittest.TestCase):
        def test_the_second_time(self):
            seen, SEEN[0] = SEEN[0], 1
            self.assertTrue(seen)
    """
TESTS = "src/beta/beta/tests/test_more.py"
DEFECTS: dict[str, tuple[str, str, list[str], str]] = {
    "a failing test": (
        TESTS,
        """\
        import unittest

        class More(unittest.TestCase):
            def test_no(self):
                self.fail()
        """,
        ["tryton", "coverage", "changed"],
        "More::test_no",
    ),
    "a lint error": ("lib/sums.py", "import os\n", ["lint"], "Found 1 error"),
    "a type error": (
        "lib/sums.py",
        "\nTOTAL: str = add(1, 2)\n",
        ["types"],
        "Found 1 error",
    ),
    "a coverage drop": (
        "lib/sums.py",
        """\

        def less(a: int, b: int) -> int:
            if a > b:
                return a - b
            return 0
        """,
        ["coverage", "changed"],
        "% of lines and branches in 2 files, least is 60 %",
    ),
    "a flaky test": (
        TESTS,
        FLAKY,
        ["tryton", "coverage", "changed"],
        "1 flaky, 0 allowed: ",
    ),
    "a broken image": ("Dockerfiles/db/one", "broken\n", ["images"], "exit code 6"),
    "a warning of the docs": (
        "docs/index.rst",
        "\n:ref:`nowhere`\n",
        ["docs"],
        "warnings are errors",
    ),
    "a template's script": (
        "data/things.txt",
        ">>> Thing(nam='x').save()\n",
        ["templates"],
        "exit code 7",
    ),
    "a missing report of a shard": (
        TESTS,
        KILLS,
        ["tryton", "coverage", "changed"],
        "left no report",
    ),
    "an import error": (
        TESTS,
        "import no_such_module\n",
        ["tryton", "coverage", "changed"],
        "test_more.py",
    ),
}


TOGETHER = (
    ("a lint error", "a warning of the docs", "a failing test"),
    ("a type error", "a broken image", "a flaky test"),
    ("a template's script", "a missing report of a shard"),
    ("a coverage drop",),
    ("an import error",),
)
"""Defects of parts that know nothing of each other, no two of one part."""


@pytest.mark.parametrize("names", TOGETHER, ids=", ".join)
def test_both_see_a_defect(
    cheap: Harness,
    checkout: Path,
    request: pytest.FixtureRequest,
    names: tuple[str, ...],
) -> None:
    rows: list[str] = []
    whys = {}
    for name in names:
        file, text, red_, why = DEFECTS[name]
        rows += red_
        whys[red_[0]] = why
        with (checkout / file).open("a") as stream:
            stream.write(dedent(text))
    rows.sort(key=ROWS.index)
    if "images" in rows:
        request.getfixturevalue("images")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "two")
    done = cheap("gate")
    assert done.returncode == 8, done.stdout + done.stderr
    here = red(checkout)
    assert list(here) == rows, here
    done = cheap("ci", "run-job", "--all")
    assert done.returncode == 8, done.stdout + done.stderr
    assert f"the gate says no: {', '.join(rows)}" in done.stdout
    there = json.loads((checkout / "reports/latest/run.json").read_text())["run"]
    reasons = {
        row["name"]: row["reason"] for row in there["judged"] if row["status"] in RED
    }
    assert list(reasons) == rows
    for row, why in whys.items():
        assert why in reasons[row], reasons
    both = {"coverage", "changed"}.intersection(rows)
    assert [here[one] for one in both] == [reasons[one] for one in both]
