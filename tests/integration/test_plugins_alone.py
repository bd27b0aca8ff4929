# SPDX-License-Identifier: GPL-3.0-or-later
"""The wheel in an environment of its own: stock pytest, no harness around it."""

import json
import os
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
Pytest = Callable[..., "subprocess.CompletedProcess[str]"]

FILES = {
    "schema.sql": "CREATE TABLE item (id int PRIMARY KEY, price int);\n",
    "shop/__init__.py": "",
    "shop/data.py": """\
        import os
        import psycopg

        def fill(url):
            with psycopg.connect(url) as connection:
                connection.execute("INSERT INTO item VALUES (1, 10), (2, 20)")
            with open("built", "a") as file:
                file.write("once\\n")
        """,
    "tests/test_shop.py": """\
        import os
        import psycopg
        import pytest

        def count():
            with psycopg.connect("") as connection:
                return connection.execute("SELECT count(*) FROM item").fetchone()[0]

        @pytest.mark.parametrize("number", range(12))
        def test_write(template_database, number):
            with psycopg.connect(template_database.url) as connection:
                query = "SELECT count(*), current_database() FROM item"
                assert connection.execute(query).fetchone() == (
                    2, template_database.name
                )
                connection.execute("INSERT INTO item VALUES (%s, 0)", [number + 10])
            assert os.environ["DATABASE_URL"] == template_database.url

        class TestMarks:
            @pytest.fixture
            def more(self, template_database):
                mark = template_database.mark()
                with psycopg.connect("") as connection:
                    connection.execute("DELETE FROM item")
                yield
                template_database.back(mark)
                assert count() == 2

            def test_less(self, more):
                assert count() == 0

        def test_without():
            pass
        """,
    "tests/test_scope.py": """\
        import os
        import psycopg

        with open("imports", "a") as file:
            file.write(f"{os.getpid()}\\n")

        def test_first(template_database):
            with psycopg.connect("") as connection:
                connection.execute("INSERT INTO item VALUES (3, 30)")

        class TestSecond:
            def test_second(self, template_database):
                with psycopg.connect("") as connection:
                    query = "SELECT count(*) FROM item"
                    print("rows:", connection.execute(query).fetchone()[0])
        """,
}
ON = """\
    [pytest]
    testpaths = tests
    warm_workers = true
    postgresql_template =
        schema.sql
        shop.data:fill
    """


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel that this checkout makes."""
    place = tmp_path_factory.mktemp("alone")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", place, ROOT], check=True)
    (wheel,) = place.glob("*.whl")
    venv.create(place / "venv")  # pip of its own would take 3 s
    pip = [sys.executable, "-m", "pip", "--python", place / "venv", "install"]
    subprocess.run([*pip, "--quiet", f"{wheel}[workers,embedded]"], check=True)
    return place / "venv" / "bin" / "python"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that has nothing to do with the harness."""
    for name, text in {**FILES, "pytest.ini": ON}.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return tmp_path / "project"


def environment(state: Path) -> dict[str, str]:
    hidden = ("PYTEST", "HARNESS", "PYTHONPATH", "PG", "COLUMNS")
    kept = {key: v for key, v in os.environ.items() if not key.startswith(hidden)}
    return {**kept, "HARNESS_STATE": str(state), "COLUMNS": "200"}


@pytest.fixture
def alone(python: Path, project: Path, state: Path) -> Pytest:
    """Run the environment's ``pytest`` in the project."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [python.parent / "pytest", *arguments],
            cwd=project,
            env=environment(state),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


def databases(python: Path, state: Path) -> list[str]:
    """What is left on the server."""
    code = """if True:
        import json, os
        from pathlib import Path
        from harness.postgres import LocalServer, connect
        from harness.store import Store
        store = Store(Path(os.environ["HARNESS_STATE"]))
        server = LocalServer(store, environ=os.environ)
        with connect(server.start()) as connection:
            rows = connection.execute("SELECT datname FROM pg_database").fetchall()
        print(json.dumps([name for (name,) in rows]))
        """
    done = subprocess.run(
        [python, "-c", code], env=environment(state), capture_output=True, check=True
    )
    return [str(name) for name in json.loads(done.stdout)]


def test_workers_share_one_template(alone: Pytest, project: Path) -> None:
    done = alone("-n", "4")
    assert "16 passed" in done.stdout, done.stdout + done.stderr
    assert (project / "built").read_text() == "once\n"
    assert "start cold" not in done.stdout
    imports = (project / "imports").read_text().split()
    assert len(imports) == 1  # in the process that is forked
    assert "postgresql_template: schema.sql, shop.data:fill (embedded)" in done.stdout


def test_one_process_alone(alone: Pytest, project: Path) -> None:
    done = alone()
    assert "16 passed" in done.stdout, done.stdout + done.stderr
    assert (project / "built").read_text() == "once\n"


def test_what_a_template_is_made_of_may_be_said(alone: Pytest, project: Path) -> None:
    more = ("-o", "postgresql_template_reads=shop", "tests/test_scope.py")
    assert "2 passed" in alone(*more).stdout
    assert "2 passed" in alone(*more).stdout
    assert (project / "built").read_text() == "once\n"
    with (project / "shop" / "data.py").open("a") as file:
        file.write("# changed\n")
    assert "2 passed" in alone(*more).stdout
    assert (project / "built").read_text() == "once\nonce\n"


@pytest.mark.parametrize(
    ("scope", "rows"), [("test", 2), ("class", 2), ("module", 3), ("worker", 3)]
)
def test_scopes(alone: Pytest, scope: str, rows: int) -> None:
    options = ("-o", f"postgresql_template_scope={scope}", "-s", "-p", "no:xdist")
    done = alone(*options, "tests/test_scope.py")
    assert f"rows: {rows}\n" in done.stdout, done.stdout


def test_off(alone: Pytest, project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\n")
    done = alone("tests/test_shop.py", "-n", "2", "-k", "without", "--trace-config")
    assert "1 passed" in done.stdout
    switched = [line for line in done.stdout.splitlines() if "harness.plugins" in line]
    assert {"entry" in line for line in switched} == {True}, switched
    done = alone("tests/test_shop.py", "-k", "less")
    assert "fixture 'template_database' not found" in done.stdout
    assert not (project / "built").exists()


def test_nose(alone: Pytest, project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\nnose = true\n")
    (project / "tests" / "test_nose.py").write_text(
        "def test_generated():\n    yield print, 1\n    yield print, 2\n"
    )
    done = alone("tests/test_nose.py", "-n", "2")
    assert "2 passed" in done.stdout, done.stdout


def test_a_template_that_cannot_be_made(
    alone: Pytest, project: Path, python: Path, state: Path
) -> None:
    (project / "schema.sql").write_text("CREATE TABLE item (id int;\n")
    done = alone("-n", "2", "-k", "less or without")
    assert done.returncode == 1
    assert "1 passed, 14 deselected, 1 error" in done.stdout
    assert "the template cannot be built: schema.sql" in done.stdout
    assert "syntax error" in done.stdout
    assert "Traceback" not in done.stdout
    assert not [name for name in databases(python, state) if "harness_b" in name]


def test_a_server_that_is_not_there(alone: Pytest) -> None:
    server = "postgresql_template_server=postgresql://me@127.0.0.1:9/"
    done = alone("-k", "less", "-o", server)
    assert "1 error" in done.stdout
    assert "the database server does not let us in" in done.stdout
    done = alone("-k", "less", "-o", "postgresql_template_server=$NOWHERE")
    assert "'$NOWHERE' is no server" in done.stdout


def test_a_killed_session_leaves_nothing(
    python: Path, project: Path, state: Path
) -> None:
    (project / "tests" / "test_shop.py").write_text(
        "import time, pathlib\ndef test_long(template_database):\n"
        "    pathlib.Path('begun').touch()\n    time.sleep(60)\n"
    )
    command = [python.parent / "pytest", "tests/test_shop.py"]
    process = subprocess.Popen(command, cwd=project, env=environment(state))
    while not (project / "begun").exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 60
    while [name for name in databases(python, state) if "harness_c" in name]:
        assert time.monotonic() < deadline
        time.sleep(0.5)
