# SPDX-License-Identifier: GPL-3.0-or-later
"""Suites of a Python source on leases: levels, isolation, addresses, bad tests."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from harness.postgres import Address
from tests.integration import conftest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

CONFIGURATION = """\
    [tool.harness]
    [tool.harness.source.alpha]
    [tool.harness.source.web]
    kind = "python"
    [tool.harness.template.web]
    modules = ["alpha"]
    [tool.harness.suite.web]
    kind = "pytest"
    source = "web"
    nose = true
    template = "web"
    paths = ["tests/unit", "tests/functional"]
    environment = [
        "WEB_MODE=testing", "WEB_FILES={files}/web", "WEB_URI={uri}",
        "WEB_PORT={port:web}", "WEB_OTHER={port:other}", "WEB_WORKER={worker}",
    ]
    [tool.harness.suite.plain]
    kind = "pytest"
    source = "web"
    template = "web"
    paths = ["tests/plain"]
    """
PYPROJECT = """\
    [build-system]
    requires = ["setuptools"]
    build-backend = "setuptools.build_meta"
    [project]
    name = "harness-test-web"
    version = "1"
    [tool.setuptools]
    packages = ["web"]
    """
WEB = """\
    import os
    from trytond.pool import Pool
    from trytond.transaction import Transaction

    def start(**options):
        Pool(os.environ['DB_NAME']).init()
        return Transaction().start(os.environ['DB_NAME'], 1, **options)

    def make(name):
        with start():
            Thing = Pool(os.environ['DB_NAME']).get('alpha.thing')
            Thing.create([{'name': name}])
            Transaction().commit()

    def names():
        with start(readonly=True):
            Thing = Pool(os.environ['DB_NAME']).get('alpha.thing')
            return sorted(thing.name for thing in Thing.search([]))[1:]
    """


@pytest.fixture(scope="session")
def place(state: Path) -> Path:
    path = state / "suites"
    path.mkdir(exist_ok=True)
    conftest.write_module(path, "alpha")
    web = path / "src" / "web"
    (web / "web").mkdir(parents=True, exist_ok=True)
    (web / "web" / "__init__.py").write_text(dedent(WEB))
    (web / "pyproject.toml").write_text(dedent(PYPROJECT))
    (path / "pyproject.toml").write_text(dedent(CONFIGURATION))
    return path


@pytest.fixture
def write(place: Path) -> Callable[..., None]:
    """Write the source's tests; those of earlier tests are gone."""
    tests = place / "src" / "web" / "tests"
    for path in [*tests.rglob("*.py")]:
        path.unlink()
    for name in ("unit", "functional", "plain"):
        (tests / name).mkdir(parents=True, exist_ok=True)

    def write(**texts: str) -> None:
        for name, text in texts.items():
            name = name.replace("__", "/").replace("/package", "/__init__")
            path = tests / f"{name}.py"
            path.write_text("from web import make, names, start\n" + dedent(text))

    return write


@pytest.fixture
def run(place: Path, state: Path, address: Address) -> Run:
    def run(*arguments: str, suite: str = "web", **more: str) -> object:
        return subprocess.run(
            [sys.executable, "-m", "harness", "test", suite, *arguments],
            cwd=place,
            env=conftest.environment(state, **more),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    return run  # type: ignore[return-value]


@pytest.fixture
def outcomes(place: Path) -> Callable[[], dict[str, str]]:
    def read() -> dict[str, str]:
        [path] = (place / "reports" / "latest").glob("*.jsonl")
        events = map(json.loads, path.read_text().splitlines())
        return {
            event["id"].removeprefix("tests/"): event["outcome"]
            for event in events
            if event["kind"] == "test"
        }

    return read


# -- levels --------------------------------------------------------------------

LEVELS = """\
    def setup_module():
        make('module')

    class TestA:
        @classmethod
        def setup_class(cls):
            make('class')

        def test_1(self):
            assert names() == ['class', 'module', 'package']
            make('one')

        def test_2(self):
            assert names() == ['class', 'module', *KEPT, 'package']

    class TestB:
        def test_1(self):
            assert names() == ['module', 'package']
            make('other')

    def test_c():
        assert names() == ['module', 'package']
        make('loose')

    def test_d():
        assert names() == ['module', 'package']
    """


@pytest.mark.parametrize("server", ["local", "docker"])
def test_what_wider_fixtures_made_stays(
    run: Run,
    write: Callable[..., None],
    outcomes: Callable[[], dict[str, str]],
    server: str,
    request: pytest.FixtureRequest,
) -> None:
    if server == "docker":
        request.getfixturevalue("contained")
    write(
        unit__package="def setup_package():\n    make('package')\n",
        unit__test_a="KEPT = ['one']\n" + dedent(LEVELS),
        unit__test_b="import pytest\nKEPT = []\n"
        "pytestmark = pytest.mark.isolation('test')\n" + dedent(LEVELS),
        functional__test_c="def test_e():\n    assert names() == []\n",
    )
    done = run("--database", server)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(outcomes()) == 11


def test_no_test_sees_anothers_data(
    run: Run, write: Callable[..., None], outcomes: Callable[[], dict[str, str]]
) -> None:
    lines = ["import os, pathlib"]
    for number in range(12):
        lines += [
            f"class Test{number}:",
            "    def test_alone(self):",
            "        place = pathlib.Path(os.environ['WEB_FILES'])",
            "        assert names() == [] and not place.exists()",
            "        make('the only one')",
            "        place.mkdir()",
            "        (place / 'file').touch()",
            "        assert names() == ['the only one']",
        ]
    write(unit__test_alone="\n".join(lines))
    done = run("unit")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(outcomes()) == 12


def test_isolation_by_worker_keeps_all(run: Run, write: Callable[..., None]) -> None:
    write(
        unit__test_a="""\
            class TestA:
                def test(self):
                    make('a')
            class TestB:
                def test(self):
                    assert names() == ['a']
            """
    )
    done = run("--isolation", "worker", "--jobs", "1")
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_a_suite_is_given(run: Run, write: Callable[..., None]) -> None:
    write(
        unit__test_given="""\
            import os, socket, psycopg2
            def test():
                given = os.environ
                assert given['WEB_MODE'] == 'testing'
                assert given['WEB_WORKER'] in {'main', 'gw0', 'gw1'}
                assert given['WEB_PORT'] != given['WEB_OTHER']
                with socket.socket() as server:
                    server.bind(('127.0.0.1', int(given['WEB_PORT'])))
                make('here')
                connection = psycopg2.connect(given['WEB_URI'])
                cursor = connection.cursor()
                cursor.execute("SELECT name FROM alpha_thing ORDER BY id DESC LIMIT 1")
                assert cursor.fetchone() == ('here',)
                connection.close()
            """
    )
    done = run()
    assert done.returncode == 0, done.stdout + done.stderr


# -- tests that do what they should not ---------------------------------------------

BAD = {
    "left a transaction open": """\
        from trytond.transaction import Transaction
        import os
        def test_bad():
            make('open')
            Transaction().start(os.environ['DB_NAME'], 1)
        """,
    "left a session open": """\
        import os, psycopg2
        KEPT = []
        def test_bad():
            connection = psycopg2.connect(os.environ['WEB_URI'])
            connection.cursor().execute("UPDATE alpha_thing SET name = 'x'")
            KEPT.append(connection)
        """,
    "left a thread running: sleeper": """\
        import threading, time
        def test_bad():
            threading.Thread(target=time.sleep, args=(1,), name='sleeper').start()
        """,
    "dropped": """\
        import os, psycopg2
        from urllib.parse import urlsplit
        def test_bad():
            uri = urlsplit(os.environ['WEB_URI'])
            other = psycopg2.connect(uri._replace(path='/postgres').geturl())
            other.autocommit = True
            name = uri.path.strip('/')
            other.cursor().execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            other.close()
        """,
}


@pytest.mark.parametrize("said", BAD)
def test_what_a_test_leaves_is_named_and_the_rest_goes_on(
    run: Run,
    write: Callable[..., None],
    outcomes: Callable[[], dict[str, str]],
    said: str,
) -> None:
    rest = (
        "\n\nclass TestRest:\n    def test_rest(self):\n        assert names() == []\n"
    )
    write(
        unit__test_a_bad=dedent(BAD[said]) + rest,
        unit__test_b_rest=rest,
    )
    done = run("--jobs", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    [line] = [one for one in done.stdout.splitlines() if said in one]
    assert "test_a_bad.py::test_bad" in line
    assert set(outcomes().values()) == {"passed"}
    assert len(outcomes()) == 3


LOST = """\
    import os, psycopg2

    def execute(statement):
        connection = psycopg2.connect(os.environ['WEB_URI'])
        connection.autocommit = True
        connection.cursor().execute(statement)
        connection.close()

    class TestA:
        @classmethod
        def setup_class(cls):
            make('class')

        def test_bad(self):
            execute('CREATE TABLE more (a integer)')

        def test_next(self):
            assert names() == ['class']

    class TestB:
        def test_rest(self):
            assert names() == []
            execute('CREATE TABLE more (a integer)')
    """


@pytest.mark.parametrize("lenient", [False, True])
def test_a_doubt_where_fixtures_have_written_is_an_error(
    run: Run,
    write: Callable[..., None],
    outcomes: Callable[[], dict[str, str]],
    lenient: bool,
) -> None:
    write(unit__test_a=LOST)
    options = ["-o", "harness_doubt=warning"] if lenient else []
    done = run("--jobs", "1", "--isolation", "test", *options)
    assert done.returncode == (0 if lenient else 1), done.stdout + done.stderr
    assert "left what cannot be put back: create table" in done.stdout
    known = {name.rpartition("::")[2]: one for name, one in outcomes().items()}
    assert known["test_rest"] == "passed"
    assert known["test_bad"] == ("passed" if lenient else "error")


def test_what_is_written_after_a_test_is_put_back_and_told(
    run: Run, write: Callable[..., None], outcomes: Callable[[], dict[str, str]]
) -> None:
    """As an application would, whose request is answered when the test is over."""
    write(
        unit__test_a="""\
            import os, psycopg2, pytest

            pytestmark = pytest.mark.isolation('test')
            KEPT = []
            LATE = "INSERT INTO alpha_thing (name) VALUES ('late')"

            @pytest.fixture(scope='module', autouse=True)
            def late(request):
                make('module')

                class Late:
                    def pytest_runtest_logfinish(self, nodeid):
                        if nodeid.endswith('test_a'):
                            cursor = KEPT[0].cursor()
                            cursor.execute(LATE)
                            KEPT[0].close()

                request.config.pluginmanager.register(Late())

            def test_a():
                KEPT.append(psycopg2.connect(os.environ['WEB_URI']))
                KEPT[0].autocommit = True

            def test_b():
                assert names() == ['module']

            def test_c():
                assert names() == ['module']
            """
    )
    done = run("--jobs", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    [line] = [one for one in done.stdout.splitlines() if "somebody wrote" in one]
    assert "test_b found 1 rows of public.alpha_thing" in line


def test_the_template_cannot_be_written_to(
    run: Run, write: Callable[..., None], outcomes: Callable[[], dict[str, str]]
) -> None:
    write(
        unit__test_template="""\
            import os, psycopg2
            from urllib.parse import urlsplit
            def test_bad():
                uri = urlsplit(os.environ['WEB_URI'])
                other = psycopg2.connect(uri._replace(path='/postgres').geturl())
                cursor = other.cursor()
                cursor.execute("SELECT datname FROM pg_database WHERE datistemplate"
                    " AND datname LIKE 'harness%'")
                [(name, *_), *_] = cursor.fetchall()
                other.close()
                psycopg2.connect(uri._replace(path='/' + name).geturl())
            def test_rest():
                make('rest')
            """
    )
    done = run("--jobs", "1")
    assert done.returncode == 1
    assert "is not currently accepting connections" in done.stdout
    assert list(outcomes().values()) == ["failed", "passed"]


def test_broken_files_and_fixtures_are_named_and_the_rest_goes_on(
    run: Run, write: Callable[..., None], outcomes: Callable[[], dict[str, str]]
) -> None:
    write(
        unit__test_a="import nothing_of_that_name\n",
        unit__test_b="""\
            def setup_module():
                raise RuntimeError('no module fixture')
            def test_b():
                pass
            """,
        unit__test_c="def test_c():\n    pass\n",
    )
    done = run()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "No module named 'nothing_of_that_name'" in done.stdout
    assert "setup_module of module" in done.stdout
    assert outcomes()["unit/test_c.py::test_c"] == "passed"
    assert outcomes()["unit/test_b.py::test_b"] == "error"


def test_a_failed_tests_database_can_be_kept(
    run: Run, write: Callable[..., None], place: Path, state: Path
) -> None:
    write(
        unit__test_a="""\
            class TestA:
                def test_bad(self):
                    make('evidence')
                    assert False
                def test_good(self):
                    assert names() == ['evidence']
            class TestB:
                def test_good(self):
                    assert names() == []
            """
    )
    done = run("--keep-failed", "--jobs", "1")
    assert done.returncode == 1
    assert "1 failed, 2 passed" in done.stdout
    name = re.findall(r"harness db psql (harness_k_\w+)", done.stdout)[0]
    query = "SELECT name FROM alpha_thing ORDER BY id DESC LIMIT 1"
    shown = subprocess.run(
        [sys.executable, "-m", "harness", "db", "psql", name, "-c", query],
        cwd=place,
        env=conftest.environment(state),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "evidence" in shown.stdout


# -- addresses -----------------------------------------------------------------

PAIR = """\
    class TestPair:
        def test_one(self):
            pass
        def test_two(self):
            pass
    def test_three():
        pass
    """


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("unit", 3),
        ("--path unit --path functional", 6),
        ("--path src/web/tests/unit/test_pair.py:TestPair.test_one", 1),
        ("unit/test_pair.py:TestPair", 2),
        ("--path src/web/tests/unit/test_pair.py::TestPair::test_two", 1),
        ("unit -k three", 1),
        ("-a '!slow' unit", 3),
    ],
)
def test_addresses(
    run: Run,
    write: Callable[..., None],
    outcomes: Callable[[], dict[str, str]],
    words: str,
    expected: int,
) -> None:
    write(unit__test_pair=PAIR, functional__test_other=PAIR)
    done = run(*words.replace("'", "").split())
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(outcomes()) == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("units", "did you mean unit?"),
        ("unit/test_pear.py", "did you mean unit/test_pair.py"),
        ("unit/test_pair.py:TestPear", "TestPair"),
        ("unit/test_pair.py:TestPair.test_tree", "test_t"),
    ],
)
def test_addresses_that_lead_nowhere(
    run: Run, write: Callable[..., None], words: str, said: str
) -> None:
    write(unit__test_pair=PAIR, functional__test_other=PAIR)
    done = run(words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_plain_pytest(
    run: Run, write: Callable[..., None], outcomes: Callable[[], dict[str, str]]
) -> None:
    write(
        plain__conftest="""\
            import pytest
            @pytest.fixture(scope='class')
            def thing():
                make('wide')
            """,
        plain__test_plain="""\
            import os, pytest
            @pytest.mark.isolation('test')
            class TestPlain:
                @pytest.mark.parametrize('number', range(5))
                def test_wide(self, thing, number):
                    assert names() == ['wide']
                    make('narrow')
            def test_lease(lease):
                assert lease.database in os.environ.get('WEB_URI', lease.database)
            """,
    )
    done = run("plain/test_plain.py:TestPlain", suite="plain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(outcomes()) == 5
    done = run(suite="plain")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_plan(run: Run, write: Callable[..., None]) -> None:
    write(unit__test_pair=PAIR)
    done = run("--list", "--json", "unit")
    [step] = json.loads(done.stdout)
    assert step["source"] == "web"
    assert step["template"] == "web"
    assert step["paths"] == [str(Path(step["paths"][0]))]
    assert step["sources"] == ["alpha", "web"]


def test_sqlite_is_refused(run: Run, write: Callable[..., None]) -> None:
    write(unit__test_pair=PAIR)
    done = run("--database", "sqlite")
    assert done.returncode == 2
    assert "needs PostgreSQL" in done.stdout + done.stderr


def test_nothing_is_left(run: Run, write: Callable[..., None], state: Path) -> None:
    write(unit__test_pair=PAIR)
    done = run()
    assert done.returncode == 0
    assert not list((state / "runs").iterdir())
    assert os.environ.get("HARNESS_BROKER") is None


# -- only what a change affects ------------------------------------------------


def test_a_change_runs_the_tests_that_depend_on_it(
    run: Run, write: Callable[..., None], place: Path, state: Path
) -> None:
    source = place / "src/web/web/extra.py"
    text = "def one():\n    return 1\n\ndef two():\n    return 2\n"
    source.write_text(text)
    write(
        plain__test_a="""\
        from web import extra

        def test_one():
            assert extra.one() == 1

        def test_two():
            assert extra.two() == 2

        def test_data():
            make("data")
            assert names() == ["data"]
        """
    )
    for path in (state / "traces").glob("plain-*.json"):
        path.unlink()
    try:
        done = run("--affected", suite="plain")
        assert (done.returncode, "3 passed" in done.stdout) == (0, True), done.stdout
        source.write_text(text.replace("1", "3").replace("2", "2  # two"))
        done = run("--affected", suite="plain")
        assert done.returncode == 1, done.stdout
        assert "affected: 1 of 3 traced tests" in done.stdout
        assert "1 × src/web/web/extra.py: one() changed" in done.stdout
        assert re.search(
            r"unchanged since run \d{14}\w+: 2 tests, not run", done.stdout
        )
        assert "FAILED — 1 test " in re.sub(r":.* —", " —", done.stdout)
        source.write_text(text)
        [known] = (state / "traces").glob("plain-*.json")
        whole = known.read_text()
        done = run("--affected=check", suite="plain")
        assert (done.returncode, "3 passed" in done.stdout) == (0, True), done.stdout
        done = run("--affected", suite="plain")
        assert done.returncode == 0, done.stdout
        assert "affected: 0 of 3 traced tests" in done.stdout
        assert "passed" not in done.stdout.lower()
        known.write_text(whole[:-9])
        done = run("--affected", suite="plain")
        assert "is damaged" in done.stdout + done.stderr
        assert "3 passed" in done.stdout
    finally:
        source.unlink()
