# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job on two small modules: outcomes, reports, options, bad input."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree

import pytest

from harness.postgres import Address
from harness.series import all_series
from tests.weekly import WEEKLY, weekly

Harness = Callable[..., "subprocess.CompletedProcess[str]"]
SERVERS = ("local", "sqlite")


def results(project: Path) -> dict[str, str]:
    """Outcomes of the latest run by test id."""
    latest = project / "reports" / "latest"
    outcomes: dict[str, str] = {}
    for path in latest.glob("*.jsonl"):
        for line in path.read_text().splitlines():
            event = json.loads(line)
            if event["kind"] == "test":
                assert event["id"] not in outcomes
                outcomes[event["id"].rpartition("/")[2]] = event["outcome"]
    return outcomes


def databases(state: Path) -> list[str]:
    """What runs left on the embedded server: clones and unfinished templates."""
    from harness.postgres import LocalServer, connect
    from harness.store import Store

    server = LocalServer(Store(state), environ=os.environ)
    with connect(server.start()) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'harness\\_%'"
            " AND datname NOT LIKE 'harness\\_k\\_%' AND NOT datistemplate"
        ).fetchall()
    server.stop()
    return [name for (name,) in rows]


def sources(environment: Path) -> set[str]:
    """The sources of tests that an environment has."""
    lock = (environment / "lock.txt").read_text()
    return set(re.findall(r"harness[-_]test[-_](\w+)", lock))


@pytest.mark.parametrize("server", SERVERS)
def test_green_run(harness: Harness, project: Path, server: str) -> None:
    done = harness("test", "tryton", "alpha", "beta", "--database", server)
    assert done.returncode == 0, done.stdout + done.stderr
    found = results(project)
    assert found["test_module.py::AlphaTestCase::test_first"] == "passed"
    assert set(found.values()) == {"passed"}
    assert "PASSED" in done.stdout
    latest = project / "reports" / "latest"
    suite = ElementTree.parse(latest / "junit.xml").getroot()
    assert int(suite.get("tests", "0")) == len(found)
    assert (latest / "index.html").stat().st_size > 10_000
    assert (latest / "summary.md").exists()


def test_green_run_on_a_given_server(
    harness: Harness, project: Path, address: Address, state: Path
) -> None:
    done = harness("test", "tryton", "alpha", "--database", address.url())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "given (its address was given)" in done.stdout
    assert set(results(project).values()) == {"passed"}
    assert databases(state) == []


@pytest.mark.parametrize("server", ["local", "sqlite"])
@WEEKLY
def test_the_newest_series(harness: Harness, project: Path, server: str) -> None:
    """Its bases have no administrator but the one that tests are given."""
    newest = max(all_series(), key=lambda name: [int(one) for one in name.split(".")])
    options = ("--series", newest, "--database", server, "-k", "test_rec_name")
    done = harness("test", "tryton", "party", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(results(project).values()) == {"passed"}


def test_same_ids_and_outcomes_as_plain_pytest(
    harness: Harness, project: Path, state: Path, env: dict[str, str]
) -> None:
    module = project / "src/alpha/alpha/tests/test_module.py"
    module.write_text(module.read_text().replace("['First']", "['Second']"))
    done = harness("test", "tryton", "alpha", "--database", "sqlite")
    assert done.returncode == 1
    ours = results(project)
    made = next(
        path
        for path in (state / "envs").glob("tryton-*")
        if (path / "harness.json").is_file() and sources(path) == {"alpha"}
    )
    subprocess.run(
        [
            made / "bin/python", "-m", "pytest", "-p", "no:cacheprovider", "-q",
            "--rootdir", module.parent, "-c", os.devnull,
            "--junitxml", project / "plain.xml", module.parent,
        ],
        env={**env, "DB_NAME": ":memory:"},
        cwd=project,
        capture_output=True,
        check=False,
    )  # fmt: skip
    plain = {}
    for case in ElementTree.parse(project / "plain.xml").iter("testcase"):
        failed = case.find("failure") is not None
        name = f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        plain[f"test_module.py::{name}"] = "failed" if failed else "passed"
    assert plain == ours
    assert plain["test_module.py::AlphaTestCase::test_first"] == "failed"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["-k", "test_first"], {"test_module.py::AlphaTestCase::test_first"}),
        (["-k", "no_such_test"], set()),
    ],
)
def test_selection(
    harness: Harness, project: Path, options: list[str], expected: set[str]
) -> None:
    latest = project / "reports" / "latest"
    before = latest.resolve()
    done = harness("test", "tryton", "alpha", "--database", "sqlite", *options)
    assert done.returncode == (0 if expected else 3)
    if expected:
        assert set(results(project)) == expected
    else:  # there is nothing to report
        assert latest.resolve() == before


def test_stop_at_first_failure_and_last_failed(harness: Harness, project: Path) -> None:
    module = project / "src/alpha/alpha/tests/test_module.py"
    module.write_text(module.read_text().replace("['First']", "['Second']"))
    assert harness("test", "tryton", "alpha", "--database", "sqlite").returncode == 1
    done = harness("test", "tryton", "alpha", "--database", "sqlite", "--lf", "-x")
    assert done.returncode == 1
    assert results(project) == {"test_module.py::AlphaTestCase::test_first": "failed"}


def test_coverage_is_combined_over_workers(harness: Harness, project: Path) -> None:
    done = harness("test", "tryton", "alpha", "--database", "sqlite", "--coverage")
    assert done.returncode == 0, done.stdout
    xml = (project / "reports/latest/coverage.xml").read_text()
    assert 'filename="alpha.py"' in xml
    assert 'branches-valid="0"' in xml
    assert "coverage" in done.stdout


def test_plan_needs_no_server(harness: Harness, project: Path, tmp_path: Path) -> None:
    done = harness("test", "tryton", "beta", "--list", "--json")
    [step] = json.loads(done.stdout)
    assert step["series"] == "7.0"
    assert step["sources"] == ["alpha", "beta"]
    assert [one["name"] for one in step["modules"]] == ["beta"]


def test_changed_module_and_its_dependents(harness: Harness, project: Path) -> None:
    source = project / "src/alpha"
    for arguments in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "one"],
    ):
        subprocess.run(["git", *arguments], cwd=source, check=True)
    try:
        file = source / "alpha" / "alpha.py"
        file.write_text(file.read_text() + "\n# changed\n")
        beta = project / "src/beta"
        subprocess.run(["git", "init", "-q"], cwd=beta, check=True)
        subprocess.run(["git", "add", "."], cwd=beta, check=True)
        subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "1"],
            cwd=beta,
            check=True,
        )
        done = harness("test", "tryton", "--changed-since", "HEAD", "--list", "--json")
        assert done.returncode == 0, done.stdout
        [step] = json.loads(done.stdout)
        assert [(one["name"], one["reason"]) for one in step["modules"]] == [
            ("alpha", "src/alpha/alpha/alpha.py changed"),
            ("beta", "depends on alpha"),
        ]
    finally:
        for name in ("alpha", "beta"):
            subprocess.run(["rm", "-rf", project / "src" / name / ".git"], check=True)


BAD = {
    "unknown module": (["alhpa"], 2, "did you mean alpha?"),
    "unknown series": (["alpha", "--series", "9.9"], 2, "there is no Tryton series"),
    "no such suite": (None, 2, "did you mean tryton?"),
    "no module named": ([], 3, "no module is selected"),
    "bad address": (["alpha", "--database", "postgresql://h:x/"], 7, "no address"),
    "nobody answers": (
        ["alpha", "--database", "postgresql://nobody@127.0.0.1:9/"],
        7,
        "does not let us in",
    ),
    "unknown server": (["alpha", "--database", "oracle"], 2, "database.server"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(harness: Harness, name: str) -> None:
    arguments, code, words = BAD[name]
    line = ["test", "tryotn"] if arguments is None else ["test", "tryton", *arguments]
    done = harness(*line)
    output = done.stdout + done.stderr
    assert done.returncode == code, output
    assert words in output
    assert "Traceback" not in output


def break_file(project: Path, name: str, text: str | None) -> None:
    path = project / "src/alpha/alpha" / name
    if text is None:
        path.unlink()
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text))


BROKEN = {
    "no tryton.cfg": ("tryton.cfg", None, 2, "no Tryton module named 'alpha'"),
    "broken tryton.cfg": ("tryton.cfg", "[tryton\n", 2, "is broken"),
    "no version": ("tryton.cfg", "[tryton]\ndepends:\n  ir\n", 2, "series"),
    "no tests": ("tests/test_module.py", None, 2, "has no tests"),
    "import fails": ("alpha.py", "import nothing_of_that_name\n", 2, "nothing_of_that"),
    "broken record": (
        "alpha.xml",
        '<tryton><data><record model="alpha.thing" id="a"/></data></tryton>',
        7,
        "alpha",
    ),
    "test file broken": ("tests/test_module.py", "import nothing_here\n", 1, "nothing"),
}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", BROKEN)
def test_broken_module(
    harness: Harness, project: Path, state: Path, name: str, server: str
) -> None:
    file, text, code, words = BROKEN[name]
    break_file(project, file, text)
    done = harness("test", "tryton", "alpha", "--database", server)
    output = done.stdout + done.stderr
    assert done.returncode == code, output
    assert words in output
    assert "defect of the harness" not in output
    assert databases(state) == []
    assert not list((state / "sqlite").glob("building_*"))


def test_a_crashing_test_fails_and_the_rest_goes_on(
    harness: Harness, project: Path
) -> None:
    break_file(
        project,
        "tests/test_crash.py",
        """\
        import os, signal, unittest

        class CrashTestCase(unittest.TestCase):
            def test_a(self):
                pass

            def test_b(self):
                os.kill(os.getpid(), signal.SIGKILL)

            def test_c(self):
                pass
        """,
    )
    done = harness("test", "tryton", "alpha", "--database", "sqlite")
    found = results(project)
    assert done.returncode == 1
    assert found["test_crash.py::CrashTestCase::test_b"] == "failed"
    others = [value for key, value in found.items() if not key.endswith("test_b")]
    assert len(others) > 20
    assert set(others) == {"passed"}
    assert "SIGKILL" in done.stdout


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("isolation", ["test", "class", "module", "worker"])
def test_isolation(
    harness: Harness, project: Path, isolation: str, server: str
) -> None:
    """Whether what one test commits is seen by the next is as was asked for."""
    break_file(
        project,
        "tests/test_isolation.py",
        """\
        import unittest
        from trytond.pool import Pool
        from trytond.tests.test_tryton import (
            DB_NAME, activate_module, drop_db)
        from trytond.transaction import Transaction

        class Common:
            @classmethod
            def setUpClass(cls):
                drop_db()
                activate_module('alpha')

            @classmethod
            def tearDownClass(cls):
                drop_db()

            def count(self):
                with Transaction().start(DB_NAME, 1) as transaction:
                    Thing = Pool().get('alpha.thing')
                    number = Thing.search([], count=True)
                    Thing.create([{'name': 'one more'}])
                    transaction.commit()
                print('COUNT', type(self).__name__, self._testMethodName, number)

        class FirstTestCase(Common, unittest.TestCase):
            def test_1(self):
                self.count()

            def test_2(self):
                self.count()

        class SecondTestCase(Common, unittest.TestCase):
            def test_3(self):
                self.count()
        """,
    )
    done = harness(
        "test", "tryton", "alpha", "--database", server, "--isolation", isolation,
        "-k", "isolation", "-s",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    counts = [int(line.split()[-1]) for line in done.stdout.splitlines()
              if "COUNT" in line]  # fmt: skip
    assert (
        counts
        == {
            "test": [1, 1, 1],
            "class": [1, 2, 1],
            "module": [1, 2, 3],
            "worker": [1, 2, 3],
        }[isolation]
    )


def test_two_runs_at_once(project: Path, state: Path, env: dict[str, str]) -> None:
    argv = [sys.executable, "-m", "harness", "test", "tryton", "alpha", "beta"]
    runs = [
        subprocess.Popen(
            argv,
            cwd=project,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    for run in runs:
        output, _ = run.communicate(timeout=300)
        assert run.returncode == 0, output
    assert databases(state) == []


@pytest.mark.parametrize("moment", [weekly(0.3), 1.0, weekly(2.0), 3.0])
def test_killed_run_leaves_nothing(
    harness: Harness, project: Path, state: Path, env: dict[str, str], moment: float
) -> None:
    file = project / "src/alpha/alpha/alpha.xml"
    file.write_text(file.read_text().replace("First", f"First at {moment}"))
    run = subprocess.Popen(
        [sys.executable, "-m", "harness", "test", "tryton", "alpha"],
        cwd=project,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(moment)
    run.kill()
    run.wait()
    done = harness("test", "tryton", "beta")
    assert done.returncode == 0, done.stdout
    assert databases(state) == []
    assert not list((state / "runs").iterdir())


def test_interrupted_run(project: Path, state: Path, env: dict[str, str]) -> None:
    (project / "src/alpha/alpha/tests/test_slow.py").write_text(
        "import time\n\ndef test_slow():\n    time.sleep(60)\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-m", "harness", "test", "tryton", "alpha"],
        cwd=project,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    time.sleep(6)
    os.kill(run.pid, signal.SIGINT)
    output, _ = run.communicate(timeout=120)
    assert run.returncode == 130, output
    assert "interrupted" in output.lower()
    assert databases(state) == []


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ("local", "the-database-comes-with-the-first-test"),
        ("sqlite", "a-run-on-sqlite-has-no-database-server"),
    ],
)
def test_who_connects_too_early_does_not_find_the_developers_server(
    harness: Harness, project: Path, server: str, words: str
) -> None:
    """Libpq's defaults are this machine's server; it is not touched."""
    (project / "src/alpha/alpha/tests/conftest.py").write_text(
        "import psycopg2\n\ntry:\n    psycopg2.connect('dbname=postgres')\n"
        "    SAID = 'connected'\nexcept psycopg2.OperationalError as error:\n"
        "    SAID = str(error)\n\n\ndef pytest_report_header():\n"
        "    return f'said: {SAID}'\n"
    )
    done = harness(
        "test", "tryton", "alpha", "--database", server, "-k", "first",
        PGHOST="127.0.0.1", PGPORT="9",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    [said] = [line for line in done.stdout.splitlines() if line.startswith("said:")]
    assert words in said
    assert "Not a directory" in said


def test_skipped_tests_have_their_reason(harness: Harness, project: Path) -> None:
    (project / "src/alpha/alpha/tests/test_skip.py").write_text(
        "import pytest\n\n\n@pytest.mark.skip(reason='not today')\n"
        "def test_one():\n    pass\n\n\ndef test_two():\n    pass\n"
    )
    done = harness("test", "tryton", "alpha", "-k", "test_one or test_two")
    assert done.returncode == 0, done.stdout
    junit = (project / "reports" / "latest" / "junit.xml").read_text()
    assert "not today" in junit


def test_server_killed_in_mid_run(
    project: Path, state: Path, env: dict[str, str], tmp_path: Path
) -> None:
    own = tmp_path / "state"
    own.mkdir()
    (own / "envs").symlink_to(state / "envs")
    mark = tmp_path / "running"
    (project / "src/alpha/alpha/tests/test_slow.py").write_text(
        f"import pathlib, time\n\n\ndef test_slow():\n"
        f"    pathlib.Path({str(mark)!r}).touch()\n    time.sleep(60)\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-m", "harness", "test", "tryton", "alpha"],
        cwd=project,
        env={**env, "HARNESS_STATE": str(own)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not mark.exists() and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    directory = (own / "server").resolve()
    data = directory / "data" / "postmaster.pid"
    os.kill(int(data.read_text().splitlines()[0]), signal.SIGKILL)
    output, _ = run.communicate(timeout=60)
    shutil.rmtree(directory, ignore_errors=True)
    assert run.returncode == 7, output
    assert "the database server" in output
    assert "report:" in output
    assert "Traceback (most recent call last):\n  File" not in output.split("====")[0]


def test_state_directory_cannot_be_written(harness: Harness, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = harness("test", "tryton", "alpha", HARNESS_STATE=str(blocked / "state"))
    assert done.returncode == 4
    assert "HARNESS_STATE" in done.stdout
