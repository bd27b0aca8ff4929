# SPDX-License-Identifier: GPL-3.0-or-later
"""What no test should do ends as a named failure, or as nothing; never as a hang."""

import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.integration.workbench import WARM, Ran, Suite


class Fault(NamedTuple):
    """What a test does, and what becomes of it."""

    body: str
    outcome: str
    says: str = ""


FAULTS = {
    "forks and crashes": Fault(
        """\
        import os, signal
        pid = os.fork()
        os.kill(os.getpid(), signal.SIGSEGV)
        """,
        "failure",
        "SIGSEGV",
    ),
    "a child crashes": Fault(
        """\
        import os, signal
        if os.fork() == 0:
            os.kill(os.getpid(), signal.SIGSEGV)
        assert os.WTERMSIG(os.wait()[1]) == signal.SIGSEGV
        """,
        "passed",
    ),
    "leaves a daemon": Fault(
        """\
        import os, time
        if os.fork() == 0:
            os.setsid()
            time.sleep(100)
            os._exit(0)
        """,
        "passed",
    ),
    "leaves a process of multiprocessing": Fault(
        """\
        import multiprocessing, time
        fork = multiprocessing.get_context("fork")
        fork.Process(target=time.sleep, args=(100,)).start()
        """,
        "passed",
        "",
    ),
    "leaves a thread": Fault(
        """\
        import threading, time
        threading.Thread(target=time.sleep, args=(100,)).start()
        """,
        "passed",
    ),
    "never comes back from a call": Fault(
        """\
        def down(n):
            return down(n + 1) + 1
        down(0)
        """,
        "failure",
        "RecursionError",
    ),
    "raises a huge text": Fault(
        'raise ValueError("y" * (20 << 20))', "failure", "ValueError"
    ),
    "prints 200 MB": Fault(
        """\
        for _ in range(200):
            print("x" * (1 << 20))
        """,
        "passed",
    ),
    "removes its temporary directory": Fault(
        """\
        import shutil, tempfile
        shutil.rmtree(tempfile.gettempdir())
        """,
        "passed",
    ),
}
TEST = """\
class TestBad:
    def test_before(self): pass
    def test_bad(self):
{body}
    def test_after(self): pass

class TestOther:
    def test_1(self): pass
"""


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return Suite(tmp_path, Path(sys.executable))


def run(suite: Suite, *options: str, **more: str) -> Ran:
    limits = ("-p", "harness.plugins.limits", "--harness-timeout=60")
    return suite.run((*WARM, *limits, "-n", "2", *options), **more)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_tests(suite: Suite, tmp_path: Path, name: str) -> None:
    fault = FAULTS[name]
    lines = [f"        {one.removeprefix(' ' * 8)}" for one in fault.body.splitlines()]
    suite.write(**{"test_f.py": TEST.format(body="\n".join(lines))})
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    ran = run(suite, TMPDIR=str(temporary))
    assert ran.outcomes.pop("test_f.TestBad::test_bad") == fault.outcome, ran.text
    assert set(ran.outcomes.values()) == {"passed"}, ran.text
    assert len(ran.outcomes) == 3
    assert ran.code == (0 if fault.outcome == "passed" else 1)
    assert fault.says in ran.text
    assert "INTERNALERROR" not in ran.text


def test_a_thread_that_a_worker_starts_when_it_begins(suite: Suite) -> None:
    suite.write(
        conftest="""\
        import threading, time

        def pytest_configure(config):
            if hasattr(config, "workerinput"):
                threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
        """,
        test_t="def test_1(): pass\ndef test_2(): pass",
    )
    ran = run(suite)
    assert (ran.code, set(ran.outcomes.values())) == (0, {"passed"}), ran.text


def test_workers_that_end_before_their_first_test_end_the_run(suite: Suite) -> None:
    suite.write(
        conftest="""\
        import os

        def pytest_sessionstart(session):
            if getattr(session.config, "workerinput", {}).get("workerid") != "warm":
                if hasattr(session.config, "workerinput"):
                    os._exit(3)
        """,
        test_t="def test_1(): pass",
    )
    ran = run(suite)
    assert ran.code == 3, ran.text
    assert "workers end before they run a test" in ran.text
    assert ran.seconds < 60
