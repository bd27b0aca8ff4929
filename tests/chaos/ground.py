# SPDX-License-Identifier: GPL-3.0-or-later
"""A small project with a state directory of its own, and all that comes of its runs.

Everything is done by the command line, as a user does it; what is left is looked for
in the system, not asked of the harness.
"""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
LIMIT, FIRST = 90.0, 900.0
"""Seconds after which a run is hung; a quiet one takes five, the first one more."""
REST = 15.0
"""Seconds that processes get to end after the run that started them."""
GAP = 3.0
"""Seconds in which nothing of us ran: the machine was suspended, or we were stopped."""
GOOD = frozenset({"passed"})

CASES = '''\
import pathlib, re, unittest
from trytond.pool import Pool
from trytond.tests.test_tryton import DB_NAME, activate_module, drop_db
from trytond.transaction import Transaction

WANTED = re.search('<field name="name">(.*?)</field>',
    (pathlib.Path(__file__).parents[1] / "alpha.xml").read_text())[1]

class Common:
    @classmethod
    def setUpClass(cls):
        drop_db()
        activate_module("alpha")

    @classmethod
    def tearDownClass(cls):
        drop_db()

    def test_content(self):
        """What is in the database is what is in the source."""
        with Transaction().start(DB_NAME, 1):
            names = [one.name for one in Pool().get("alpha.thing").search([])]
        self.assertEqual(names, [WANTED])

    def test_write(self):
        with Transaction().start(DB_NAME, 1) as transaction:
            Thing = Pool().get("alpha.thing")
            self.assertEqual(Thing.search([], count=True), 1)
            Thing.create([{"name": "one more"}])
            transaction.commit()
'''
CLASSES = 6
EXPECTED = {
    f"Case{number}TestCase::{name}"
    for number in range(CLASSES)
    for name in ("test_content", "test_write")
}


class Clock(threading.Thread):
    """Seconds, without those in which the machine was suspended or we were stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.paused = 0.0
        self.start()

    def run(self) -> None:
        """Look at the time now and then."""
        last = time.monotonic()
        while True:
            time.sleep(0.1)
            now = time.monotonic()
            if now - last > GAP:
                self.paused += now - last
            last = now

    def now(self) -> float:
        """Seconds, from any begin."""
        return time.monotonic() - self.paused


@dataclass(frozen=True, kw_only=True)
class Process:
    """One of the ground's; `kind` is what it is to a run."""

    pid: int
    parent: int
    kind: str
    line: str


@dataclass(kw_only=True)
class Done:
    """A run that has ended, or was ended after the limit."""

    code: int
    output: str
    hung: bool
    seconds: float
    tests: bool = True
    """Whether it was one of tests."""
    outcomes: dict[str, str] = field(default_factory=dict)
    """By ``Class::test``; of this run's report, empty without one."""

    def problems(self) -> list[str]:
        """What no run may do, whatever was done to it."""
        found = []
        if "defect of the harness" in self.output:
            found.append("calls it its own defect")
        if "Traceback (most recent call last):\n  File" in self.output.split("====")[0]:
            found.append("shows a traceback")
        if self.code == 0 and self.tests:
            lost = EXPECTED - {k for k, v in self.outcomes.items() if v in GOOD}
            if lost:
                found.append(f"is green without {len(lost)} tests ({min(lost)})")
        return found


class Run:
    """A run that goes on."""

    def __init__(self, ground: "Ground", words: tuple[str, ...], **more: str) -> None:
        self.ground = ground
        self.words = words
        self.started = time.time()
        self.began = ground.clock.now()
        ground.number += 1
        self.log = ground.logs / f"{ground.number:04}.log"
        with self.log.open("wb") as log:
            log.write(f"$ harness {' '.join(words)}\n".encode())
            log.flush()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "harness", *words],
                cwd=ground.project,
                env=ground.environ(**more),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def end(self, limit: float = 0.0) -> Done:
        """Wait for its end, at most until the limit."""
        until = self.began + (limit or self.ground.limit)
        while not self.over and self.ground.clock.now() < until:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.2)
        hung = not self.over
        if hung:
            self.ground.stacks(self.log)
            self.ground.kill_all()
            self.process.wait()
        output = self.log.read_text("utf-8", "replace")[-200_000:]
        return Done(
            code=self.process.returncode,
            output=output,
            hung=hung,
            seconds=time.time() - self.started,
            tests=self.words[0] == "test",
            outcomes=self.ground.outcomes(since=self.started),
        )


class Ground:
    """The project, its state, its processes."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.project = place / "project"
        self.state = place / "state"
        self.logs = place / "logs"
        self.mark = f"CHAOS_MARK={secrets.token_hex(8)}"
        self.number = 0
        self.limit = LIMIT
        self.clock = Clock()
        self.known: set[str] = set()
        """What was left before: it is counted once."""
        shutil.rmtree(self.logs, ignore_errors=True)
        for path in (self.project, self.state, self.logs):
            path.mkdir(parents=True, exist_ok=True)
        self._share()
        self.write()

    def _share(self) -> None:
        """Environments are those of the state directory that is named, if one is."""
        state, own = os.environ.get("HARNESS_STATE"), self.state / "envs"
        if state and not own.exists():
            Path(state, "envs").mkdir(parents=True, exist_ok=True)
            own.symlink_to(Path(state, "envs").absolute())

    # -- the project ---------------------------------------------------------------

    @property
    def module(self) -> Path:
        """The directory of the Tryton module."""
        return self.project / "src/alpha/alpha"

    def write(self) -> None:
        """The project as new."""
        shutil.rmtree(self.module / "tests", ignore_errors=True)
        (self.module / "tests").mkdir(parents=True)
        (self.project / "pyproject.toml").write_text(
            "[tool.harness]\n[tool.harness.source.alpha]\n[tool.harness.suite.tryton]\n"
        )
        for name, text in FILES.items():
            path = self.project / "src/alpha" / name
            if not path.exists() or path.read_text() != dedent(text):
                path.write_text(dedent(text))
        self.content("First")
        classes = "".join(
            f"\nclass Case{number}TestCase(Common, unittest.TestCase):\n    pass\n"
            for number in range(CLASSES)
        )
        (self.module / "tests/__init__.py").touch()
        (self.module / "tests/test_alpha.py").write_text(CASES + classes)

    def content(self, name: str) -> None:
        """Save the module's record with another name."""
        (self.module / "alpha.xml").write_text(
            '<tryton><data><record model="alpha.thing" id="first">'
            f'<field name="name">{name}</field></record></data></tryton>\n'
        )

    def forget_bytecode(self) -> None:
        """What Python has compiled of the module goes."""
        for path in self.module.rglob("__pycache__"):
            shutil.rmtree(path, ignore_errors=True)

    def add(self, name: str, text: str) -> None:
        """One more file of tests."""
        (self.module / "tests" / name).write_text(text)

    def remove(self, name: str) -> None:
        """One file of tests less."""
        (self.module / "tests" / name).unlink(missing_ok=True)

    # -- runs ----------------------------------------------------------------------

    def environ(self, **more: str) -> dict[str, str]:
        """The environment of a run; what comes of it carries our mark."""
        name, _, value = self.mark.partition("=")
        hidden = ("HARNESS_", "GITHUB_", "PYTEST_", "COV_", "PYTHON")
        env = {k: v for k, v in os.environ.items() if not k.startswith(hidden)}
        return {
            **env,
            name: value,
            "HARNESS_STATE": str(self.state),
            "HARNESS_JOBS": "2",
            "HARNESS_EXACT": "false",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "",
            "COLUMNS": "200",
            **more,
        }

    def start(self, *words: str, **more: str) -> Run:
        """Begin a run."""
        return Run(self, words, **more)

    def test(self, server: str, *words: str, **more: str) -> Run:
        """Begin the module's tests."""
        return self.start(
            "test", "tryton", "alpha", "--database", server, *words, **more
        )

    def outcomes(self, *, since: float) -> dict[str, str]:
        """Of the newest report that is not older."""
        found: dict[str, str] = {}
        for path in sorted(self.project.glob("reports/2*/run.json")):
            try:
                document = json.loads(path.read_bytes())["run"]
            except (OSError, ValueError, KeyError):
                continue
            if document["started"] >= since - 0.01:
                found = {
                    one["id"].partition("::")[2]: one["outcome"]
                    for step in document["steps"]
                    for one in step["tests"]
                }
        return found

    def calm(self, server: str) -> tuple[list[str], list[str], list[str]]:
        """An undisturbed run: what is wrong with it, what is left, whether it hung."""
        done = self.test(server).end()
        log = f"log {self.number:04}"
        if done.hung:
            return [], [], [f"the next run ({log})"]
        wrong = [f"the next run {text} ({log})" for text in done.problems()]
        if done.code:
            wrong.append(f"the next run ends with {done.code} ({log})")
        found = set(self.left(server))
        new, self.known = found - self.known, self.known | found
        return wrong, [f"{text} ({log})" for text in sorted(new)], []

    def prepare(self, server: str) -> list[str]:
        """Have the environment and the templates, however long that takes.

        What is wrong with the run after that.  One that then takes twenty times as
        long as it should is hung.
        """
        self.test(server).end(FIRST)
        began = self.clock.now()
        found = self.calm(server)
        self.limit = max(self.limit, 20 * (self.clock.now() - began))
        return [one for several in found for one in several]

    # -- processes -----------------------------------------------------------------

    def processes(self) -> list[Process]:
        """All that came of our runs, however they are detached."""
        data = f"{(self.state / 'server').resolve()}/data"
        known: dict[int, tuple[int, str]] = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                parent, zombie = _stat(path)
                line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                ours = self.mark.encode() in (path / "environ").read_bytes().split(
                    b"\0"
                )
                ours = ours or os.readlink(path / "cwd") == data
            except (OSError, ValueError):
                continue
            if ours and not zombie:
                known[int(path.name)] = parent, line
        return [
            Process(pid=pid, parent=parent, line=line[:200], kind=_kind(pid, known))
            for pid, (parent, line) in known.items()
        ]

    def kill_all(self) -> None:
        """End all of them."""
        while found := self.processes():
            for one in found:
                _kill(one.pid)
            time.sleep(0.05)

    def new_server(self) -> None:
        """Forget the data of the server: a trial has spoilt it."""
        self.kill_all()
        mark = self.state / "server"
        shutil.rmtree(mark.resolve(), ignore_errors=True)
        mark.unlink(missing_ok=True)
        self.known.clear()
        self.prepare("local")

    def stacks(self, log: Path) -> None:
        """Note what hangs."""
        with log.open("a") as stream:
            for one in self.processes():
                stream.write(f"\nHUNG {one.kind} {one.pid} <{one.parent}: {one.line}")
                try:
                    stream.write(f" [{Path(f'/proc/{one.pid}/wchan').read_text()}]")
                except OSError:
                    continue

    def left(self, server: str) -> list[str]:
        """What is there that should not be, after a run that nobody disturbed."""
        deadline = self.clock.now() + REST
        while (found := self.processes()) and self.clock.now() < deadline:
            time.sleep(0.1)
        left = [f"process {one.kind}: {one.line[:80]}" for one in found]
        left += [f"run {path.name}" for path in self.state.glob("runs/*")]
        for path in Path("/tmp").glob("harness-run-*"):
            try:
                if (path / "state").read_text().strip() == str(self.state):
                    left.append(f"directory {path}")
            except OSError:
                continue
        left += [f"file {one.name}" for one in self.state.glob("sqlite/building_*")]
        return left if server == "sqlite" else [*left, *self._databases()]

    def _databases(self) -> list[str]:
        """Databases that are no templates."""
        from harness.errors import HarnessError
        from harness.postgres import LocalServer, connect
        from harness.store import Store

        if not (self.state / "server").exists():
            return []
        server = LocalServer(Store(self.state), environ=self.environ())
        try:
            with connect(server.start()) as connection:
                rows = connection.execute(
                    "SELECT datname FROM pg_database WHERE NOT datistemplate"
                    " AND datname <> 'postgres'"
                ).fetchall()
        except HarnessError as error:
            return [f"a server that cannot be asked: {error.message.splitlines()[0]}"]
        finally:
            server.stop()
        deadline = self.clock.now() + REST
        while server.alive() and self.clock.now() < deadline:
            time.sleep(0.05)
        return [f"database {name}" for (name,) in rows]


def _stat(path: Path) -> tuple[int, bool]:
    state, parent = (path / "stat").read_text().rpartition(")")[2].split()[:2]
    return int(parent), state in "ZX"


SUITE = re.compile(r"-m (harness\.plugins\.workers|pytest)\b")
"""A process of a suite: the session, the warm process that is forked off it, and the
workers that are forked off that."""


def _kind(pid: int, known: dict[int, tuple[int, str]]) -> str:
    parent, line = known[pid]
    above = known.get(parent, (0, ""))[1]
    if "harness.postgres.supervisor" in line:
        return "supervisor"
    if "/bin/postgres -D" in line or line.startswith("postgres:"):
        return "backend" if "postgres" in above and "super" not in above else "server"
    if re.search(r"-m harness (test|template|clean)", line):
        return "harness"
    if "harness/plugins/build" in line or "harness.plugins.build" in line:
        return "builder"
    if "harness/plugins/workers/interpreter.py" in line:
        return "stand-in"
    depth = _depth(pid, known)
    if SUITE.search(line):
        return ("session", "warm", "worker")[min(depth, 2)]
    return "worker" if depth else "other"


def _depth(pid: int, known: dict[int, tuple[int, str]]) -> int:
    """How many processes of a suite are above one."""
    depth = 0
    while known[pid][0] in known:
        pid = known[pid][0]
        depth += bool(SUITE.search(known[pid][1]))
    return depth


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return False
    return True


FILES = {
    "pyproject.toml": """\
        [build-system]
        requires = ["setuptools"]
        build-backend = "setuptools.build_meta"
        [project]
        name = "harness-chaos-alpha"
        version = "7.0.0"
        [project.entry-points."trytond.modules"]
        alpha = "alpha"
        [tool.setuptools]
        packages = ["alpha", "alpha.tests"]
        package-data.alpha = ["tryton.cfg", "*.xml"]
        """,
    "alpha/tryton.cfg": """\
        [tryton]
        version=7.0.0
        depends:
            ir
            res
        xml:
            alpha.xml
        """,
    "alpha/__init__.py": """\
        from trytond.pool import Pool
        from . import alpha

        def register():
            Pool.register(alpha.Thing, module='alpha', type_='model')
        """,
    "alpha/alpha.py": """\
        from trytond.model import ModelSQL, ModelView, fields

        class Thing(ModelSQL, ModelView):
            "Thing"
            __name__ = 'alpha.thing'
            name = fields.Char("Name", required=True)
        """,
}
