# SPDX-License-Identifier: GPL-3.0-or-later
"""Warm workers against plain pytest and stock pytest-xdist, on small suites.

Each is in the manner of a public report about tests that run in parallel.
"""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

import harness.plugins.workers.interpreter
from tests.integration.conftest import Interpreter
from tests.integration.workbench import WARM, Ran, Suite
from tests.weekly import weekly

EARLY = bool(os.environ.get("PIP_PRE"))  # in the session ``prereleases``
PACKAGES = (
    "pytest>=9.0" if EARLY else "pytest>=9.0,<10",
    "pytest-xdist>=3.8" if EARLY else "pytest-xdist>=3.8,<4",
    "pytest-cov", "pytest-timeout", "pytest-dependency",
)  # fmt: skip
INTERPRETER = Path(harness.plugins.workers.interpreter.__file__)
MIXED = """\
    import pytest

    class TestA:
        def test_1(self): pass
        def test_2(self): assert 0, "wrong"

    class TestB:
        @pytest.mark.skip(reason="later")
        def test_1(self): pass
        @pytest.mark.xfail(reason="known")
        def test_2(self): assert 0

    @pytest.fixture
    def broken():
        raise OSError("gone")

    def test_error(broken): pass

    @pytest.mark.parametrize("v", [1, 2, "a b", "x::y"])
    def test_many(v): pass
    """


@pytest.fixture(scope="session")
def python(interpreter: Interpreter) -> Path:
    """An interpreter with pytest-xdist and some other plugins, and no harness."""
    return interpreter(*PACKAGES)


@pytest.fixture
def suite(tmp_path: Path, python: Path) -> Suite:
    return Suite(tmp_path, python)


def good(ran: Ran) -> Ran:
    """It was warm, and nothing is left of it."""
    assert "start cold" not in ran.text, ran.text
    assert "INTERNALERROR" not in ran.text, ran.text
    assert ran.left == []
    return ran


def same(suite: Suite, *options: str) -> Ran:
    """Warm workers tell what plain pytest tells."""
    plain, warm = suite.plain(*options), good(suite.warm(*options))
    assert warm.told == plain.told, plain.text + warm.text
    return warm


# -- the same as one process ------------------------------------------------------


def test_ids_outcomes_and_exit_code(suite: Suite) -> None:
    suite.write(test_mixed=MIXED)
    warm = same(suite)
    assert warm.code == 1
    assert len(warm.outcomes) == 9
    stock = suite.stock()
    assert stock.told == warm.told


def test_an_exit_ends_the_run_with_its_reason_and_code(suite: Suite) -> None:
    suite.write(
        test_exit="""\
        import time, pytest

        class TestA:
            def test_1(self): pass
            def test_2(self): pytest.exit("no backend", returncode=7)
            def test_3(self): pass

        class TestB:
            def test_1(self): time.sleep(1)

        class TestC:
            def test_1(self): time.sleep(1)
        """
    )
    warm = good(suite.warm())
    assert warm.code == suite.plain().code == 7
    assert "no backend" in warm.text
    assert not any("test_3" in name for name in warm.outcomes)


def test_a_base_directory_of_the_users(suite: Suite, tmp_path: Path) -> None:
    suite.write(
        test_tmp="""\
        import time

        class TestA:
            def test_1(self, tmp_path):
                (tmp_path / "x").write_text("1")
                time.sleep(1)
                assert (tmp_path / "x").read_text() == "1"

        class TestB:
            def test_0(self): time.sleep(0.4)
            def test_1(self, tmp_path): assert tmp_path.is_dir()
        """
    )
    assert same(suite, f"--basetemp={tmp_path / 'base'}").code == 0


def test_only_three_directories_are_kept(suite: Suite, tmp_path: Path) -> None:
    suite.write(test_tmp="def test_1(tmp_path): pass")
    above = tmp_path / "tmp"
    above.mkdir()
    for _ in range(5):
        good(suite.warm(TMPDIR=str(above)))
    found = sorted(one.name for one in above.glob("pytest-of-*/pytest-*[0-9]"))
    assert len(found) == 3
    assert list(above.glob("warm-*")) == []


def test_coverage_is_that_of_one_process(suite: Suite) -> None:
    suite.write(
        shop="""\
        def price(n):
            if n > 1:
                return n * 2
            return n

        LIST = [price(n) for n in range(3)]
        """,
        test_a="""\
        import shop

        class TestA:
            def test_1(self): assert shop.price(1) == 1
        """,
        test_b="""\
        import shop

        class TestB:
            def test_1(self): assert shop.price(2) == 4
        """,
    )
    options = ("--cov=shop", "--cov-branch", "--cov-fail-under=100")
    assert same(suite, *options).code == 0


def test_a_file_whose_tests_need_each_other(suite: Suite) -> None:
    suite.write(
        test_needs="""\
        import time, pytest

        class TestMake:
            @pytest.mark.dependency()
            def test_make(self): time.sleep(0.3)

        class TestUse:
            @pytest.mark.dependency(depends=["TestMake::test_make"])
            def test_use(self): pass
        """
    )
    assert set(same(suite).outcomes.values()) == {"passed"}


def test_a_group_of_xdist_never_meets(suite: Suite) -> None:
    text = """\
        import os, time, pytest

        @pytest.mark.xdist_group("door")
        class TestA:
            def test_1(self):
                os.mkdir("door")
                time.sleep(0.7)
                os.rmdir("door")
        """
    suite.write(test_a=text, test_b=text)
    assert same(suite).code == 0


NAMES = """\
    import json, os, time

    class Test{name}:
        def test_1(self, worker_id, testrun_uid, tmp_path_factory):
            said = [worker_id, os.environ["PYTEST_XDIST_WORKER"],
                    os.environ["PYTEST_XDIST_WORKER_COUNT"], testrun_uid,
                    os.environ["PYTEST_XDIST_TESTRUNUID"],
                    tmp_path_factory.getbasetemp().name]
            with open("{name}.json", "w") as file:
                json.dump(said, file)
            time.sleep(1)
    """


def test_each_worker_has_a_name_of_its_own(suite: Suite, tmp_path: Path) -> None:
    import json

    for name in "ab":
        suite.write(**{f"test_{name}": NAMES.format(name=name)})
    assert good(suite.warm()).code == 0
    said = [json.loads((tmp_path / f"{name}.json").read_text()) for name in "ab"]
    assert sorted(one[0] for one in said) == ["gw0", "gw1"]
    for name, variable, count, uid, other, base in said:
        assert (variable, count, uid, base) == (name, "2", other, f"popen-{name}")
    assert said[0][3] == said[1][3] != ""


def test_sigint_arrives_in_workers_and_their_children(suite: Suite) -> None:
    suite.write(
        test_int="""\
        import signal, subprocess, sys, pytest

        CHILD = '''
        import sys, time
        try:
            print("up", flush=True)
            for _ in range(600):  # a signal just before it does not end a sleep
                time.sleep(0.05)
        except KeyboardInterrupt:
            print("stopped", flush=True)
            sys.exit(3)
        '''

        class TestHere:
            def test_1(self):
                with pytest.raises(KeyboardInterrupt):
                    signal.raise_signal(signal.SIGINT)

        class TestChild:
            def test_1(self):
                child = subprocess.Popen([sys.executable, "-c", CHILD],
                                         stdout=subprocess.PIPE, text=True)
                assert child.stdout.readline() == "up\\n"
                child.send_signal(signal.SIGINT)
                assert child.communicate(timeout=20)[0] == "stopped\\n"
                assert child.returncode == 3
        """
    )
    assert same(suite).code == 0


def test_a_child_that_comes_back_reports_nothing(suite: Suite) -> None:
    suite.write(
        test_fork="""\
        import os, sys

        class TestFork:
            def test_exit(self):
                pid = os.fork()
                if pid == 0:
                    sys.exit(0)
                assert os.waitpid(pid, 0)[1] == 0

            def test_return(self):
                pid = os.fork()
                if pid:
                    os.waitpid(pid, 0)

            def test_after(self): pass

        class TestOther:
            def test_1(self): pass
        """
    )
    warm = good(suite.warm())
    assert (warm.code, len(warm.outcomes)) == (0, 4)


def test_a_process_that_a_test_leaves_is_not_waited_for(suite: Suite) -> None:
    suite.write(
        test_left="""\
        import os, time

        def test_left():
            if os.fork() == 0:
                os.setsid()
                time.sleep(100)
                os._exit(0)
        """
    )
    warm = suite.warm()
    assert warm.code == 0
    assert warm.seconds < 60


def test_a_crash_is_seen_where_a_process_is_left(suite: Suite) -> None:
    """It has the worker's pipes, by whose end the controller knows of the crash."""
    suite.write(
        test_left="""\
        import os, time

        class TestLeft:
            def test_1(self):
                if os.fork() == 0:
                    os.setsid()
                    time.sleep(100)
                    os._exit(0)

            def test_2(self):
                os._exit(0)

            def test_3(self): pass
        """
    )
    warm = suite.warm()
    assert warm.code == 1
    assert list(warm.outcomes.values()) == ["passed", "failure", "passed"]
    assert warm.seconds < 60


@pytest.mark.parametrize("alone", [False, True])
def test_a_module_that_skips_itself_is_counted(suite: Suite, *, alone: bool) -> None:
    suite.write(
        test_gone="""\
        import pytest
        pytest.importorskip("surely_not_there")

        def test_1(): pass
        """
    )
    if not alone:
        suite.write(test_here="def test_1(): pass")
    warm = same(suite)
    assert warm.code == (5 if alone else 0)
    assert "1 skipped" in warm.text


def test_only_the_last_test_has_nothing_after_it(suite: Suite, tmp_path: Path) -> None:
    suite.write(
        conftest="""\
        import os

        def pytest_runtest_teardown(item, nextitem):
            with open(f"note-{os.getpid()}", "a") as note:
                note.write(f"{item.name}>{nextitem.name if nextitem else ''}\\n")
        """,
        test_n="""\
        class TestA:
            def test_1(self): pass
            def test_2(self): pass

        class TestB:
            def test_3(self): pass

        class TestC:
            def test_4(self): pass
            def test_5(self): pass
        """,
    )
    assert same(suite).code == 0
    for note in tmp_path.glob("note-*"):
        *others, last = note.read_text().splitlines()
        assert last.endswith(">")
        assert not any(line.endswith(">") for line in others)


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_a_test_that_hangs_is_named(suite: Suite, method: str) -> None:
    suite.write(
        test_t="""\
        import time

        class TestSlow:
            def test_hang(self): time.sleep(100)
            def test_after(self): pass

        class TestFast:
            def test_1(self): pass
        """
    )
    warm = good(suite.warm("--timeout=2", f"--timeout-method={method}"))
    assert warm.code == 1
    assert warm.outcomes == {
        "test_t.TestSlow::test_hang": "failure",
        "test_t.TestSlow::test_after": "passed",
        "test_t.TestFast::test_1": "passed",
    }
    if method == "signal":  # the other ends the process, which shows what it likes
        assert "time.sleep(100)" in warm.text


def test_the_stacks_of_pytest_timeouts_thread_are_in_the_report(suite: Suite) -> None:
    suite.write(
        test_t="""\
        import signal, time

        def test_hang():
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMAX - 7])
            time.sleep(100)

        def test_fine(): pass
        """
    )
    options = ("--timeout=2", "--timeout-method=thread", "--harness-timeout=600")
    notes = suite.root / "notes"
    notes.mkdir()
    more = {"HARNESS_NOTES": str(notes)}
    warm = good(suite.warm("-p", "harness.plugins.limits", *options, **more))
    assert warm.code == 1
    assert warm.outcomes["test_t::test_fine"] == "passed"
    assert "test_t.py::test_hang took longer than 2 s" in warm.text
    assert "in test_hang" in warm.text.partition("stacks of all threads")[2]


def test_a_test_that_ends_its_worker_is_one_failure(suite: Suite) -> None:
    suite.write(
        test_crash="""\
        import ctypes, os, signal

        class TestA:
            def test_exit(self): os._exit(0)
            def test_1(self): pass
            def test_segv(self): ctypes.string_at(0)
            def test_2(self): pass

        class TestB:
            def test_kill(self): os.kill(os.getpid(), signal.SIGKILL)
            def test_real(self): os.kill(os.getpid(), signal.SIGRTMIN + 3)
            def test_3(self): pass
        """
    )
    warm = good(suite.warm())
    assert warm.code == 1
    bad = {name for name, how in warm.outcomes.items() if how != "passed"}
    assert {name.rpartition("::")[2] for name in bad} == {
        "test_exit", "test_segv", "test_kill", "test_real"
    }  # fmt: skip
    assert len(warm.outcomes) == 7
    for how in ("exit code 0", "SIGSEGV", "SIGKILL", "signal 37"):
        assert f"ended with {how}" in warm.text or how in warm.text, how


def test_much_output(suite: Suite) -> None:
    suite.write(
        test_huge="""\
        import sys

        class TestBig:
            def test_1(self):
                for _ in range(400_000):
                    sys.stdout.write("x" * 99 + "\\n")
                assert 0

        class TestSmall:
            def test_1(self): pass
        """
    )
    plain, warm = suite.plain(), good(suite.warm())
    assert warm.told == plain.told
    assert warm.seconds < 2 * plain.seconds + 10


def test_a_fixture_of_the_session_that_fails_at_the_end(suite: Suite) -> None:
    suite.write(
        conftest="""\
        import pytest

        @pytest.fixture(scope="session", autouse=True)
        def late():
            yield
            raise RuntimeError("broken at the end")
        """,
        test_l="""\
        import time

        class TestA:
            def test_1(self): time.sleep(0.7)

        class TestB:
            def test_1(self): time.sleep(0.7)
        """,
    )
    warm = good(suite.warm())
    assert warm.code == 1
    assert list(warm.outcomes.values()) == ["error", "error"]
    assert suite.stock().told == warm.told


def test_subtests_are_told_each(suite: Suite) -> None:
    suite.write(
        test_sub="""\
        import unittest

        class TestA(unittest.TestCase):
            def test_1(self):
                for n in range(4):
                    with self.subTest(n=n):
                        self.assertNotIn(n, (1, 2))
                    with self.subTest(skipped=n):
                        if n == 3:
                            self.skipTest("not now")

        class TestB(unittest.TestCase):
            def test_1(self): pass
        """
    )
    plain, warm = suite.plain(), good(suite.warm())
    assert warm.told == plain.told
    shown, expected = (
        sorted(one for one in ran.text.splitlines() if one.startswith("SUBFAILED"))
        for ran in (warm, suite.stock())  # parameters travel as texts
    )
    assert shown == expected
    assert len(shown) == 2


# -- warnings ---------------------------------------------------------------------


WARNED = """\
    import warnings

    class OfThisModule(UserWarning): pass

    class TestA:
        def test_1(self): warnings.warn("old", DeprecationWarning)
        def test_2(self): warnings.warn(OfThisModule("mine"))

    class TestB:
        def test_1(self):
            class OfAFunction(RuntimeWarning): pass
            warnings.warn(OfAFunction("local"))
    """


def test_warnings_arrive_with_their_class(suite: Suite) -> None:
    suite.write(
        test_warned=WARNED,
        conftest="""\
        def pytest_warning_recorded(warning_message, nodeid):
            with open("seen", "a") as file:
                print(warning_message.category.__name__, nodeid, file=file)
        """,
    )
    warm = same(suite)
    names = ("DeprecationWarning: old", "OfThisModule: mine", "OfAFunction: local")
    assert all(one in warm.text for one in names), warm.text
    # plain pytest's one session, the worker's and the controller's
    assert all(
        suite.root.joinpath("seen").read_text().count(one.partition(":")[0]) == 3
        for one in names
    )


@pytest.mark.parametrize(
    "wanted", ["error::DeprecationWarning", "error::test_warned.OfThisModule"]
)
def test_warnings_are_filtered_by_their_class(suite: Suite, wanted: str) -> None:
    suite.write(test_warned=WARNED)
    warm = same(suite, "-W", wanted)
    assert list(warm.outcomes.values()).count("failure") == 1, warm.text


# -- what may not be forked ---------------------------------------------------------


THREADED = """\
    from concurrent.futures import ThreadPoolExecutor

    POOL = ThreadPoolExecutor(max_workers=1)
    POOL.submit(int).result()

    class TestA:
        def test_1(self): assert POOL.submit(int, 2).result(timeout=20) == 2

    class TestB:
        def test_1(self): assert POOL.submit(int, 3).result(timeout=20) == 3
    """
LOOPING = """\
    import asyncio, threading

    LOOP = asyncio.new_event_loop()
    threading.Thread(target=LOOP.run_forever, daemon=True).start()

    async def double(n):
        return 2 * n

    def test_1():
        assert asyncio.run_coroutine_threadsafe(double(2), LOOP).result(20) == 4
    """
CONNECTED = """\
    import socket

    ONE, OTHER = socket.socketpair()

    def test_1(): pass
    """
NAMED = """\
    import os

    PORT = os.environ.get("PYTEST_XDIST_WORKER", "none")

    def test_1(): assert PORT.startswith("gw")
    """


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("test_cold", THREADED, "test_cold starts a thread"),
        ("test_cold", LOOPING, "test_cold starts a thread"),
        ("test_cold", CONNECTED, "test_cold.py holds a connection open"),
        ("conftest", CONNECTED, "conftest.py holds a connection open"),
        ("test_cold", NAMED, "test_cold asks for PYTEST_XDIST_WORKER"),
    ],
)
def test_workers_start_cold_and_one_line_says_why(
    suite: Suite, file: str, text: str, reason: str
) -> None:
    suite.write(**{file: text, "test_other": "def test_1(): pass"})
    warm = suite.warm()
    [line] = [one for one in warm.text.splitlines() if "start cold" in one]
    assert reason in line
    assert (warm.code, warm.left) == (0, [])


# -- a warm process that does not do what it should ------------------------------------


WAITING = """\
    import pathlib, time

    class Test{name}:
        def test_1(self):
            pathlib.Path("began-{name}").touch()
            while not pathlib.Path("go").exists():
                time.sleep(0.02)
        def test_2(self): pass
    """


def waiting(suite: Suite) -> Suite:
    return suite.write(test_a=WAITING.format(name="a"), test_b=WAITING.format(name="b"))


def test_it_is_killed_before_the_workers_begin(suite: Suite, tmp_path: Path) -> None:
    waiting(suite)
    (tmp_path / "go").touch()
    with suite.started((*WARM, "-n", "2")) as run:
        os.kill(run.warm(), signal.SIGKILL)
    ran = run.ran()
    assert (ran.code, len(ran.outcomes), ran.left) == (0, 4, []), ran.text
    assert "the warm process has gone" in ran.text


def test_it_is_killed_while_they_work(suite: Suite, tmp_path: Path) -> None:
    """Its forks end with it; others start cold and go on."""
    waiting(suite)
    with suite.started((*WARM, "-n", "2")) as run:
        warm = run.warm()
        for name in "ab":
            run.until(tmp_path / f"began-{name}")
        os.kill(warm, signal.SIGKILL)
        (tmp_path / "go").touch()
    ran = run.ran()
    assert ran.left == []
    assert ran.code in (0, 1), ran.text
    assert len(ran.outcomes) == 4, ran.text
    assert "INTERNALERROR" not in ran.text


STOPS = {
    "it collects": "os.kill(os.getpid(), signal.SIGSTOP)",
    "it forks": """os.register_at_fork(
            before=lambda: os.kill(os.getpid(), signal.SIGSTOP))""",
}
"""When the warm process is stopped: while a test file is imported, or later."""


@pytest.mark.parametrize("moment", STOPS)
@pytest.mark.parametrize("arguments", [WARM, weekly(("-m", "pytest", *WARM[2:]))])
def test_it_is_stopped(suite: Suite, moment: str, arguments: tuple[str, ...]) -> None:
    """One line says so, and the workers start cold after a short time."""
    suite.write(
        test_a=f"""\
        import os, signal, pytest

        if 'HARNESS_WARMING' in os.environ:
            {STOPS[moment]}

        @pytest.mark.parametrize('number', range(4))
        class TestA:
            def test_1(self, number): pass
        """,
    )
    ran = suite.run((*arguments, "-n", "2"))
    assert (ran.told, ran.left) == (suite.plain().told, []), ran.text
    [line] = [one for one in ran.text.splitlines() if "start cold" in one]
    assert line.endswith("it is stopped")
    assert ran.seconds < 30


def test_it_is_stopped_while_they_work(suite: Suite, tmp_path: Path) -> None:
    """A worker that ends then is replaced by a cold one."""
    suite.write(
        test_a="""\
        import os, pathlib, time

        def test_1():
            pathlib.Path('began').touch()
            while not os.path.exists('go'):
                time.sleep(0.05)
            os._exit(0)

        class TestB:
            def test_2(self): pass
        """,
    )
    with suite.started((*WARM, "-n", "1")) as run:
        warm = run.warm()
        run.until(tmp_path / "began")
        os.kill(warm, signal.SIGSTOP)
        (tmp_path / "go").touch()
    ran = run.ran()
    assert (ran.code, ran.left) == (1, []), ran.text
    assert sorted(ran.outcomes.values()) == ["failure", "passed"]
    assert ran.text.count("it is stopped") == 1


@pytest.mark.parametrize("arguments", [WARM, ("-m", "pytest", *WARM[2:])])
def test_one_that_hangs_in_an_import_does_not_outlive_the_run(
    suite: Suite, arguments: tuple[str, ...]
) -> None:
    suite.write(test_hang="import time\ntime.sleep(600)\ndef test_1(): pass")
    with suite.started((*arguments, "-n", "2")) as run:
        run.says("test session starts")
        time.sleep(1)  # it may not have begun to wait
        run.process.send_signal(signal.SIGINT)
    ran = run.ran()
    assert (ran.code, ran.left) == (2, []), ran.text


def test_a_run_in_a_test_has_nothing_of_the_run_around_it(suite: Suite) -> None:
    inner = "-m pytest -q -p harness.plugins.workers -n 2 -p no:cacheprovider inner.py"
    suite.write(
        inner="def test_1(): pass",
        test_outer=f"""\
        import os, subprocess, sys, time

        class TestA:
            def test_1(self):
                subprocess.run([sys.executable, *{inner.split()!r}], check=True)
            def test_2(self):
                os._exit(0)  # the worker that replaces this is forked as well

        class TestB:
            def test_1(self): time.sleep(0.1)
        """,
    )
    ran = good(suite.warm())
    assert sorted(ran.outcomes.values()) == ["failure", "passed", "passed"]


def started(python: Path, path: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [python, "-I", "-S", INTERPRETER, path, "-c", "import sys; sys.exit(7)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("there", [False, True])
def test_a_socket_where_nobody_listens(
    python: Path, tmp_path: Path, *, there: bool
) -> None:
    path = tmp_path / "lost"
    if there:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path))
    ran = started(python, path)
    assert ran.returncode == 7
    assert ran.stderr.startswith(f"workers start cold: no answer at {path}: ")


def test_a_socket_of_somebody_else(python: Path, tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root, to be somebody else")
    path = tmp_path / "theirs"
    serve = "import os, socket, sys, time\none = socket.socket(socket.AF_UNIX)\n"
    serve += "one.bind(sys.argv[1])\nos.setuid(65534)\none.listen()\n"
    serve += "print('up', flush=True)\ntime.sleep(60)\n"
    with subprocess.Popen(
        [python, "-c", serve, path], stdout=subprocess.PIPE, text=True
    ) as theirs:
        assert theirs.stdout
        assert theirs.stdout.readline() == "up\n"
        ran = started(python, path)
        theirs.kill()
    assert ran.returncode == 7
    assert "the socket is somebody else's" in ran.stderr


# -- odd orders ---------------------------------------------------------------------


def test_without_the_harness_plain_pytest_starts_it(suite: Suite) -> None:
    suite.write(test_mixed=MIXED)
    ran = good(suite.run(("-m", "pytest", "-p", "harness.plugins.workers", "-n", "2")))
    assert ran.told == suite.plain().told


def test_sixty_four_workers_are_as_many_as_there_are_units(suite: Suite) -> None:
    suite.write(test_a="def test_1(): pass", test_b="def test_1(): pass")
    ran = good(suite.run((*WARM, "-n", "64")))
    assert ran.code == 0
    assert "created: 2/2 workers" in ran.text
    assert ran.seconds < 60


def test_a_suites_own_number_of_workers(suite: Suite) -> None:
    suite.write(
        test_a="def test_1(worker_id): assert worker_id != 'master'",
        test_b="def test_1(worker_id): assert worker_id != 'master'",
        **{"pytest.ini": "[pytest]\naddopts = -n 2\n"},
    )
    ran = good(suite.run(("-m", "harness.plugins.workers", "-p", WARM[1])))
    assert (ran.code, len(ran.outcomes)) == (0, 2), ran.text


def test_a_debugger_has_one_process(suite: Suite) -> None:
    suite.write(test_a="def test_1(): pass")
    for ran in (suite.warm("--pdb"), suite.stock("--pdb")):
        assert (ran.code, ran.left) in ((0, []), (4, [])), ran.text
        assert "pdb" in ran.text or ran.code == 0


@pytest.mark.parametrize("option", ["--help", "--version", "--no-such-option"])
def test_nothing_is_left_of_what_runs_no_test(suite: Suite, option: str) -> None:
    suite.write(test_a="def test_1(): pass")
    for ran in (
        suite.warm(option),
        suite.run(("-m", "pytest", "-p", "harness.plugins.workers", "-n", "2", option)),
    ):
        assert ran.left == [], ran.left
        assert ran.code == suite.plain(option).code


@pytest.mark.parametrize(
    ("version", "trouble"),
    [
        ("raise metadata.PackageNotFoundError(name)", "is missing here"),
        ("return '2.5.0'", "2.5.0 is too old here"),
    ],
)
@pytest.mark.parametrize("program", [WARM, ("-m", "pytest", *WARM[2:])])
def test_without_the_right_xdist_the_remedy_is_said(
    suite: Suite, version: str, trouble: str, program: tuple[str, ...]
) -> None:
    suite.write(
        test_a="def test_1(): pass",
        sitecustomize=f"""\
        from importlib import metadata

        def version(name, known=metadata.version):
            if name != 'pytest-xdist':
                return known(name)
            {version}

        metadata.version = version
        """,
    )
    suite.environ["PYTHONPATH"] += f"{os.pathsep}{suite.root}"
    ran = suite.run((*program, "-n", "2"))
    assert (ran.code, ran.left) == (4, []), ran.text
    [line] = ran.text.strip().splitlines()
    assert line.removeprefix("ERROR: ") == (
        f"pytest-xdist {trouble}, which runs the tests in parallel:"
        f" {suite.python} -m pip install 'pytest-xdist>=3.0', or leave -n out"
    )
