# SPDX-License-Identifier: GPL-3.0-or-later
"""What a suite does under the harness is what it does in plain pytest.

Each case is a small suite; ids, outcomes and exit codes are compared with those of
pytest in the same environment, without the harness.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest

from harness.postgres import Address
from tests.integration import conftest
from tests.weekly import weekly

CONFIGURATION = """\
    [tool.harness]
    [tool.harness.source.alpha]
    [tool.harness.source.shop]
    kind = "python"
    requirements = ["pytest-cov", "pytest-timeout"]
    [tool.harness.template.shop]
    modules = ["alpha"]
    [tool.harness.suite.shop]
    kind = "pytest"
    source = "shop"
    template = "shop"
    paths = ["shop/tests/unit", "shop/tests/other"]
    [tool.harness.suite.tryton]
    modules = ["alpha"]
    [tool.harness.suite.deep]
    kind = "pytest"
    source = "shop"
    template = "shop"
    paths = ["shop/tests/unit"]
    rootdir = "shop/tests"
    """
PYPROJECT = """\
    [build-system]
    requires = ["setuptools"]
    build-backend = "setuptools.build_meta"
    [project]
    name = "harness-test-shop"
    version = "1"
    [tool.setuptools]
    packages = ["shop"]
    [tool.pytest.ini_options]
    addopts = "--import-mode=importlib"
    [tool.coverage.run]
    omit = ["shop/left.py"]
    concurrency = ["multiprocessing", "thread"]
    patch = ["subprocess"]
    [tool.coverage.report]
    exclude_also = ["raise NotImplementedError"]
    """
CODES = {0: 0, 1: 1, 4: 2, 5: 3}
"""pytest's exit codes, and the harness's."""


class Ran(NamedTuple):
    """What a run came to."""

    code: int
    outcomes: dict[str, str]
    output: str


Write = Callable[..., None]
Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def place(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = state / "cases"
    path.mkdir(exist_ok=True)
    conftest.write_module(path, "alpha")
    shop = path / "src" / "shop"
    (shop / "shop").mkdir(parents=True, exist_ok=True)
    (shop / "shop" / "__init__.py").write_text("")
    (shop / "pyproject.toml").write_text(dedent(PYPROJECT))
    (path / "pyproject.toml").write_text(dedent(CONFIGURATION))
    return path


@pytest.fixture
def write(place: Path) -> Write:
    """Write the suite's files; those of earlier tests are gone."""
    return empty(place)


def empty(place: Path) -> Write:
    """Remove the suite's files; what writes others."""
    tests = place / "src" / "shop" / "shop" / "tests"
    for path in tests.rglob("*.py"):
        path.unlink()
    for name in ("unit", "other"):
        (tests / name).mkdir(parents=True, exist_ok=True)

    def write(**texts: str) -> None:
        for name, text in texts.items():
            (tests / f"{name.replace('__', '/')}.py").write_text(dedent(text))

    return write


@pytest.fixture(scope="module")
def run(place: Path, state: Path, address: Address) -> Run:
    """Run the suite by the harness."""

    def run(
        *words: str, suite: str = "shop", where: str = ".", **variables: str
    ) -> Ran:
        latest = place / "reports" / "latest"
        before = latest.resolve()
        done = subprocess.run(
            [sys.executable, "-m", "harness", "test", suite, *words],
            cwd=place / where,
            env=conftest.environment(state, **variables),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=300,
            check=False,
        )
        output = done.stdout + done.stderr
        fresh = latest.resolve() != before
        found = junit(latest / "junit.xml") if fresh else {}
        return Ran(done.returncode, found, output)

    return run


@pytest.fixture
def plain(place: Path, tmp_path: Path, run: Run, write: Write) -> Run:
    """Run it by pytest alone, in the environment that the harness has made."""

    def plain(*words: str) -> Ran:
        [command] = (place / "reports" / "latest").glob("*.command")
        python = command.read_text().split()[0]
        file = tmp_path / "plain.xml"
        done = subprocess.run(
            [python, "-m", "pytest", f"--junitxml={file}", "-p", "no:cacheprovider",
             "-c", "pyproject.toml", *words],
            cwd=place / "src" / "shop",
            env={key: os.environ[key] for key in ("PATH", "HOME", "LANG")
                 if key in os.environ},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=300,
            check=False,
        )  # fmt: skip
        code = CODES[done.returncode]
        return Ran(code, junit(file) if file.exists() else {}, done.stdout)

    return plain


def junit(file: Path) -> dict[str, str]:
    """The tests of a JUnit file, and what became of them."""
    found: dict[str, str] = {}
    for case in ET.parse(file).getroot().iter("testcase"):
        pieces = [one.tag for one in case if one.tag in ("failure", "error", "skipped")]
        name = f"{case.get('classname')} {case.get('name')}"
        assert name not in found or pieces
        found[name] = " ".join(filter(None, [found.get(name, ""), *sorted(pieces)]))
    return found


def same(ours: Ran, theirs: Ran) -> None:
    """What the harness did is what pytest did."""
    assert (ours.outcomes, ours.code) == (theirs.outcomes, theirs.code), ours.output


TESTS = """\
    import pytest

    @pytest.mark.parametrize("text", ["a b", "c/d::e", "x\\ny"])
    def test_alpha(text):
        pass

    def test_beta():
        pass

    class TestGamma:
        def test_gamma_alpha(self):
            pass
    """
FILE = "shop/tests/unit/test_a.py"
UNIT, ALL = "shop/tests/unit", ("shop/tests/unit", "shop/tests/other")


USUAL = {"unit__test_a": TESTS, "other__test_b": "def test_other(): pass"}


@pytest.fixture(scope="module")
def begun(place: Path, run: Run) -> None:
    """The suite has run before, once for all that it does then."""
    empty(place)(**USUAL)
    if not run("unit", "-k", "beta").outcomes:
        pytest.fail("the suite does not run")


@pytest.fixture
def usual(begun: None, write: Write) -> Write:
    """A suite of some tests, that has run before."""
    write(**USUAL)
    return write


# -- options and their values ------------------------------------------------


@pytest.mark.parametrize(
    ("words", "theirs"),
    [
        (["--timeout", "50"], ["--timeout", "50", *ALL]),
        (["--timeout", "50", "unit"], ["--timeout", "50", UNIT]),
        weekly(["unit", "--cov", "shop"], ["--cov", "shop", UNIT]),
        weekly(["--no-cov", "unit"], ["--no-cov", UNIT]),
        (["-k", "gamma or beta", "-xv", "unit"], ["-k", "gamma or beta", UNIT]),
        (["unit", "--cov", "--timeout", "50"], ["--cov", "--timeout", "50", UNIT]),
        (["-k", "alpha", "--bad", "5"], ["-k", "alpha", "--bad", "5"]),
        (["-k", "gamma alpha"], ["-k", "gamma alpha", *ALL]),
        (["--own", "unit", "other"], ["--own", "unit", "shop/tests/other"]),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else str(one),
)
def test_a_value_is_no_address(
    usual: Write, run: Run, plain: Run, words: list[str], theirs: list[str]
) -> None:
    own = "def pytest_addoption(parser): parser.addoption('--own')"
    usual(other__conftest=own)
    same(run(*words), plain(*theirs))


@pytest.mark.parametrize("name", ["workers", "results", "isolation", "shard"])
def test_a_suites_own_options(usual: Write, run: Run, name: str) -> None:
    conftest_ = f"""\
        def pytest_addoption(parser):
            parser.addoption("--{name}", default="3")
        """
    test = f"""\
        def test_own(request):
            assert request.config.getoption("--{name}") == "4"
        """
    usual(unit__conftest=conftest_, unit__test_a=test)
    done = run("unit", "--", f"--{name}", "4")
    assert done.code == 0, done.output
    assert list(done.outcomes.values()) == [""]


def test_the_users_own_junit_file_and_options(
    usual: Write, run: Run, place: Path
) -> None:
    mine = place / "shop-mine.xml"
    mine.unlink(missing_ok=True)
    done = run(
        "unit", "--junitxml", "shop-mine.xml", PYTEST_ADDOPTS="-k 'beta or gamma' -v"
    )
    assert len(done.outcomes) == 2, done.output
    assert junit(mine) == done.outcomes
    mine.unlink()


def test_set_ups_are_shown(usual: Write, run: Run, plain: Run) -> None:
    done = run("unit", "--setup-show", "-k", "beta")
    assert "not in parallel" in done.output
    assert f"{FILE}::test_beta (fixtures used:" in done.output


# -- what runs no test -------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--collect-only", "-q"], 0, f"{FILE}::TestGamma::test_gamma_alpha"),
        (["--fixtures"], 0, "tmp_path"),
        (["--markers"], 0, "@pytest.mark.isolation"),
        (["--setup-plan"], 0, "test_beta"),
        (["--", "--help"], 0, "--maxfail"),
        (["-k", "nothing"], 3, "deselected"),
        (["-k", "not or"], 2, "no expression"),
        (["--unheard-of"], 2, "unrecognized arguments: --unheard-of"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else str(one),
)
def test_the_last_report_stays(
    usual: Write, run: Run, place: Path, words: list[str], code: int, said: str
) -> None:
    reports = sorted(path.name for path in (place / "reports").iterdir())
    done = run("unit", *words)
    assert done.code == code, done.output
    assert said in done.output
    assert "broken" not in done.output
    assert sorted(path.name for path in (place / "reports").iterdir()) == reports


# -- ids ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "suite"),
    [
        weekly(".", "shop"),
        (".", "deep"),
        ("src/shop/shop/tests", "shop"),
        weekly("src/shop/shop/tests", "deep"),
        ("reports", "shop"),
        weekly("reports", "deep"),
    ],
)
def test_ids_as_printed_are_arguments(
    usual: Write, run: Run, place: Path, suite: str, where: str
) -> None:
    words = ["--collect-only", "-q"] + (["unit"] if suite == "shop" else [])
    shown = run(*words, suite=suite).output.splitlines()
    ids = [line for line in shown if "::test_" in line]
    assert len(ids) == 5
    done = run(*ids, suite=suite, where=where)
    assert (done.code, len(done.outcomes)) == (0, 5), done.output


@pytest.mark.parametrize("where", [".", "src/alpha"])
def test_ids_of_a_module(run: Run, place: Path, where: str) -> None:
    """Each way to write one is another test's: what leads nowhere is an error."""
    ways = {"{}": "first", "alpha/{}": "xml_files", "src/alpha/alpha/{}": "icon"}
    ids = [
        way.format(f"tests/test_module.py::AlphaTestCase::test_{name}")
        for way, name in ways.items()
    ]
    done = run(*ids, "--database", "sqlite", suite="tryton", where=where)
    names = sorted(name.rpartition(" ")[2] for name in done.outcomes)
    assert names == ["test_first", "test_icon", "test_xml_files"], done.output
    assert done.code == 0, done.output


def test_ids_of_rounds(usual: Write, run: Run) -> None:
    done = run("unit", "--repeat", "2", "-k", "beta")
    names = sorted(name.rpartition("[")[2] for name in done.outcomes)
    assert names == ["1/2]", "2/2]"]
    again = run(f"{FILE}::test_beta[2/2]")
    assert (again.code, len(again.outcomes)) == (0, 1), again.output


# -- modules that skip themselves --------------------------------------------

GONE = """\
    import pytest
    pytest.importorskip("surely_not_there")

    def test_never():
        pass
    """


def test_a_module_that_skips_itself(
    usual: Write, run: Run, plain: Run, place: Path
) -> None:
    usual(unit__test_gone=GONE)
    done = run("unit")
    same(done, plain(UNIT))
    assert "PASSED — 6 tests" in done.output
    assert "5 passed, 1 skipped" in done.output
    latest = place / "reports" / "latest"
    page = (latest / "index.html").read_text()
    for text in (page, (latest / "run.json").read_text()):
        assert "test_gone.py" in text
        assert "surely_not_there" in text
    only = run("unit/test_gone.py")
    same(only, plain(f"{UNIT}/test_gone.py"))
    assert only.code == 3
    assert "broken" not in only.output
    assert "1 skipped" in only.output


# -- subtests ----------------------------------------------------------------

SUBTESTS = """\
    import unittest

    class Case(unittest.TestCase):
        def test_numbers(self):
            for n in range(4):
                with self.subTest("<b>", n=n):
                    if n == 3:
                        self.skipTest("no three")
                    self.assertNotIn(n, (1, 2))

    class Other(unittest.TestCase):
        def test_good(self):
            with self.subTest(n=1):
                pass

    def test_fixture(subtests):
        for name in ("a b", "c"):
            with subtests.test(name=name):
                assert name == "c"
    """


def test_each_subtest_is_told(usual: Write, run: Run, place: Path) -> None:
    usual(unit__test_a=SUBTESTS)
    done = run("unit", "--jobs", "1")
    own = "shop.tests.unit.test_a"
    assert done.outcomes == {
        f"{own}.Case test_numbers": "",  # as pytest has it
        f"{own}.Case test_numbers [<b>] (n=1)": "failure",
        f"{own}.Case test_numbers [<b>] (n=2)": "failure",
        f"{own}.Case test_numbers [<b>] (n=3)": "skipped",
        f"{own}.Other test_good": "",
        f"{own} test_fixture": "failure",
        f"{own} test_fixture (name='a b')": "failure",
    }
    assert "FAILED: 4 failures — 7 tests" in done.output
    assert "4 failed, 2 passed, 1 skipped" in done.output  # pytest's own words
    assert "2 passed, 4 failed, 1 skipped" in done.output  # and ours
    latest = place / "reports" / "latest"
    summary = (latest / "summary.md").read_text()
    page = (latest / "index.html").read_text()
    for n in (1, 2):
        assert f"test_numbers [&lt;b&gt;] (n={n})" in page
        assert f"&#60;b&#62;&#93; (n={n})" in summary
    assert "no three" in page
    one = f"{FILE}::Case::test_numbers [<b>] (n=2)"
    assert len(run(one).outcomes) == 4


# -- whatever a test says ----------------------------------------------------

TEXTS = r"""
    import os
    import pytest

    TEXTS = ["a/b::c", "x\ny", "\u00fc\u4f60", "[[]]", " ", "", "z" * 300, "\ud800",
             "</td><script>alert(1)</script>", "a 'b' \"c\"", "]]>", "\x1b[31m", "\x9b"]

    class TestIds:
        @pytest.mark.parametrize("text", TEXTS)
        def test_id(self, text):
            assert False, text

    class TestOutput:
        def test_bytes(self):
            os.write(1, bytes(range(256)))
            assert 0

        def test_raised(self):
            raise ValueError("\ud800\u2028\ufffe\x00\x0b\x9b ]]> </script><b>&")

        def test_name(self):
            name = os.fsdecode(b"caf\xe9")
            print(name)
            assert not name, f"bad name {name}"
    """


def test_whatever_a_test_says(usual: Write, run: Run, plain: Run, place: Path) -> None:
    usual(unit__test_a=TEXTS)
    done = run("unit")
    same(done, plain(UNIT))
    latest = place / "reports" / "latest"
    for name in ("index.html", "summary.md", "junit.xml", "run.json"):
        text = (latest / name).read_bytes().decode()
        assert not {"\x00", "\x0b", "\x1b", "\x9b", "\ufffe"}.intersection(text), name
    page = (latest / "index.html").read_text()
    assert "<script>alert" not in page
    assert "</script><b>" not in page
    ours = done.output.rpartition("FAILED: ")[2]
    assert not {"\x1b", "\x9b", "\x00"}.intersection(ours)


# -- coverage ----------------------------------------------------------------

CALC = """\
    def one(n):
        if n > 1:
            return 2 * n
        return n

    def two(n):
        total = 0
        for each in range(n):
            total += each
        return total

    def three():
        raise NotImplementedError
    """
MEASURED = """\
    import multiprocessing
    import subprocess
    import sys

    from shop import calc

    class TestHere:
        def test_small(self):
            assert calc.one(1) == 1

    class TestThere:
        def test_process(self):
            context = multiprocessing.get_context("fork")
            one = context.Process(target=calc.two, args=(3,))
            one.start()
            one.join()
            assert one.exitcode == 0

        def test_command(self):
            words = [sys.executable, "-c", "from shop import calc; calc.one(2)"]
            subprocess.run(words, check=True)
    """


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_coverage_as_the_source_says(
    usual: Write, run: Run, place: Path, jobs: str
) -> None:
    package = place / "src" / "shop" / "shop"
    (package / "calc.py").write_text(dedent(CALC))
    (package / "left.py").write_text("A = 1\n")
    usual(unit__test_a=MEASURED)
    done = run("unit", "--coverage", "--jobs", jobs)
    (package / "calc.py").unlink()
    (package / "left.py").unlink()
    assert done.code == 0, done.output
    document = json.loads((place / "reports" / "latest" / "run.json").read_text())
    found = {one["path"]: one["percent"] for one in document["run"]["coverage"]}
    assert found["shop/shop/calc.py"] == 100.0, done.output
    assert "shop/shop/left.py" not in found


# -- what takes too long -----------------------------------------------------------

HANGS = """\
    import signal, time

    def test_hangs():
        time.sleep(200)

    class TestDeaf:
        def test_deaf(self):
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMAX - 7])
            time.sleep(200)

        def test_after(self):
            pass
    """


def report(place: Path) -> dict[str, str]:
    """The files of the last report that people and programs read."""
    latest = place / "reports" / "latest"
    names = ("run.json", "summary.md", "index.html", "junit.xml")
    return {name: (latest / name).read_text("utf-8") for name in names}


def test_each_report_has_the_stacks_of_what_takes_too_long(
    usual: Write, run: Run, place: Path
) -> None:
    usual(unit__test_a=HANGS)
    ran = run("unit", "--timeout", "3", "--jobs", "2", HARNESS_QUIET="2")
    assert ran.code == 1, ran.output
    assert "nothing new for" in ran.output
    assert "test_a.py::TestDeaf::test_deaf (" in ran.output
    text = {"terminal": ran.output, **report(place)}
    for name, content in text.items():
        assert "test_hangs took longer than 3 s" in content, name
        assert "test_deaf took longer than 3 s" in content, name
        if name != "summary.md":
            assert "stacks of all threads" in content, name
    outcomes = {one["id"].rpartition("::")[2]: one["outcome"] for one in told(place)}
    assert outcomes == {
        "test_hangs": "failed", "test_deaf": "failed", "test_after": "passed"
    }  # fmt: skip


def told(place: Path) -> list[dict[str, str]]:
    """The tests of the last run's record."""
    path = place / "reports" / "latest" / "run.json"
    steps = json.loads(path.read_text("utf-8"))["run"]["steps"]
    return [test for step in steps for test in step["tests"]]


def test_one_worker_ends_and_the_rest_is_named(
    usual: Write, run: Run, place: Path
) -> None:
    usual(unit__test_a=HANGS)
    ran = run("unit", "--timeout", "3", "--jobs", "1")
    assert ran.code != 0, ran.output
    assert "1 did not run" in ran.output, ran.output
    assert sorted(filter(None, ran.outcomes.values())) == ["failure", "failure"]
    [deaf] = [one for one in told(place) if one["id"].endswith("test_deaf")]
    assert deaf["outcome"] == "failed"
    assert "took longer than 3 s" in deaf["message"]
    assert "in test_deaf" in deaf["longrepr"]


def test_who_looks_at_a_test_has_any_time(usual: Write, run: Run) -> None:
    usual(unit__test_a="import time\n\ndef test_long():\n    time.sleep(4)\n")
    assert run("unit", "--timeout", "2", "-s").code == 0
    assert run("unit", "--timeout", "2", "--jobs", "1").code == 1


# -- what a test replaces -----------------------------------------------------

REPLACED = """\
    import json, os, os.path, time
    import pytest

    NAMES = [
        (os, "getpid"), (os, "open"), (os, "write"), (os, "fstat"), (os, "pwrite"),
        (os, "unlink"), (os, "getenv"), (os.path, "join"), (os.path, "exists"),
        (time, "time"), (time, "monotonic"), (json, "dumps"), (json, "loads"),
    ]

    def no(*args, **options):
        raise OSError("replaced")

    @pytest.mark.parametrize(("where", "name"), NAMES)
    def test_replaces(monkeypatch, where, name):
        monkeypatch.setattr(where, name, no)

    @pytest.mark.parametrize(("where", "name"), NAMES[:3])
    def test_fails(monkeypatch, where, name):
        monkeypatch.setattr(where, name, no)
        assert False
    """


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_a_test_replaces_is_there_for_us(
    write: Write, run: Run, plain: Run, jobs: str
) -> None:
    write(unit__test_a=REPLACED, other__test_b="def test_other(): pass")
    same(run("--jobs", jobs), plain(*ALL))


@pytest.mark.parametrize("name", ["capture", "debugging"])
def test_a_plugin_of_pytests_own_is_off(
    usual: Write, run: Run, plain: Run, name: str
) -> None:
    same(run("-p", f"no:{name}", "unit"), plain("-p", f"no:{name}", UNIT))


def test_a_file_that_interrupts_is_never_green(write: Write, run: Run) -> None:
    """The half of the module that the warm process has is not taken for the whole."""
    tests = "def test_other(): pass\ndef test_second(): pass"
    write(unit__test_a="raise KeyboardInterrupt", other__test_b=tests)
    done = run("--jobs", "2")
    assert done.code != 0, done.output
    assert "workers start cold: KeyboardInterrupt at collection" in done.output
