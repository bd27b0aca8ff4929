# SPDX-License-Identifier: GPL-3.0-or-later
"""Integration tests use real parts: the embedded PostgreSQL, SQLite, Tryton.

Each worker has a state directory of its own, for all its sessions, so that the
templates of official modules are made once.  Environments are shared.
"""

import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from textwrap import dedent

import pytest

from harness.engine import Engine
from harness.locks import locked
from harness.postgres import Address, DockerServer, GivenServer, LocalServer
from harness.run.servers import binaries
from harness.stack.project import DEFAULT
from harness.store import Run, Store
from harness.template.base import Shelf
from harness.template.postgresql import PostgreSQL
from harness.template.sqlite import SQLite
from tests.integration.checkouts import (
    PREFIX,
    VARIANT,
    Checkout,
    checkout,
    docker,
    say,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def state(request: pytest.FixtureRequest) -> Path:
    """The state directory of this worker's tests; kept between sessions."""
    shared = Path(os.environ.get("TESTS_STATE", ROOT / ".harness" / "tests"))
    workers = getattr(request.config, "workerinput", {"workerid": "gw0"})
    path = shared / workers["workerid"]
    path.mkdir(parents=True, exist_ok=True)
    (path / "stack").mkdir(exist_ok=True)
    for name in ("envs", "tools", "stack/dumps"):  # their names tell their contents
        (shared / name).mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            (path / name).symlink_to(shared / name)
    return path


@pytest.fixture(scope="session")
def examples_state(state: Path) -> Path:
    """Where the templates of the examples are, if a run before has made them, as in CI.

    They take a minute of a processor for each place that has none.
    """
    return Path(os.environ.get("HARNESS_STATE", state))


Interpreter = Callable[..., Path]


@pytest.fixture(scope="session")
def interpreter(state: Path) -> Interpreter:
    """One with packages and without the harness; all workers and sessions share it."""

    @cache
    def made(*requirements: str) -> Path:
        whole = " ".join([sys.version, *requirements])
        name = hashlib.sha256(whole.encode()).hexdigest()[:10]
        path = state.parent / "interpreters" / name
        path.parent.mkdir(exist_ok=True)
        with locked(path.with_name(f"{name}.lock")):
            if not (path / "complete").exists():
                venv.create(path, clear=True)  # pip of its own would take 3 s
                pip = [sys.executable, "-m", "pip", "--python", path, "install"]
                subprocess.run([*pip, "-q", *requirements], check=True)
                (path / "complete").touch()
        return path / "bin" / "python"

    return made


@pytest.fixture(scope="session")
def store(state: Path) -> Store:
    return Store(state)


@pytest.fixture(scope="session")
def address(store: Store) -> Iterator[Address]:
    """The embedded server."""
    server = LocalServer(store, environ=os.environ)
    yield server.start()
    server.stop()


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The Docker engine; in CI it must be there."""
    engine = Engine(os.environ)
    reason = engine.why_not()
    if reason and os.environ.get("CI"):
        pytest.fail(f"CI has no Docker engine: {reason}")
    if reason:
        pytest.skip(f"no Docker engine: {reason}")
    return engine


IMAGE = f"{PREFIX}/db:{VARIANT}"


@pytest.fixture(scope="session")
def contained_server(store: Store, engine: Engine) -> Iterator[DockerServer]:
    """The server in a container, as soon as it is started."""
    if engine.inspect("image", IMAGE) is None:
        subprocess.run(
            [sys.executable, "-m", "harness", "build", "db"], cwd=ROOT, check=True
        )
    server = DockerServer(store, image=IMAGE, environ=os.environ)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def contained(contained_server: DockerServer) -> Address:
    """The server in a container; another one where a module's test has killed it."""
    return contained_server.start()


@pytest.fixture(params=["docker", "local", "given", "sqlite"])
def shelf(request: pytest.FixtureRequest, store: Store) -> Iterator[Shelf]:
    """Every place that keeps templates, for one run."""
    with Run(store) as run:
        made: Shelf
        if request.param == "sqlite":
            made = SQLite(store, run.id)
        else:
            given = request.param == "given"
            name = "contained" if request.param == "docker" else "address"
            address = request.getfixturevalue(name)
            made = PostgreSQL(
                GivenServer(address.url()).start() if given else address,
                run.id,
                file_copy=not given,
                binaries=binaries,
                environ=os.environ,
            )
        yield made
        made.close()


@pytest.fixture
def open_place() -> Iterator[Path]:
    """Where the server's user can go; each pytest that begins closes its own place."""
    with tempfile.TemporaryDirectory(prefix="harness-", dir="/tmp") as name:
        Path(name).chmod(0o711)
        yield Path(name)


Harness = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def env(state: Path) -> dict[str, str]:
    """The environment of a command line in the project."""
    return environment(state)


def environment(state: Path, **more: str) -> dict[str, str]:
    env = {key: value for key, value in os.environ.items() if key != "GITHUB_ACTIONS"}
    return {
        **env,
        "HARNESS_STATE": str(state),
        "HARNESS_DATABASE_SERVER": "local",
        "HARNESS_EXACT": "false",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "200",
        **more,
    }


@pytest.fixture
def harness(project: Path, state: Path, address: Address) -> Harness:
    """Run ``harness`` in the project, beside a server that is there already."""

    def run(
        *arguments: str, cwd: Path = project, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            cwd=cwd,
            env=environment(state, **more),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    return run


def worked() -> float:
    """Processor seconds of all that was started and has ended; load does not matter."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


MODULES = {
    "alpha": {
        "tryton.cfg": """\
            [tryton]
            version=7.0.0
            depends:
                ir
                res
            xml:
                alpha.xml
            """,
        "__init__.py": """\
            from trytond.pool import Pool
            from . import alpha

            def register():
                Pool.register(alpha.Thing, module='alpha', type_='model')
            """,
        "alpha.py": """\
            from trytond.model import ModelSQL, ModelView, fields

            class Thing(ModelSQL, ModelView):
                "Thing"
                __name__ = 'alpha.thing'
                name = fields.Char("Name", required=True)
            """,
        "alpha.xml": """\
            <tryton><data>
                <record model="alpha.thing" id="first">
                    <field name="name">First</field>
                </record>
            </data></tryton>
            """,
        "tests/__init__.py": "",
        "tests/test_module.py": """\
            from trytond.tests.test_tryton import ModuleTestCase, with_transaction
            from trytond.pool import Pool

            class AlphaTestCase(ModuleTestCase):
                module = 'alpha'

                @with_transaction()
                def test_first(self):
                    Thing = Pool().get('alpha.thing')
                    self.assertEqual([t.name for t in Thing.search([])], ['First'])

            del ModuleTestCase
            """,
    },
    "beta": {
        "tryton.cfg": """\
            [tryton]
            version=7.0.0
            depends:
                ir
                alpha
            """,
        "__init__.py": "def register():\n    pass\n",
        "tests/__init__.py": "",
        "tests/test_module.py": """\
            from trytond.tests.test_tryton import ModuleTestCase

            class BetaTestCase(ModuleTestCase):
                module = 'beta'

            del ModuleTestCase
            """,
    },
}


def write_module(root: Path, name: str) -> Path:
    """A small installable Tryton module below ``src/``."""
    directory = root / "src" / name / name
    for path, text in MODULES[name].items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(dedent(text))
    (root / "src" / name / "pyproject.toml").write_text(
        dedent(f"""\
        [build-system]
        requires = ["setuptools"]
        build-backend = "setuptools.build_meta"
        [project]
        name = "harness-test-{name}"
        version = "7.0.0"
        [project.entry-points."trytond.modules"]
        {name} = "{name}"
        [tool.setuptools]
        packages = ["{name}", "{name}.tests"]
        package-data.{name} = ["tryton.cfg", "*.xml"]
        """)
    )
    return directory


@pytest.fixture(scope="session")
def workplace(state: Path) -> Path:
    """Where the project lies, the same in all sessions: its environment stays."""
    path = state / "project"
    path.mkdir(exist_ok=True)
    return path


@pytest.fixture
def project(workplace: Path) -> Path:
    """A project with two small modules, as new, however the last test ended."""
    for path in workplace.iterdir():
        if path.is_dir() and path.name not in ("src", "reports"):
            shutil.rmtree(path)
    (workplace / "pyproject.toml").write_text(
        dedent("""\
        [tool.harness]
        [tool.harness.source.alpha]
        [tool.harness.source.beta]
        [tool.harness.suite.tryton]
        """)
    )
    for name in MODULES:
        directory = write_module(workplace, name)
        known = set(MODULES[name])
        for path in directory.rglob("*"):
            if path.is_file() and path.relative_to(directory).as_posix() not in known:
                path.unlink()
    return workplace


# -- the stack -----------------------------------------------------------------


@pytest.fixture(scope="session")
def images(engine: Engine) -> None:
    """Those of the stack are there."""
    tags = docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    lacking = [n for n in DEFAULT if f"{PREFIX}/{n}:{VARIANT}" not in tags]
    if lacking:
        reason = f"images are not built: harness build {' '.join(lacking)}"
        pytest.skip(reason)


@pytest.fixture(scope="session")
def stack(
    engine: Engine, images: None, state: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Checkout]:
    """The one stack that tests share; who changes it puts it back."""
    root = tmp_path_factory.mktemp("stack") / "checkout"
    made = checkout(root, environment(state))
    try:
        with locked(state.parent / "stack.lock"):  # the first one makes the dump
            said = made.good("up")
        say(said)
        yield made
    finally:
        made("down", "--volumes", "--yes", "--no-backup")
