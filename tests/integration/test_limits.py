# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes too long fails by its name, with the stacks; the rest goes on."""

import sys
from pathlib import Path

import pytest

from tests.integration.workbench import WARM, Ran, Suite

LIMIT = ("-p", "harness.plugins.limits", "--harness-timeout=2")
BLOCK = "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMAX - 7])"
"""As code in C does that never comes back to Python."""


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return Suite(tmp_path, Path(sys.executable))


def run(suite: Suite, *options: str, jobs: int = 2) -> Ran:
    notes = suite.root / "notes"
    notes.mkdir()
    words = (*WARM, *LIMIT, "-n", str(jobs), *options)
    ran = suite.run(words, HARNESS_NOTES=str(notes))
    assert "INTERNALERROR" not in ran.text, ran.text
    return ran


HANGING = """\
    import queue, threading, time, unittest
    import pytest

    def test_sleep(): time.sleep(100)

    def test_swallow():
        try: time.sleep(100)
        except BaseException: pass

    def test_thread():
        other = threading.Thread(target=time.sleep, args=(100,), daemon=True)
        other.name = "the other thread"
        other.start()
        queue.Queue().get()

    class TestUnit(unittest.TestCase):
        def test_lock(self): threading.Event().wait()
        def test_after(self): pass

    class TestClass(unittest.TestCase):
        @classmethod
        def setUpClass(cls): time.sleep(100)
        def test_never(self): pass

    @pytest.fixture
    def before(): time.sleep(100)

    @pytest.fixture
    def after():
        yield
        time.sleep(100)

    def test_set_up(before): pass
    def test_tear_down(after): pass
    def test_fine(): pass
    """
BAD = {
    "test_h::test_sleep": "failure",
    "test_h::test_swallow": "failure",
    "test_h::test_thread": "failure",
    "test_h.TestUnit::test_lock": "failure",
    "test_h.TestClass::test_never": "error",
    "test_h::test_set_up": "error",
    "test_h::test_tear_down": "error",
}


@pytest.mark.parametrize("jobs", [2, 0])
def test_what_can_be_interrupted_fails_and_its_process_goes_on(
    suite: Suite, jobs: int
) -> None:
    ran = run(suite.write(test_h=HANGING), jobs=jobs)
    assert {k: v for k, v in ran.outcomes.items() if v != "passed"} == BAD
    assert len(ran.outcomes) == len(BAD) + 2
    assert ran.text.count("took longer than 2 s") >= len(BAD)
    assert "the other thread:" in ran.text
    assert "node down" not in ran.text


def test_what_cannot_be_interrupted_ends_its_worker(suite: Suite) -> None:
    suite.write(
        test_c=f"""\
        import signal, time

        class TestC:
            def test_hang(self):
                {BLOCK}
                time.sleep(100)
            def test_after(self): pass
        """
    )
    ran = run(suite)
    assert ran.outcomes.pop("test_c.TestC::test_after") == "passed"
    assert list(ran.outcomes.values()) == ["failure"]
    assert "test_c.py::TestC::test_hang took longer than 2 s" in ran.text
    assert "could not be interrupted" in ran.text
    assert "in test_hang" in ran.text.partition("stacks of all threads")[2]


@pytest.mark.parametrize("jobs", [2, 0])
def test_an_import_that_never_ends_is_named(suite: Suite, jobs: int) -> None:
    suite.write(test_i="import time\ntime.sleep(100)", test_j="def test_1(): pass")
    options = ("--harness-timeout-least=3", "--continue-on-collection-errors")
    ran = run(suite, *options, jobs=jobs)
    assert ran.code == 1
    assert ran.outcomes.pop("test_j::test_1") == "passed"
    assert list(ran.outcomes.values()) == ["error"]
    assert "the import of test_i.py took longer than 3 s" in ran.text
    assert 'test_i.py", line 2, in <module>' in ran.text
    assert ran.seconds < 30  # the workers do not try it again


def test_an_import_that_cannot_be_interrupted_ends_the_run(suite: Suite) -> None:
    suite.write(test_i=f"import signal, time\n{BLOCK}\ntime.sleep(100)")
    ran = run(suite, "--harness-timeout-least=3")
    assert ran.code == 1
    assert "the import of test_i.py took longer than 3 s" in ran.text


def test_a_conftest_that_never_ends_is_named(suite: Suite) -> None:
    suite.write(test_j="def test_1(): pass")
    (suite.root / "conftest.py").write_text("import time\ntime.sleep(100)\n")
    ran = run(suite, "--harness-timeout-least=3")
    assert ran.code == 4
    assert 'conftest.py", line 2, in <module>' in ran.text


def test_a_fixture_that_hangs_in_the_sessions_teardown(suite: Suite) -> None:
    suite.write(
        test_s="""\
        import time
        import pytest

        @pytest.fixture(scope="session")
        def late():
            yield
            time.sleep(100)

        def test_1(late): pass
        """
    )
    ran = run(suite)
    assert ran.code == 1
    assert ran.outcomes == {"test_s::test_1": "error"}
    assert "teardown of test_s.py::test_1 took longer" in ran.text


def test_a_hook_that_hangs_at_the_end_ends_its_worker(suite: Suite) -> None:
    suite.write(
        test_s="def test_1(): pass",
        conftest="""\
        import os, time

        def pytest_unconfigure(config):
            if os.environ.get("PYTEST_XDIST_WORKER"):
                time.sleep(100)
        """,
    )
    ran = run(suite, "--harness-timeout-least=3")
    assert ran.outcomes == {"test_s::test_1": "passed"}
    assert ran.seconds < 60
    assert ran.left == []


def test_a_scenario_and_a_generator_of_nose(suite: Suite) -> None:
    suite.write(
        test_g="""\
        import time

        def check(seconds):
            time.sleep(seconds)

        def test_all():
            for seconds in (100, 0):
                yield check, seconds
        """
    )
    (suite.root / "scenario_a.rst").write_text(
        ">>> import time\n>>> time.sleep(100)\n>>> 1\n1\n"
    )
    options = ("-p", "harness.plugins.nose", "--doctest-glob=scenario_*.rst")
    ran = run(suite, *options)
    assert sorted(ran.outcomes.values()) == ["failure", "failure", "passed"], ran.text
    assert "scenario_a.rst::scenario_a.rst took longer than 2 s" in ran.text
    assert "test_all[0-100] took longer than 2 s" in ran.text


MARKED = """\
    import time
    import pytest

    @pytest.mark.timeout(10)
    def test_longer(): time.sleep(3)

    @pytest.mark.timeout(0)
    def test_for_ever(): time.sleep(3)

    @pytest.mark.timeout(timeout=1)
    def test_shorter(): time.sleep(1.7)
    """


def test_the_mark_counts_more(suite: Suite) -> None:
    ran = run(suite.write(test_m=MARKED), "--strict-markers", jobs=0)
    assert ran.outcomes == {
        "test_m::test_longer": "passed",
        "test_m::test_for_ever": "passed",
        "test_m::test_shorter": "failure",
    }


def test_who_has_alarms_or_counts_threads_is_not_disturbed(suite: Suite) -> None:
    suite.write(
        test_a="""\
        import os, signal, time

        def test_alarm():
            rang = []
            signal.signal(signal.SIGALRM, lambda *_: rang.append(1))
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            time.sleep(0.5)
            assert rang

        def test_one_thread():
            assert len(os.listdir("/proc/self/task")) == 1
        """
    )
    ran = run(suite, jobs=0)
    assert set(ran.outcomes.values()) == {"passed"}, ran.text
