# SPDX-License-Identifier: GPL-3.0-or-later
"""The nose plugin against pynose: one corpus, the same tests, order and outcomes.

Each file of the corpus notes what is called, in order; the notes have to be equal
line by line, those of the oldest and of the newest pytest to those of pynose.
"""

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from tests.integration.conftest import Interpreter
from tests.weekly import weekly

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "nose_corpus"
PYTESTS = {
    "oldest": ("pytest==7.2.*", "pytest-xdist"),
    "newest": ("pytest", "pytest-xdist", "coverage"),
}
NOSE = ("pynose",)

DEVIATIONS = {
    "test_class_methods.py": (
        "nose makes no test of a class method: it instantiates `type`, which fails; "
        "we run it",
        [],
        ["run test_of_class"],
    ),
    "test_plain_setup_class.py": (
        "a setup_class that is no class method fails in nose for lack of its "
        "argument; pytest hands it the class, and so do we",
        [],
        ["plain setup_class TestPlain", "run TestPlain.test_it"],
    ),
    "test_no_setup_for_nothing.py": (
        "nose sets up a module for classes in which nothing is left to run; we do "
        "not (a template or a browser is not started for nothing)",
        ["up for nothing"],
        [],
    ),
}
"""What differs: file, the reason, what nose notes, what we note."""

LEVELS = {
    "package": ("_package", "Package", "UpPackage", "_module", "Module", "UpModule",
                "", "Up"),
    "module": ("_module", "Module", "UpModule", "", "Up"),
    "class": ("_class", "_all", "Class", "All", "UpClass", "UpAll"),
    "case": ("_class", "_all", "Class", "All", "UpClass", "UpAll"),
    "method": ("", "Up"),
    "function": ("", "Up", "UpFunc"),
}  # fmt: skip


Outcome = tuple[str, str, str]
"""Class or module, test, and passed, bad or skipped."""

INSTEAD: dict[str, tuple[list[Outcome], list[Outcome]]] = {
    "failing:setup": (
        [],
        [("test_one", "test_one", "bad"), ("test_two", "test_two", "bad")],
    ),
    "failing_down.test_it:teardown": (
        [("test_it", "test_it", "passed")],
        [("test_it", "test_it", "bad")],
    ),
    "failing_down:teardown": ([], []),  # with the one above, an error of one test
    "TestSetupClass:setup": ([], [("TestSetupClass", "test_it", "bad")]),
    "TestTeardownClass:teardown": (
        [("TestTeardownClass", "test_it", "passed")],
        [("TestTeardownClass", "test_it", "bad")],
    ),
    "test_generator:setup": (
        [],
        [("test_generator_fixtures_fail", "test_generator", "bad")] * 2,
    ),
    "test_fails_at_the_end:teardown": (
        [("test_generator_fixtures_fail", "test_fails_at_the_end", "passed")],
        [("test_generator_fixtures_fail", "test_fails_at_the_end", "bad")],
    ),
    "test_setup_module_fails:setup": (
        [],
        [
            ("test_setup_module_fails", "test_one", "bad"),
            ("TestTwo", "test_two", "bad"),
        ],
    ),
    "test_skip_in_module:setup": ([], [("test_skip_in_module", "test_it", "skipped")]),
    "TestSkipInClass:setup": ([], [("TestSkipInClass", "test_it", "skipped")]),
    "Failure: ModuleNotFoundError": ([], [("", "test_broken", "bad")]),
    "Failure: SkipTest": ([], [("", "test_skip_at_import", "skipped")]),
    "Failure: RuntimeError": (
        [],
        [("test_generators", "test_raises_after_the_first", "bad")],
    ),
}
"""What nose reports apart from tests, of contexts and of files: the outcomes that it
has instead of ours, and ours, of the tests that it is about."""

MERGED: Outcome = ("test_generators", "test_known_after_setup", "passed")
"""Its generator yields nothing before the module is set up, and two tests then: both
are run, as one item of pytest, which has to know its items at collection."""

NAMES = {"alias": "test_original", "test_renamed": "test_number"}
"""nose goes by the names of functions, pytest by those they are found under."""


class Result(NamedTuple):
    """What a run left: notes, outcomes by test, what was printed."""

    notes: list[str]
    outcomes: Counter[Outcome]
    apart: Counter[str]
    printed: str
    code: int


Run = Callable[..., Result]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("nose") / "corpus"
    shutil.copytree(CORPUS, place, ignore=shutil.ignore_patterns("__pycache__"))
    (place / "conftest.py").unlink()
    (place / "exe_test.py").chmod(0o755)
    return place


@pytest.fixture(scope="session")
def nose(
    interpreter: Interpreter, corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    tmp = tmp_path_factory.mktemp("pynose")

    @cache
    def run(*arguments: str, where: Path = corpus) -> Result:
        command = [str(interpreter(*NOSE)), "-m", "nose", "-v", "--with-xunit"]
        return _run([*command, "--xunit-file={xml}", *arguments], where, tmp)

    return run


@pytest.fixture(params=list(PYTESTS))
def ours(
    request: pytest.FixtureRequest,
    interpreter: Interpreter,
    corpus: Path,
    tmp_path: Path,
) -> Run:
    def run(*arguments: str, where: Path = corpus) -> Result:
        command = [str(interpreter(*PYTESTS[request.param])), "-m", "pytest", "-v"]
        command += ["-p", "harness.plugins.nose"]
        if not {"--harness-workers", "--with-xunit"}.intersection(arguments):
            command.append("--junitxml={xml}")
        command += [] if "--failed" in arguments else ["-p", "no:cacheprovider"]
        return _run([*command, *arguments], where, tmp_path, ROOT)

    return run


def _run(command: Sequence[str], where: Path, tmp: Path, *paths: Path) -> Result:
    log, xml = tmp / "log", tmp / "results.xml"
    for file in (log, xml):
        file.unlink(missing_ok=True)
    done = subprocess.run(
        [part.replace("{xml}", str(xml)) for part in command],
        cwd=where,
        env=_environ(log, [where, *paths]),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    printed = done.stdout + done.stderr
    notes = log.read_text().splitlines() if log.exists() else []
    outcomes, apart = _outcomes(xml) if xml.exists() else (Counter(), Counter())
    return Result(notes, outcomes, apart, printed, done.returncode)


def _environ(log: Path, paths: Sequence[Path]) -> Mapping[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTEST", "HARNESS", "COV"))
    }
    return {
        **kept,
        "CORPUS_LOG": str(log),
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "200",
    }


def _outcomes(xml: Path) -> tuple[Counter[Outcome], Counter[str]]:
    """Outcomes of tests, and what nose reports apart from them."""
    found: Counter[Outcome] = Counter()
    apart: Counter[str] = Counter()
    for case in ElementTree.parse(xml).iter("testcase"):
        owner, name = case.get("classname", ""), case.get("name", "")
        outcome = kind = "passed"
        for child in case:
            if child.tag in ("failure", "error", "skipped"):
                kind = child.get("type", "").rpartition(".")[2]
                bad = child.tag != "skipped" and kind != "DeprecatedTest"
                outcome = "bad" if bad else "skipped"
                if kind == "xfail":
                    outcome = "passed"  # what was expected has come, says nose
        context = re.match(r".*ContextSuite context=(.*)>(:\w+)$", f"{owner}.{name}")
        if context:
            apart["".join(context.groups())] += 1
        elif owner == "nose.failure.Failure":
            apart[f"Failure: {kind}"] += 1
        else:
            last = owner.removesuffix(".__init__").rpartition(".")[2]
            base = re.split(r"[\[(@]", name)[0].rpartition(".")[2]
            found[last, NAMES.get(base, base), outcome] += 1
    return found, apart


def same(theirs: Result, mine: Result) -> None:
    """The notes are equal, and so are the outcomes of all that was run."""
    assert theirs.notes
    assert mine.notes == theirs.notes, mine.printed
    expected = Counter(theirs.outcomes)
    for name, times in theirs.apart.items():
        for _ in range(times):
            gone, come = INSTEAD[name]
            expected -= Counter(gone)
            expected += Counter(come)
    if expected[MERGED]:
        expected[MERGED] = 1
    assert mine.outcomes == expected, mine.printed
    assert (theirs.code != 0) == (mine.code != 0)


def listed(result: Result) -> list[str]:
    """The tests that were run, in order; without what is called around them."""
    return [line for line in result.notes if line.startswith("run ")]


# -- the corpus --------------------------------------------------------------


def test_the_whole_corpus(nose: Run, ours: Run) -> None:
    theirs, mine = nose(), ours()
    same(theirs, mine)
    assert len(theirs.notes) > 250
    assert not [line for line in mine.notes if "WRONG" in line]


@pytest.mark.parametrize("ours", ["newest", weekly("oldest")], indirect=True)
@pytest.mark.parametrize(
    "arguments",
    [
        "--exe",
        "-e inner -e classes",
        "--exclude=inner,classes",
        "-i ^latest test_classes.py",
        "-I ^test_c test_classes.py nested",
        "--match=^check test_classes.py",
        "nested/inner",
        "nested.inner.tests",
        "nested/inner/tests/__init__.py",
        "nested.inner.tests:test_in_init",
        "dir_tests other",
        "exe_test.py nontest.py",
        "test_with_setup.py test_classes.py:TestWithInit test_attributes.py",
        "test_classes.py:TestInherited.test_ape nested.inner.test_deep:TestDeep "
        "nested/test_top.py:test_top test_classes.py:TestInherited.test_more",
        "test_tools.py:test_checks test_classes:test_again test_tools.py:test_raises",
        "test_marks.py:test_is_none test_classes.py:Helper "
        "test_classes.py:check_function_test test_marks.py:Marked._method",
        "test_generators.py:test_closures test_generators.py:TestMethods.test_names",
        "test_imports.py:TestAbove test_imports.py:test_renamed",
        "test_marked_false.py:test_it",
        "--tests=test_returns.py,nested.test_top",
        "test_attributes.py -a slow",
        "test_attributes.py -a !slow",
        "test_attributes.py -a speed=fast",
        "test_attributes.py -a tags=b,speed=FAST",
        "test_attributes.py -a slow,network -a tags=a",
        "test_attributes.py -A slow\tand\tnot\tnetwork",
        "test_attributes.py -A speed=='Fast' -a network",
        "-a !slow",
    ],
)
def test_options_and_addresses(nose: Run, ours: Run, arguments: str) -> None:
    given = [one.replace("\t", " ") for one in arguments.split(" ")]
    theirs, mine = nose(*given), ours(*given)
    same(theirs, mine)


def test_attributes_leave_out_the_fixtures_of_what_is_not_run(
    nose: Run, ours: Run
) -> None:
    # nose sets up modules of which no test has the attribute, and takes runTest
    # for a test whatever it has; by its documentation neither has to be run.
    theirs, mine = nose("-a", "slow"), ours("-a", "slow")
    expected = [line for line in listed(theirs) if "runTest" not in line]
    assert listed(mine) == expected
    assert set(mine.notes) < set(theirs.notes)


@pytest.mark.parametrize("file", list(DEVIATIONS))
def test_where_we_differ(nose: Run, ours: Run, file: str) -> None:
    reason, theirs, mine = DEVIATIONS[file]
    assert reason
    assert nose(f"apart/{file}").notes == theirs
    assert ours(f"apart/{file}").notes == mine


# -- all the names of fixtures -----------------------------------------------


def _names(form: str) -> tuple[str, str]:
    if form.startswith("Up"):
        return f"set{form}", f"tearDown{form[2:]}"
    return f"setup{form}", f"teardown{form}"


def _fixtures(level: str, *forms: str) -> str:
    """Definitions, each noting its name."""
    indent, decorator, self = "", "", ""
    if level in ("class", "case"):
        indent, decorator, self = "    ", "    @classmethod\n", "cls"
    if level == "method":
        indent, self = "    ", "self"
    lines = []
    for form in forms:
        for name in _names(form):
            if level == "function":
                lines.append(f"test_it.{name} = lambda: note('{name}')\n")
            else:
                lines.append(f"{decorator}{indent}def {name}({self}):\n")
                lines.append(f"{indent}    note('{name}')\n")
    return "".join(lines)


def _spell(place: Path, level: str, *forms: str) -> None:
    """A suite with fixtures of some names on one level."""
    text = "from diary import note\nfrom unittest import TestCase\n"
    fixtures = _fixtures(level, *forms)
    note = f"note('run', {place.name!r})"
    if level == "package":
        place.mkdir()
        (place / "__init__.py").write_text(text + fixtures)
        text += f"def test_it(): {note}\n"
        place /= "test_it"
    elif level in ("class", "method", "case"):
        base = "(TestCase)" if level == "case" else ""
        text += f"class TestIt{base}:\n{fixtures}    def test_it(self): {note}\n"
    elif level == "function":
        text += f"def test_it(): {note}\n{fixtures}"
    else:
        text += f"{fixtures}def test_it(): {note}\n"
    place.with_suffix(".py").write_text(text)


def test_all_names_of_fixtures(nose: Run, ours: Run, tmp_path: Path) -> None:
    """Each name alone, and each with the next one: the first is called."""
    where = tmp_path / "spelled"
    where.mkdir()
    shutil.copy(CORPUS / "diary.py", where)
    made = 0
    for level, forms in LEVELS.items():
        for number, form in enumerate(forms):
            _spell(where / f"test_{level}_{number}", level, form)
            both = forms[number : number + 2]
            _spell(where / f"test_{level}_{number}_both", level, *both)
            made += 2
    theirs, mine = nose(where=where), ours(where=where)
    same(theirs, mine)
    assert len(listed(mine)) == made
    # setUpAll of a TestCase is not called: it has a setUpClass, which comes first.
    assert len(mine.notes) == 3 * made - 4


# -- side by side ------------------------------------------------------------


def test_xdist_keeps_groups_together(ours: Run) -> None:
    """No fixture is called twice, whatever worker its tests are run by."""
    alone, together = ours("--ignore=apart"), ours("--ignore=apart", "-n", "2")
    assert sorted(together.notes) == sorted(alone.notes)
    assert together.outcomes == alone.outcomes


def test_forked_workers_run_the_same_tests(ours: Run) -> None:
    alone = ours("--ignore=apart")
    workers = ("-p", "harness.plugins.workers", "-n", "2")
    together = ours("--ignore=apart", *workers)
    assert sorted(listed(together)) == sorted(listed(alone))
    assert alone.printed.splitlines()[-1].strip("= ").rpartition(" in ")[0] in (
        together.printed
    )


# -- what leads nowhere ------------------------------------------------------


@pytest.mark.parametrize("ours", ["newest", weekly("oldest")], indirect=True)
@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("test_clases.py:TestOrder", "did you mean test_classes.py:TestOrder?"),
        ("test_classes.py:TestOder", "did you mean test_classes.py:TestOrder"),
        (
            "test_classes.py:TestOrder.test_zebr",
            "class TestOrder of test_classes.py has no method test_zebr",
        ),
        ("test_classes.TestOrder", "did you mean test_classes:TestOrder?"),
        ("nested.inner.test_dep:x", "did you mean nested/inner/test_deep.py:x?"),
        ("test_classes.py:A:b", "write file.py:Class.method"),
        ("nested/inner:foo", "nested/inner/__init__.py has no class or function foo"),
        ("nowhere/at_all.py", "there is no file nowhere/at_all.py"),
        ("--match=(", "cannot read (: missing )"),
        ("-Aa b", "cannot read a b"),
    ],
)
def test_a_wrong_address(ours: Run, address: str, expected: str) -> None:
    result = ours(address)
    assert result.code == 4
    assert expected in result.printed
    assert not listed(result)


def test_a_file_that_cannot_be_imported_is_an_error_of_its_own(ours: Run) -> None:
    result = ours("test_broken.py:test_it", "test_returns.py")
    assert "a_module_that_nobody_has" in result.printed
    assert listed(result) == ["run TestReturns.test_it", "run test_number"]
    assert result.code == 1


def test_a_fixture_that_fails_is_named(ours: Run) -> None:
    printed = ours("test_setup_module_fails.py", "failing").printed
    assert "setup_module of module test_setup_module_fails failed: Runtime" in printed
    assert "setup_package of package failing failed: RuntimeError" in printed


# -- other options -----------------------------------------------------------


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A small suite beside a package that it covers."""
    where = tmp_path / "suite"
    (where / "covered").mkdir(parents=True)
    (where / "covered" / "__init__.py").write_text(
        "def half(yes):\n    if yes:\n        return 1\n    return 2\n"
    )
    (where / "test_it.py").write_text(
        "import os\nimport covered\n\n\n"
        "def test_half():\n    assert covered.half(True) == 1\n\n\n"
        "def test_maybe():\n    assert os.path.exists('ok')\n"
        "    open(os.environ['CORPUS_LOG'], 'a').write('run maybe\\n')\n"
    )
    return where


def test_failed(ours: Run, suite: Path) -> None:
    def failed() -> int:
        return sum(ours("--failed", where=suite).outcomes.values())

    assert failed() == 2
    assert failed() == 1
    (suite / "ok").touch()
    assert failed() == 1
    assert failed() == 2


def test_coverage(ours: Run, suite: Path) -> None:
    result = ours("--with-coverage", "--cover-package=covered", where=suite)
    if "needs the package coverage" in result.printed:
        assert result.code == 4  # the oldest has none: that is said
        return
    assert re.search(r"covered/__init__\.py +4 +1 +75% +4", result.printed)
    assert "test_it.py " not in result.printed.partition("coverage")[2]
    (suite / "ok").touch()
    least = ("--with-coverage", "--cover-package=covered", "--cover-min-percentage")
    assert ours(*least, "70", where=suite).code == 0
    assert ours(*least, "80", where=suite).code == 1
    for workers in (
        ["-n", "2"],
        ["-p", "harness.plugins.workers", "-n", "2"],
    ):
        result = ours(*least, "70", *workers, "--cover-erase", where=suite)
        assert "75%" in result.printed


def test_xunit(ours: Run, suite: Path) -> None:
    ours("--with-xunit", where=suite)
    ours("--with-xunit", "--xunit-file=other.xml", where=suite)
    for name in ("nosetests.xml", "other.xml"):
        assert sum(_outcomes(suite / name)[0].values()) == 2


def test_collect_only_and_quiet(ours: Run, suite: Path) -> None:
    result = ours("--collect-only", "--quiet", "--quiet", where=suite)
    assert "test_it.py::test_half" in result.printed
    assert not result.notes


def test_m_is_a_regular_expression_if_the_suite_says_so(ours: Run, suite: Path) -> None:
    (suite / "pytest.ini").write_text("[pytest]\nnose_options = true\n")
    result = ours("-m", "^(test_half|.*_it.py$|test_it)", where=suite)
    assert [name for _, name, _ in result.outcomes] == ["test_half"]
    (suite / "pytest.ini").write_text("[pytest]\nnose_match = ^(test_maybe|test_it)\n")
    result = ours(where=suite)
    assert [name for _, name, _ in result.outcomes] == ["test_maybe"]


def test_order_of_the_file(ours: Run, tmp_path: Path) -> None:
    where = tmp_path / "ordered"
    where.mkdir()
    shutil.copy(CORPUS / "diary.py", where)
    (where / "test_it.py").write_text(
        "from diary import note\n"
        "def test_b(): note('run b')\n"
        "class TestZ:\n"
        "    def test_z(self): note('run z')\n"
        "    def test_y(self): note('run y')\n"
    )
    assert listed(ours(where=where)) == ["run y", "run z", "run b"]
    (where / "pytest.ini").write_text("[pytest]\nnose_order = file\n")
    assert listed(ours(where=where)) == ["run b", "run z", "run y"]


def test_beside_fixtures_of_pytest(ours: Run, tmp_path: Path) -> None:
    """Wider scopes first; what a conftest.py gives to all before nose's own."""
    where = tmp_path / "mixed"
    where.mkdir()
    shutil.copy(CORPUS / "diary.py", where)
    (where / "conftest.py").write_text(
        "import pytest\nfrom diary import note\n"
        "@pytest.fixture(scope='session', autouse=True)\n"
        "def server():\n    note('server up')\n    yield\n    note('server down')\n"
        "@pytest.fixture\n"
        "def client(request):\n    note('client', request.instance.value)\n"
    )
    (where / "test_it.py").write_text(
        "import pytest\nfrom diary import note\n"
        "def setup(): note('module up')\n"
        "def teardown(): note('module down')\n"
        "def setup_function(): note('setup_function')\n"
        "@pytest.fixture\ndef test_data(): return 1\n"
        "class TestIt:\n"
        "    @pytest.fixture(autouse=True)\n"
        "    def setUp(self): note('a fixture of pytest by that name')\n"
        "    def setup(self):\n"
        "        self.value = 5\n        note('method up')\n"
        "    @pytest.mark.parametrize('number', [2, 1])\n"
        "    def test_it(self, client, number): note('run', number)\n"
        "def test_plain(test_data): note('run plain', test_data)\n"
    )
    result = ours(where=where)
    method = ["a fixture of pytest by that name", "method up", "client 5"]
    assert result.notes == [
        "server up", "module up", *method, "run 2", *method, "run 1",
        "setup_function", "run plain 1", "module down", "server down",
    ], result.printed  # fmt: skip
