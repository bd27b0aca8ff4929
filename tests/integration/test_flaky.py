# SPDX-License-Identifier: GPL-3.0-or-later
"""Flaky tests and tests that depend on others: on real leases, in real workers."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.integration import conftest, test_suite
from tests.integration.test_suite import Run
from tests.weekly import weekly

Write = Callable[..., None]
Outcomes = Callable[[], dict[str, str]]

outcomes = test_suite.outcomes
place = test_suite.place
run = test_suite.run
write = test_suite.write


@pytest.fixture
def count(tmp_path: Path) -> Path:
    """A directory that outlives all leases: tests count in it how often they ran."""
    return tmp_path


@pytest.fixture
def results(place: Path) -> Callable[[], dict[str, dict[str, Any]]]:
    def read() -> dict[str, dict[str, Any]]:
        [path] = (place / "reports" / "latest").glob("*.jsonl")
        events = map(json.loads, path.read_text().splitlines())
        return {
            event["id"].removeprefix("tests/"): event
            for event in events
            if event["kind"] == "test"
        }

    return read


TIMES = """\
    import os
    def times(name):
        with open(os.path.join({count!r}, name), 'a') as file:
            file.write('x')
            return file.tell()
    """

ONCE = """
    def test_other():
        assert names() == []

    def test_once():
        assert names() == []
        make('left behind')
        assert times('once') > 1, 'the first time'
    """


def text(count: Path, more: str) -> str:
    return TIMES.format(count=str(count)) + more


@pytest.mark.parametrize("suite", ["plain", "web"])
@pytest.mark.parametrize("jobs", [weekly("1"), "2"])
def test_what_fails_once_is_flaky(
    write: Write,
    run: Run,
    results: Any,
    place: Path,
    count: Path,
    suite: str,
    jobs: str,
) -> None:
    name = "plain__test_a" if suite == "plain" else "unit__test_a"
    write(**{name: text(count, ONCE)})
    done = run("--reruns", "1", "--jobs", jobs, suite=suite)
    assert done.returncode == 0, done.stdout + done.stderr
    file = f"{name.replace('__', '/')}.py"
    found = results()
    assert {key: one["outcome"] for key, one in found.items()} == {
        f"{file}::test_other": "passed",
        f"{file}::test_once": "flaky",
    }
    flaky = found[f"{file}::test_once"]
    [before] = flaky["attempts"]
    assert before["outcome"] == "failed"
    assert "the first time" in before["message"]
    assert "PASSED: 1 flaky" in done.stdout
    assert f"{file}::test_once (failed 1 time, then passed)" in done.stdout
    assert "AssertionError: the first time" in done.stdout.rpartition("flaky  ")[2]
    root = ET.parse(place / "reports/latest/junit.xml").getroot()
    assert (root.get("tests"), root.get("failures")) == ("2", "0")
    [case] = [one for one in root.iter("testcase") if one.get("name") == "test_once"]
    assert [piece.tag for piece in case] == ["flakyFailure"]


SEQUENCE = """
    import os, unittest

    class TestSequence(unittest.TestCase):
        def test_1(self):
            times('one')
            make('one')

        def test_2(self):
            self.assertEqual(names(), ['one'])
            assert times('two') > 1, 'the first time'
            make('two')

        def test_3(self):
            self.assertEqual(names(), ['one', 'two'])

    class TestOther(unittest.TestCase):
        def test_other(self):
            times('other')
            self.assertEqual(names(), [])
    """


@pytest.mark.parametrize("suite", ["plain", "web"])
def test_a_sequence_is_run_again_as_a_whole(
    write: Write,
    run: Run,
    results: Any,
    count: Path,
    suite: str,
) -> None:
    name = "plain__test_a" if suite == "plain" else "unit__test_a"
    write(**{name: text(count, SEQUENCE)})
    done = run("--reruns", "2", suite=suite)
    assert done.returncode == 0, done.stdout
    found = {key.rpartition("::")[2]: one for key, one in results().items()}
    assert {key: one["outcome"] for key, one in found.items()} == {
        "test_1": "passed",
        "test_2": "flaky",
        "test_3": "passed",  # it finds what the second has made, the second time
        "test_other": "passed",
    }
    assert len({found[f"test_{n}"]["worker"] for n in (1, 2, 3)}) == 1
    sizes = {path.name: path.stat().st_size for path in count.iterdir()}
    assert sizes == {"one": 2, "two": 2, "other": 1}


def test_with_isolation_by_test_it_is_run_again_alone(
    write: Write,
    run: Run,
    results: Any,
    count: Path,
) -> None:
    more = """
    class TestAlone:
        def test_1(self):
            times('one')

        def test_2(self):
            assert times('two') > 2, 'not yet'
    """
    write(plain__test_a=text(count, more))
    done = run("--reruns", "5", "--isolation", "test", suite="plain")
    assert done.returncode == 0, done.stdout
    sizes = {path.name: path.stat().st_size for path in count.iterdir()}
    assert sizes == {"one": 1, "two": 3}
    assert len(results()["plain/test_a.py::TestAlone::test_2"]["attempts"]) == 2
    assert "failed 2 times, then passed" in done.stdout


def test_with_isolation_by_module_the_module_is_run_again(
    write: Write,
    run: Run,
    results: Any,
    count: Path,
) -> None:
    more = """
    class TestFirst:
        def test_1(self):
            times('one')
            make('one')

    class TestSecond:
        def test_2(self):
            assert names() == ['one']
            assert times('two') > 1, 'not yet'
    """
    write(
        plain__test_a=text(count, more),
        plain__test_b=text(count, "\n    def test_b():\n        times('b')\n"),
    )
    done = run("--reruns", "1", "--isolation", "module", suite="plain")
    assert done.returncode == 0, done.stdout
    sizes = {path.name: path.stat().st_size for path in count.iterdir()}
    assert sizes == {"one": 2, "two": 2, "b": 1}
    outcome = results()["plain/test_a.py::TestSecond::test_2"]["outcome"]
    assert outcome == "flaky"


@pytest.mark.parametrize("first", ["os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_a_crash_is_run_again_too(
    write: Write,
    run: Run,
    results: Any,
    count: Path,
    first: str,
) -> None:
    more = f"""
    def test_other():
        times('other')

    def test_crash():
        make('left behind')
        if times('crash') == 1:
            {first}
        assert names() == ['left behind']

    class TestCrash:
        def test_1(self):
            times('one')

        def test_2(self):
            if times('two') == 1:
                {first}

        def test_3(self):
            times('three')
    """
    write(plain__test_a=text(count, more))
    done = run("--reruns", "1", suite="plain")
    assert done.returncode == 0, done.stdout + done.stderr
    found = {key.rpartition("::")[2]: one for key, one in results().items()}
    assert {key: one["outcome"] for key, one in found.items()} == {
        "test_other": "passed", "test_crash": "flaky",
        "test_1": "passed", "test_2": "flaky", "test_3": "passed",
    }  # fmt: skip
    assert "while it ran" in found["test_crash"]["attempts"][0]["message"]
    sizes = {path.name: path.stat().st_size for path in count.iterdir()}
    assert sizes == {"other": 1, "crash": 2, "one": 2, "two": 2, "three": 1}


STILL = """
    import pytest

    def test_always():
        assert times('always') > 9, f'time {times("more") }'

    def test_skipped_then():
        if times('skipped') > 1:
            pytest.skip('not today')
        assert 0, 'the first time'

    @pytest.fixture
    def shaky():
        assert times('shaky') > 1, 'no fixture'
        yield
        assert times('after') > 1, 'no end'

    def test_fixture(shaky):
        pass
    """


def test_what_fails_each_time_has_failed(
    write: Write,
    run: Run,
    results: Any,
    place: Path,
    count: Path,
) -> None:
    write(plain__test_a=text(count, STILL))
    done = run("--reruns", "2", suite="plain")
    assert done.returncode == 1
    found = {key.rpartition("::")[2]: one for key, one in results().items()}
    assert {key: one["outcome"] for key, one in found.items()} == {
        "test_always": "failed", "test_skipped_then": "failed", "test_fixture": "flaky",
    }  # fmt: skip
    always, fixture = found["test_always"], found["test_fixture"]
    for number, one in enumerate([*always["attempts"], always], 1):
        assert f"time {number}" in one["message"]
    assert [one["outcome"] for one in fixture["attempts"]] == ["error", "error"]
    root = ET.parse(place / "reports/latest/junit.xml").getroot()
    marks = {
        one.get("name"): [piece.tag for piece in one if piece.tag != "system-out"]
        for one in root.iter("testcase")
    }
    assert marks == {
        "test_always": ["failure", "rerunFailure", "rerunFailure"],
        "test_skipped_then": ["failure"],
        "test_fixture": ["flakyError", "flakyError"],
    }


def test_the_first_failure_that_stands_ends_the_run(
    write: Write,
    run: Run,
    outcomes: Outcomes,
    count: Path,
) -> None:
    more = """
    class TestA:
        def test_flaky(self):
            assert times('flaky') > 1

    class TestB:
        def test_bad(self):
            assert 0

    class TestC:
        def test_late(self):
            pass
    """
    name = f"test_{os.getpid()}"  # whose durations nobody knows: in their order
    write(**{f"plain__{name}": text(count, more)})
    done = run("-x", "--reruns", "1", "--jobs", "1", suite="plain")
    assert done.returncode == 1
    assert outcomes() == {
        f"plain/{name}.py::TestA::test_flaky": "flaky",
        f"plain/{name}.py::TestB::test_bad": "failed",
    }


def test_reruns_are_configured_for_a_suite_or_for_all(
    write: Write,
    run: Run,
    place: Path,
    count: Path,
) -> None:
    write(plain__test_a=text(count, ONCE))
    file = place / "pyproject.toml"
    before = file.read_text()
    try:
        file.write_text(
            before.replace(
                'paths = ["tests/plain"]', 'paths = ["tests/plain"]\nreruns = 1'
            )
        )
        assert run(suite="plain").returncode == 0
        (count / "once").unlink()
        assert run("--reruns", "0", suite="plain").returncode == 1
    finally:
        file.write_text(before)
    (count / "once").unlink()
    assert run(suite="plain", HARNESS_RERUNS="1").returncode == 0


@pytest.mark.parametrize("option", ["-s", "--pdb"])
def test_with_the_terminal_nothing_is_run_again(
    write: Write,
    run: Run,
    count: Path,
    option: str,
) -> None:
    write(plain__test_a=text(count, "\n    def test_a():\n        assert times('a')\n"))
    done = run("--reruns", "1", option, suite="plain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failures are not run again" in done.stdout
    done = run("--repeat", "2", option, suite="plain")
    assert done.returncode == 2
    assert f"leave {option} out" in done.stdout


def test_an_interrupt_while_something_is_run_again(
    write: Write,
    place: Path,
    state: Path,
    outcomes: Outcomes,
    count: Path,
) -> None:
    more = """
    import time

    def test_good():
        pass

    def test_slow():
        if times('slow') > 1:
            time.sleep(600)
        assert 0, 'the first time'
    """
    write(plain__test_a=text(count, more))
    running = subprocess.Popen(
        [sys.executable, "-m", "harness", "test", "plain", "--reruns", "3"],
        cwd=place,
        env=conftest.environment(state),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    until(lambda: size(count / "slow") == 2)
    os.kill(running.pid, signal.SIGINT)
    output, _ = running.communicate(timeout=120)
    assert running.returncode == 130, output
    assert "the first time" in output
    assert "INTERRUPTED" in output


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# -- repeated, shuffled --------------------------------------------------------


PAIR = {
    "plain__test_a": """\
        import web
        def test_leaves():
            web.left = True
        """,
    "plain__test_b": """\
        import web
        def test_minds():
            assert not hasattr(web, 'left')
        """,
} | {f"plain__test_{name}": "def test_nothing():\n    pass\n" for name in "cdefg"}


def test_each_test_is_repeated_on_fresh_leases(
    write: Write, run: Run, outcomes: Outcomes, place: Path, count: Path
) -> None:
    more = """
    import pytest
    from web import make

    def test_made():
        assert names() == []
        times('made')
        make('left')

    @pytest.mark.parametrize('x', ['a/b'])
    def test_other(x):
        times('other')
        assert names() == []
    """
    write(plain__test_a=text(count, more))
    done = run("--repeat", "3", "--jobs", "2", "-v", suite="plain")
    assert done.returncode == 0, done.stdout
    assert outcomes() == {
        f"plain/test_a.py::{name}[{number}/3]": "passed"
        for name in ("test_made", "test_other[a/b]")
        for number in (1, 2, 3)
    }
    assert "each test 3 times" in done.stdout
    assert (size(count / "made"), size(count / "other")) == (3, 3)
    root = ET.parse(place / "reports/latest/junit.xml").getroot()
    assert root.get("tests") == "6"


def test_a_repeated_run_that_stops_says_how_far_it_came(
    write: Write, run: Run, outcomes: Outcomes, count: Path
) -> None:
    more = """
    def test_a():
        assert times('a') < 3

    def test_other():
        pass
    """
    write(plain__test_a=text(count, more))
    done = run("--repeat", "9", "-x", "--jobs", "1", "-k", "not other", suite="plain")
    assert done.returncode == 1
    assert list(outcomes().values()) == ["passed", "passed", "failed"]
    assert "each test 9 times; 3 of 9 ran" in done.stdout
    done = run("--lf", suite="plain")
    assert list(outcomes()) == ["plain/test_a.py::test_a"]


def test_shards_are_repeated_too(write: Write, run: Run, outcomes: Outcomes) -> None:
    write(**PAIR)
    found: list[str] = []
    for shard in ("1/2", "2/2"):
        options = ("--shard", shard, "--repeat", "2", "-k", "nothing or leaves")
        assert run(*options, suite="plain").returncode == 0
        found += outcomes()
    assert len(found) == len(set(found)) == 2 * 6


def test_what_fails_in_some_rounds_is_flaky_in_the_history(
    write: Write, run: Run, place: Path, count: Path
) -> None:
    write(
        plain__test_a=text(
            count, "\n    def test_odd():\n        assert times('a') % 2\n"
        )
    )
    assert run("--repeat", "4", "--jobs", "1", suite="plain").returncode == 1
    page = (place / "reports/latest/summary.md").read_text()
    assert "test&#95;a.py::test&#95;odd" in page.partition("Flaky in the last runs")[2]
    done = run("--repeat", "2", "--reruns", "1", "--jobs", "1", suite="plain")
    assert done.returncode == 0, done.stdout
    assert "PASSED: 1 flaky" in done.stdout


def order(run: Run, place: Path, *options: str) -> list[str]:
    run("--jobs", "1", *options, suite="plain")
    [path] = (place / "reports" / "latest").glob("*.jsonl")
    events = map(json.loads, path.read_text().splitlines())
    return [one["id"] for one in events if one["kind"] == "test"]


def test_a_seed_gives_the_same_order_each_time(
    write: Write, run: Run, place: Path
) -> None:
    write(**PAIR)
    plain = order(run, place)
    first = order(run, place, "--random-order", "--seed", "7")
    assert order(run, place, "--seed=7") == first
    assert order(run, place, "--seed=8") != first
    assert sorted(first) == sorted(plain)
    done = run("--random-order", "--seed", "7", "--list", suite="plain")
    assert done.returncode == 0


def poisoned_order(write: Write, run: Run) -> str:
    """Shuffle until the pair is in the wrong order; what the run said."""
    write(**PAIR)
    for seed in range(1, 20):
        done = run("--seed", str(seed), "--jobs", "1", suite="plain")
        if done.returncode == 1:
            assert f"again     harness test plain --seed {seed}" in done.stdout
            return done.stdout
    raise AssertionError("twenty orders without a failure")


def test_a_random_order_finds_the_pair_and_bisect_names_it(
    write: Write, run: Run
) -> None:
    said = poisoned_order(write, run)
    assert "random, seed" in said
    done = run("--bisect", "test_b.py::test_minds", suite="plain")
    assert done.returncode == 0, done.stdout
    assert "verdict: this test makes" in done.stdout
    [command] = [line for line in done.stdout.splitlines() if "to see it:" in line]
    words = command.partition("harness test plain ")[2].split()
    assert [word.rpartition("::")[2] for word in words if "::" in word] == [
        "test_leaves", "test_minds",
    ]  # fmt: skip
    seen = run(*words, suite="plain")
    assert seen.returncode == 1
    assert "1 failed, 1 passed" in seen.stdout


def test_it_fails_alone(write: Write, run: Run) -> None:
    write(
        plain__test_a="def test_a():\n    pass\n",
        plain__test_b="def test_b():\n    assert 0\n",
    )
    run("--jobs", "1", suite="plain")
    done = run("--bisect", "tests/plain/test_b.py::test_b", suite="plain")
    assert done.returncode == 10, done.stdout
    assert "it fails alone" in done.stdout


def test_it_does_not_fail(write: Write, run: Run, count: Path) -> None:
    more = """
    def test_a():
        pass

    def test_b():
        assert times('b') > 1
    """
    write(plain__test_a=text(count, more))
    run("--jobs", "1", suite="plain")
    done = run("--bisect", "test_b", suite="plain")
    assert done.returncode == 11, done.stdout
    assert "it does not fail, alone or after the 1 test" in done.stdout


DATA = {
    "plain__test_a": """\
        def test_nothing():
            pass
        def test_leaves():
            make('left')
        """,
    "plain__test_b": """\
        import os, unittest
        def test_file():
            os.makedirs(os.environ['WEB_FILES'], exist_ok=True)
            open(os.environ['WEB_FILES'] + '/left', 'w').close()
        """,
    "plain__test_c": """\
        import os, unittest
        class TestC(unittest.TestCase):
            def test_1(self):
                TestC.ready = True
            def test_2(self):
                assert TestC.ready
                file = os.environ['WEB_FILES'] + '/left'
                assert names() == [] or not os.path.exists(file)
        """,
}


def test_the_database_and_the_files_of_a_worker_take_two(
    write: Write, run: Run, place: Path
) -> None:
    write(**DATA)
    file = place / "pyproject.toml"
    before = file.read_text()
    files = 'paths = ["tests/plain"]\nenvironment = ["WEB_FILES={files}/web"]'
    try:
        file.write_text(before.replace('paths = ["tests/plain"]', files))
        options = ("--jobs", "1", "--isolation", "worker")
        assert run(*options, suite="plain").returncode == 1
        done = run("--bisect", "TestC::test_2", suite="plain")
        assert done.returncode == 0, done.stdout
        assert "it needs 1 test of its own class" in done.stdout
        assert "verdict: these 2 together make" in done.stdout
        [line] = [line for line in done.stdout.splitlines() if "to see it:" in line]
        words = line.partition("harness test plain ")[2].split()
        assert words[:2] == ["--isolation", "worker"]
        assert [word.rpartition("::")[2] for word in words if "::" in word] == [
            "test_leaves", "test_file", "test_1", "test_2",
        ]  # fmt: skip
        assert run(*words, suite="plain").returncode == 1
    finally:
        file.write_text(before)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--bisect", "test_zzz"), "no report of the suite plain has the test"),
        (("--bisect", "test_nothing"), "may be 5 tests"),
        (("--repeat", "0"), "--repeat 0 means nothing"),
        (("--reruns", "-1"), "--reruns -1 means nothing"),
        (("--seed", "0"), "--seed 0 means nothing"),
        (("--repeat", "many"), "invalid int value"),
    ],
)
def test_what_means_nothing(
    write: Write, run: Run, options: tuple[str, ...], words: str
) -> None:
    write(**PAIR)
    if options[0] == "--bisect":  # it asks the last report; the others ask nothing
        run("--jobs", "1", suite="plain")
    done = run(*options, suite="plain")
    assert done.returncode == 2
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


# -- other kinds of suites, and the gate -----------------------------------------

TRYTON = """
    import unittest
    from trytond.pool import Pool
    from trytond.tests.test_tryton import ModuleTestCase, with_transaction

    class AlphaTestCase(ModuleTestCase):
        module = 'alpha'

        @with_transaction()
        def test_once(self):
            Thing = Pool().get('alpha.thing')
            self.assertEqual(len(Thing.search([])), 1)
            Thing.create([{'name': 'left'}])
            self.assertGreater(times('once'), 1, 'the first time')

    class LeavesTestCase(unittest.TestCase):
        def test_leaves(self):
            unittest.left = True

    class MindsTestCase(unittest.TestCase):
        def test_minds(self):
            self.assertFalse(hasattr(unittest, 'left'), 'poisoned')

    del ModuleTestCase
    """


@pytest.mark.parametrize("server", [weekly("sqlite"), "local"])
def test_a_module_of_tryton(
    harness: conftest.Harness, project: Path, count: Path, server: str
) -> None:
    path = project / "src/alpha/alpha/tests/test_flaky.py"
    path.write_text(dedent(text(count, TRYTON)))
    chosen = ("test", "tryton", "alpha", "--database", server)
    done = harness(*chosen, "-k", "once", "--reruns", "1")
    assert done.returncode == 0, done.stdout
    assert "PASSED: 1 flaky" in done.stdout
    assert "AlphaTestCase::test_once (failed 1 time, then passed)" in done.stdout
    done = harness(*chosen, "-k", "leaves or minds", "--jobs", "1")
    assert done.returncode == 1
    done = harness("test", "tryton", "--database", server, "--bisect", "test_minds")
    assert done.returncode == 0, done.stdout
    [line] = [line for line in done.stdout.splitlines() if "to see it:" in line]
    words = line.partition("to see it: harness ")[2].split()
    assert words[:3] == ["test", "tryton", "alpha"]
    assert [word for word in words if "::" in word] == [
        "alpha/tests/test_flaky.py::LeavesTestCase::test_leaves",
        "alpha/tests/test_flaky.py::MindsTestCase::test_minds",
    ]
    done = harness(*words, "--database", server)
    assert done.returncode == 1
    assert "poisoned" in done.stdout


def test_the_gate_is_red_beyond_what_is_allowed(
    write: Write, place: Path, state: Path, count: Path
) -> None:
    def gate(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "harness", "gate", "--full", *arguments],
            cwd=place,
            env=conftest.environment(state),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    write(plain__test_a=text(count, ONCE))
    file = place / "pyproject.toml"
    before = file.read_text()
    left = count / "report-plain"
    try:
        file.write_text(
            before.replace(
                'paths = ["tests/plain"]', 'paths = ["tests/plain"]\nreruns = 1'
            )
        )
        done = gate("--only", "plain")
        assert done.returncode == 8, done.stdout
        why = "1 flaky, 0 allowed: tests/plain/test_a.py::test_once"
        assert why in done.stdout
        part = place / "reports/latest/parts/plain/latest"
        assert json.loads((part / "run.json").read_text())["run"]["exit_code"] == 0
        shutil.copytree(part, left)
        done = gate("--only", "plain", "--judge", str(left))
        assert done.returncode == 8, done.stdout
        assert why in done.stdout
        with file.open("a") as stream:
            stream.write("\n[tool.harness.gate]\nflaky = 1\n")
        done = gate("--only", "plain", "--judge", str(left))
        assert done.returncode == 0, done.stdout
        (count / "once").unlink()
        done = gate("--only", "plain")
        assert done.returncode == 0, done.stdout
        assert "1 flaky, 1 passed" in done.stdout
    finally:
        file.write_text(before)
