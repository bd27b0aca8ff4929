# SPDX-License-Identifier: GPL-3.0-or-later
"""A fork's session finds what the first one in its process has found.

All is compared with plain pytest, where each thing happens once.
"""

import sys
from pathlib import Path

import pytest

from tests.integration.workbench import Ran, Suite

CONFTEST = """\
    import multiprocessing, random, sys, pytest
    import known

    known.once("conftest")
    multiprocessing.set_start_method("spawn")  # twice is an error
    random.seed(7)
    sys.path.append("/appended")
    configured = False
    FAILURES = []

    class Oops(Exception): pass

    class Extra:
        @pytest.fixture
        def extra(self): return 1

    def pytest_configure(config):
        global configured
        if not configured:
            configured = True
            config.pluginmanager.register(Extra())

    @pytest.fixture
    def raiser():
        def fail(): raise Oops
        FAILURES.append(1)
        return fail
    """
KNOWN = """\
    NAMES = set()

    def once(name):
        assert name not in NAMES, f"{name} is imported twice"
        NAMES.add(name)
    """
TEST = """\
    import gc, logging, os, random, signal, sys, tempfile
    from sys import stdout
    import pytest
    import conftest
    from conftest import FAILURES, Oops

    def handler(number, frame): pass

    os.chdir(tempfile.mkdtemp())
    HERE = os.getcwd()
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(one, handler)
    gc.set_threshold(123, 4, 5)
    LOG = logging.getLogger("here")
    LOG.addHandler(logging.StreamHandler())

    class TestA:
        def test_a_conftest_is_one_module(self, raiser):
            with pytest.raises(Oops): raiser()
            assert FAILURES and FAILURES is conftest.FAILURES

        def test_it_is_as_it_was_imported(self, extra): assert "/appended" in sys.path

        def test_streams(self, capsys):
            stdout.write("written")
            LOG.error("logged")
            assert capsys.readouterr().err == ""  # no "Logging error"

        def test_a_failure_has_them(self):
            stdout.write("shown with it")
            assert 0

    class TestB:
        def test_state(self):
            assert os.getcwd() == HERE
            assert gc.get_threshold() == (123, 4, 5)
            for one in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                assert signal.getsignal(one) is handler
            assert random.random() == random.Random(7).random()
    """


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return Suite(tmp_path, Path(sys.executable))


def same(suite: Suite, *options: str) -> Ran:
    plain, warm = suite.plain(*options), suite.warm(*options)
    assert warm.told == plain.told, warm.text
    assert warm.left == []
    return warm


def test_what_is_imported_once(suite: Suite) -> None:
    suite.write(conftest=CONFTEST, known=KNOWN, test_a=TEST)
    warm = same(suite)
    assert sorted(warm.outcomes.values()) == ["failure", *["passed"] * 4], warm.text
    assert "start cold" not in warm.text
    assert "shown with it" in warm.text


ITERATORS = """\
    import pytest

    @pytest.mark.parametrize("value", (one for one in (1, 2)))
    def test_mark(value): assert value == 1
    """
USED = """\
    VALUES = iter([1, 2])

    def pytest_generate_tests(metafunc):
        metafunc.parametrize("value", list(VALUES))

    def test_hook(value): assert value == 1
    """
SEEN = """\
    import pytest
    from helper import SEEN

    def pytest_collection_modifyitems(items):
        for item in items:
            if item.nodeid in SEEN:
                item.add_marker(pytest.mark.skip(reason="it was there before"))
            SEEN.add(item.nodeid)
    """


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"test_a": ITERATORS}, "is parametrized by an iterator"),
        ({"test_a": USED}, "is not collected twice alike"),
        (
            {"conftest": SEEN, "helper": "SEEN = set()", "test_a": "def test_1(): 1/0"},
            "is not collected twice alike",
        ),
    ],
    ids=["mark", "hook", "skipped"],
)
def test_what_one_collection_uses_up_is_there_for_all(
    suite: Suite, files: dict[str, str], why: str
) -> None:
    """Tests were skipped, and the run was green."""
    warm = same(suite.write(**files))
    assert warm.code == 1
    [line] = [one for one in warm.text.splitlines() if "start cold" in one]
    assert why in line


@pytest.mark.parametrize("how", ["loadgroup", "loadscope", "worksteal", "each"])
def test_the_schedulers_of_xdist(suite: Suite, how: str) -> None:
    """They wait for all workers; where there are more than units, for ever."""
    group = '@pytest.mark.xdist_group("a")'  # which is added to the id
    suite.write(test_a=f"import pytest\n{group}\ndef test_1(): pass\n")
    warm = suite.warm("--dist", how)
    assert (warm.code, list(warm.outcomes.values())) == (0, ["passed"]), warm.text
    assert "start cold" not in warm.text


ENDS = """\
    import os, pytest

    class TestA:
        @pytest.mark.parametrize("how", [KeyboardInterrupt, pytest.exit.Exception])
        def test_fork(self, how):
            pid = os.fork()
            if pid == 0:
                raise how()
            assert os.waitpid(pid, 0)[1] != 0

        def test_property(self, record_property):
            record_property("object", object)

        def test_fails_early(self, request):
            request.session.shouldfail = "enough"
    """


def test_what_a_worker_sends_and_what_it_does_not(suite: Suite) -> None:
    """A fork that is interrupted waited for ever; an object ended the run."""
    assert same(suite.write(test_a=ENDS)).code == 1


def test_an_interrupt_in_a_test_is_not_waited_for(suite: Suite) -> None:
    suite.write(test_a="def test_1(): raise KeyboardInterrupt")
    warm = suite.warm()
    assert (warm.code, warm.left) == (2, []), warm.text
    assert "ended with a KeyboardInterrupt" in warm.text  # not asked how, for 20 s
