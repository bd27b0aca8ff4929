# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness template``, and builds that are killed, fail, or run out of space."""

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from textwrap import dedent

import psycopg
import pytest

from harness import config
from harness.commands import template
from harness.context import Context
from harness.output import Console
from harness.postgres import Address, LocalServer, connect
from harness.run import needs
from harness.run.servers import binaries
from harness.store import Run, Store
from harness.template.build import LayerProgress, TemplateBuilder
from harness.template.postgresql import PostgreSQL
from tests.weekly import weekly

Harness = Callable[..., "subprocess.CompletedProcess[str]"]
SERVERS = ("local", "sqlite")
BOTH = pytest.mark.parametrize("server", SERVERS)


def names(harness: Harness, server: str) -> dict[str, list[str]]:
    """Digests of all templates by name."""
    done = harness("template", "list", "--json", "--database", server)
    assert done.returncode == 0, done.stdout
    found: dict[str, list[str]] = {}
    for one in json.loads(done.stdout):
        found.setdefault(one["name"], []).append(one["digest"])
    return found


def touch(project: Path, text: str) -> None:
    """Change what the build of the first module sees, so that it must be built."""
    file = project / "src/alpha/alpha/alpha.py"
    file.write_text(f"{file.read_text()}\nMARK = '{text} {time.time()}'\n")


def unfinished(harness: Harness, state: Path) -> list[str]:
    """Drafts that nobody can mistake for templates, but that lie about."""
    server = LocalServer(Store(state), environ=os.environ)
    found = drafts(server.start())
    server.stop()
    return found + [path.name for path in (state / "sqlite").glob("building_*")]


def drafts(address: Address) -> list[str]:
    """Databases that are being filled."""
    with connect(address) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'harness\\_b%'"
        ).fetchall()
    return [name for (name,) in rows]


@BOTH
def test_build_is_done_once(harness: Harness, project: Path, server: str) -> None:
    touch(project, "once")
    first = harness("template", "build", "beta", "--database", server)
    assert first.returncode == 0, first.stdout
    assert "layer alpha built in" in first.stdout
    assert "template beta built" in first.stdout
    second = harness("template", "build", "beta", "--database", server)
    assert "is there already" in second.stdout
    assert "built in" not in second.stdout


@BOTH
def test_explain_names_the_file_that_changed(
    harness: Harness, project: Path, server: str
) -> None:
    harness("template", "build", "beta", "--database", server)
    touch(project, "explain")
    done = harness("template", "explain", "beta", "--database", server)
    lines = done.stdout.splitlines()
    assert any(line.startswith("layer base") and "is there" in line for line in lines)
    for name in ("alpha", "beta"):  # what stands on it has seen the file, too
        at = next(
            n for n, line in enumerate(lines) if line.startswith(f"layer {name} ")
        )
        assert "must be built" in lines[at]
        assert "  src/alpha/alpha/alpha.py: MARK changed" in lines[at:]


@BOTH
def test_export_and_import(
    harness: Harness, project: Path, tmp_path: Path, server: str
) -> None:
    touch(project, "export")
    harness("template", "build", "alpha", "--database", server)
    file = tmp_path / "alpha.template"
    done = harness("template", "export", "alpha", "-o", str(file), "--database", server)
    assert done.returncode == 0, done.stdout
    again = harness(
        "template", "export", "alpha", "-o", str(file), "--database", server
    )
    assert again.returncode == 2
    before = names(harness, server)
    assert harness("template", "prune", "--all", "--database", server).returncode == 0
    assert names(harness, server) == {}
    done = harness("template", "import", str(file), "--database", server)
    assert done.returncode == 0, done.stdout
    assert set(names(harness, server)["alpha"]) <= set(before["alpha"])
    done = harness("test", "tryton", "alpha", "--database", server)
    assert done.returncode == 0, done.stdout
    assert " built" not in done.stdout


def test_import_of_something_else(harness: Harness, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no template")
    done = harness("template", "import", str(file))
    assert done.returncode == 7
    assert "cannot be imported" in done.stdout


def test_import_for_another_server(
    harness: Harness, project: Path, tmp_path: Path
) -> None:
    file = tmp_path / "alpha.template"
    harness("template", "build", "alpha", "--database", "sqlite")
    harness("template", "export", "alpha", "-o", str(file), "--database", "sqlite")
    done = harness("template", "import", str(file), "--database", "local")
    assert done.returncode == 7
    assert "is a template of sqlite" in done.stdout


METHODS = """
    @classmethod
    def default_name(cls):
        return "{entered}"

    @classmethod
    def never(cls):
        return "{never}"
"""


@pytest.mark.parametrize("server", ["local", weekly("sqlite")])
def test_a_body_that_no_build_enters_builds_nothing(
    harness: Harness, project: Path, tmp_path: Path, server: str
) -> None:
    file = project / "src/alpha/alpha/alpha.py"
    before, entered = file.read_text(), f"{time.time()}"
    record = file.with_name("alpha.xml")
    record.write_text(
        '<tryton><data><record model="alpha.thing" id="first"/>'
        '<record model="ir.ui.view" id="view"><field name="model">alpha.thing</field>'
        '<field name="type">form</field><field name="name">thing</field></record>'
        "</data></tryton>"
    )
    view = file.with_name("view") / "thing.xml"
    view.parent.mkdir(exist_ok=True)
    view.write_text("<form/>")

    def build(*words: str) -> str:
        done = harness("template", *words, "alpha", "--database", server)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def write(**words: str) -> None:
        file.write_text(before + METHODS.format(**{"entered": entered, **words}))

    write(never="1")
    done = harness("template", "verify", "alpha", "--database", server)
    assert done.returncode == 7, done.stdout
    remedy = f"harness template build alpha --database {server}"
    assert remedy in done.stdout + done.stderr
    assert "layer alpha built" in build("build")
    write(never="2")
    assert "is there already, by trace" in build("build")
    assert "not in what a build enters: file alpha/alpha.py" in build("explain")
    packed = tmp_path / "alpha.template"
    build("export", "-o", str(packed))
    harness("template", "prune", "--all", "--database", server)
    harness("template", "import", str(packed), "--database", server)
    done = harness("test", "tryton", "alpha", "--database", server, "-k", "rec_name")
    assert done.returncode == 0, done.stdout
    assert "template alpha by trace" in done.stdout
    assert " built in" not in done.stdout.partition("alpha by trace")[0]
    assert "layer alpha built" in build("build", "--exact")
    write(never="3", entered=f"{entered} more")
    assert "alpha.py: Thing.default_name() changed" in build("explain")
    assert "layer alpha built" in build("build")
    view.write_text('<form col="3"/>')
    assert "is there already, by trace" in build("build")
    view.write_text("<tree/>")
    done = harness("template", "build", "alpha", "--database", server)
    assert done.returncode == 7, done.stdout
    view.write_text('<form col="4"/>')
    if server == "sqlite":
        write(never="4", entered=f"{entered} more")
        assert "is what a build from nothing gives" in build("verify", "--traced")
        assert "no trace has let it pass unseen" in build("verify", "--traced")


def test_limits(harness: Harness, project: Path) -> None:
    for number in range(3):
        touch(project, f"limit {number}")
        harness("template", "build", "alpha", "--database", "sqlite")
    done = harness(
        "template", "prune", "--database", "sqlite", HARNESS_TEMPLATES_COUNT="2"
    )
    assert done.returncode == 0, done.stdout
    assert "more than 2 templates" in done.stdout
    left = names(harness, "sqlite")
    assert sum(map(len, left.values())) == 2
    assert "alpha" in left


SCRIPT = """\
A document that is run against the database.

    >>> from proteus import Model
    >>> Thing = Model.get('alpha.thing')
    >>> Thing(name='From the script').save()
    >>> {line}
"""


def configure(project: Path, line: str) -> None:
    (project / "script.txt").write_text(SCRIPT.format(line=line))
    file = project / "pyproject.toml"
    file.write_text(
        file.read_text().partition("[tool.harness.template")[0]
        + '[tool.harness.template.demo]\nmodules = ["alpha"]\ndata = ["script.txt"]\n'
    )


@BOTH
def test_data_layer(harness: Harness, project: Path, server: str) -> None:
    configure(project, f"_ = {time.time()}")
    done = harness("template", "build", "demo", "--database", server)
    assert done.returncode == 0, done.stdout
    assert "layer script built in" in done.stdout


def test_a_layer_that_another_run_builds_meanwhile(
    harness: Harness, project: Path, env: dict[str, str]
) -> None:
    """Its modules are there for the next layer, which the same process fills."""
    configure(project, f"_ = {time.time()}")
    harness("template", "prune", "--all", "--database", "sqlite")
    settings = config.load(project, env, {"database.server": ("sqlite", "--database")})
    console = Console(io.StringIO(), env)
    context = Context(config=settings, environ=env, console=console, line="test")
    with template.open_bench(context, ("alpha",), "") as bench:
        own = bench.builder
        other = TemplateBuilder(
            own.shelf, own.filling, series=own.series, deadline=120,
            listener=lambda progress: None,
        )  # fmt: skip
        script = bench.layers.resolve(needs.request(settings, ("demo",)))
        *_, base, alpha, _ = script.chain()

        def hear(progress: LayerProgress) -> None:
            if (progress.event, progress.layer) == ("end", base):
                other.ensure(alpha)

        own.listener = hear
        own.ensure(script)
        assert [one.layer for one in own.costs] == ["base", "script"]


@BOTH
def test_data_script_that_raises(
    harness: Harness, project: Path, state: Path, server: str
) -> None:
    before = names(harness, server)
    configure(project, "1 / 0")
    done = harness("template", "build", "demo", "--database", server)
    assert done.returncode == 7
    assert "script.txt:6: 1 / 0" in done.stdout
    assert "ZeroDivisionError" in done.stdout
    assert names(harness, server).get("script") == before.get("script")
    assert unfinished(harness, state) == []


@BOTH
def test_a_source_that_changes_while_it_is_built(
    harness: Harness, project: Path, state: Path, server: str
) -> None:
    """As when a branch is switched: no template has an old name and new content."""
    before = names(harness, server)
    file = project / "src/alpha/alpha/alpha.py"
    configure(project, f"_ = open({str(file)!r}, 'a').write('# {time.time()}')")
    done = harness("template", "build", "demo", "--database", server)
    assert done.returncode == 7
    assert "layer script was not kept, since it changed while it was" in done.stdout
    assert "file alpha/alpha.py changed" in done.stdout
    assert names(harness, server).get("script") == before.get("script")
    assert unfinished(harness, state) == []
    configure(project, "_ = 1")
    assert harness("template", "build", "demo", "--database", server).returncode == 0


def test_a_source_that_is_saved_twice_within_a_second(
    harness: Harness, project: Path, state: Path
) -> None:
    """At the same size; Python would take the first one's bytecode for the second's."""
    file = project / "src/alpha/alpha/alpha.py"
    before, second = file.read_text(), int(time.time()) + 60
    for number in (1, 2):
        field = f"    field_{number} = fields.Integer('A')  # {second}\n"
        file.write_text(before + field)
        os.utime(file, (second, second + number / 10))
        done = harness(
            "template", "build", "alpha", "--database", "sqlite",
            PYTHONDONTWRITEBYTECODE="",
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
    digest = done.stdout.rpartition(": ")[2].partition(",")[0]
    with closing(sqlite3.connect(state / "sqlite" / f"{digest}.sqlite")) as template:
        rows = template.execute("PRAGMA table_info(alpha_thing)").fetchall()
    columns = {row[1] for row in rows}
    assert "field_2" in columns
    assert "field_1" not in columns


@BOTH
def test_a_script_that_reads_what_its_digest_does_not_know(
    harness: Harness, project: Path, state: Path, server: str
) -> None:
    prices = project / "elsewhere" / "prices.dat"
    prices.parent.mkdir(exist_ok=True)
    prices.write_text(f"{time.time()}")
    configure(project, f"_ = open({str(prices)!r}).read()  # {time.time()}")
    done = harness("template", "build", "demo", "--database", server)
    assert done.returncode == 7
    assert "layer script was not kept: it read elsewhere/prices.dat" in done.stdout
    assert unfinished(harness, state) == []
    file = project / "pyproject.toml"
    file.write_text(file.read_text() + 'reads = ["elsewhere"]\n')
    assert harness("template", "build", "demo", "--database", server).returncode == 0
    assert (
        "is there already"
        in harness("template", "build", "demo", "--database", server).stdout
    )
    prices.write_text("more")
    done = harness("template", "explain", "demo", "--database", server)
    assert "changed: read elsewhere/prices.dat" in done.stdout


PROGRAM = """\
import os, sys, time
import psycopg2
connection = psycopg2.connect(dbname=os.environ["DB_NAME"])
cursor = connection.cursor()
cursor.execute("INSERT INTO alpha_thing (name) VALUES (%s)", [os.environ["MODE"]])
connection.commit()
print("filled from", os.path.basename(os.getcwd()))
{line}
"""


def programmed(project: Path, line: str = "") -> None:
    """A template that a program of the project fills."""
    (project / "generator").mkdir(exist_ok=True)
    (project / "generator/fill.py").write_text(PROGRAM.format(line=line))
    file = project / "pyproject.toml"
    file.write_text(
        file.read_text().partition("[tool.harness.template")[0]
        + dedent("""\
        [tool.harness.template.filled]
        modules = ["alpha"]
        command = ["python", "fill.py"]
        directory = "generator"
        reads = ["generator"]
        environment = ["MODE=made by a program"]
        """)
    )


def test_a_program_fills_a_layer(harness: Harness, project: Path, state: Path) -> None:
    programmed(project, f"# {time.time()}")
    done = harness("template", "build", "filled")
    assert done.returncode == 0, done.stdout
    assert "layer filled built in" in done.stdout
    assert "is there already" in harness("template", "build", "filled").stdout
    assert _things(harness, project, state) == ["First", "made by a program"]
    programmed(project, f"# another {time.time()}")
    done = harness("template", "explain", "filled")
    assert "changed: read generator/fill.py" in done.stdout


def _things(harness: Harness, project: Path, state: Path) -> list[str]:
    """What the newest template of that name has in its table."""
    store = Store(state)
    server = LocalServer(store, environ=os.environ)
    address = server.start()
    try:
        with Run(store) as run:
            shelf = PostgreSQL(
                address, run.id, file_copy=True, binaries=binaries, environ=os.environ
            )
            digest = names(harness, "local")["filled"][0]
            database = shelf.clone(digest, "filled")
            with psycopg.connect(address.url(database)) as connection:
                rows = connection.execute("SELECT name FROM alpha_thing ORDER BY id")
                found = [name for (name,) in rows]
            shelf.drop(database)
            shelf.close()
            return found
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sys.exit(3)", "it ended with exit code 3:"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_program_that_fails(
    harness: Harness, project: Path, state: Path, line: str, expected: str
) -> None:
    programmed(project, f"{line}  # {time.time()}")
    done = harness("template", "build", "filled")
    assert done.returncode == 7
    assert "layer filled cannot be built (python fill.py)" in done.stdout
    assert "filled from generator" in done.stdout
    assert expected in done.stdout
    assert unfinished(harness, state) == []


def test_a_program_ends_with_the_build(
    harness: Harness,
    project: Path,
    state: Path,
    env: dict[str, str],
    tmp_path: Path,
) -> None:
    """Also with one that is killed alone: no process goes on filling."""
    mark = tmp_path / "pid"
    programmed(
        project,
        f"open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)",
    )
    with subprocess.Popen(
        [sys.executable, "-m", "harness", "template", "build", "filled"],
        cwd=project,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        until(lambda: mark.exists() and mark.read_text())
        builder = _builder(state)
        assert builder is not None
        os.kill(builder, signal.SIGKILL)
        assert process.wait(timeout=60) == 7
    until(lambda: not Path("/proc", mark.read_text()).exists(), seconds=60)
    assert unfinished(harness, state) == []


def until(condition: Callable[[], object], *, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _builder(state: Path) -> int | None:
    """The process that fills templates, if there is one now."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if b"harness.plugins.build" in command and os.fsencode(state) in command:
            return int(path.parent.name)
    return None


@pytest.mark.parametrize(
    ("server", "phase", "victim"),
    [
        ("local", "import", "builder"),
        weekly("local", "import", "harness"),
        weekly("local", "base", "builder"),
        ("local", "base", "harness"),
        ("local", "module", "builder"),
        weekly("local", "module", "harness"),
        weekly("local", "publish", "builder"),
        ("local", "publish", "harness"),
        ("sqlite", "base", "builder"),
        weekly("sqlite", "base", "harness"),
    ],
)
def test_killed_build(
    harness: Harness,
    project: Path,
    state: Path,
    env: dict[str, str],
    address: Address,
    server: str,
    phase: str,
    victim: str,
) -> None:
    """Whoever is killed, whenever: no template, nothing left, the next run works."""
    if phase == "base":  # else that layer is there, and the next one is built
        harness("template", "prune", "--all", "--database", server)
    touch(project, f"{phase} {victim}")
    run = subprocess.Popen(
        [sys.executable, "-m", "harness", "template", "build", "alpha",
         "--database", server],
        cwd=project, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    until(lambda: _builder(state))
    pid = _builder(state)
    assert pid is not None
    if phase in ("module", "publish"):
        until(lambda: drafts(address) or not _builder(state))
    time.sleep({"import": 0.05, "base": 1.5, "module": 0.1, "publish": 1.0}[phase])
    alive = Path(f"/proc/{pid}").exists()
    try:
        os.kill(pid if victim == "builder" else run.pid, signal.SIGKILL)
    except ProcessLookupError:
        alive = False
    output, _ = run.communicate(timeout=60)
    if victim == "builder" and alive and run.returncode:
        assert run.returncode == 7, output
        assert "signal 9" in output
    until(lambda: _builder(state) is None, seconds=60)
    done = harness("test", "tryton", "alpha", "--database", server)
    assert done.returncode == 0, done.stdout
    assert unfinished(harness, state) == [] or server == "sqlite"


@pytest.fixture
def small(open_place: Path) -> Iterator[Path]:
    """A file system that is soon full."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a small file system")
    place = open_place / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=72m,mode=755", "harness", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
    yield place
    for _ in range(200):  # a server that finds no room is waited for, 20 s
        if not subprocess.run(["umount", place], check=False).returncode:
            break
        time.sleep(0.2)


def test_disk_full(harness: Harness, project: Path, state: Path, small: Path) -> None:
    """The data directory does not fit; one message, and it is not our defect."""
    (small / "state").mkdir()
    (small / "state" / "envs").symlink_to(state / "envs")
    done = harness(
        "test", "tryton", "alpha", "--database", "local",
        HARNESS_STATE=str(small / "state"), HARNESS_DATABASE_STORAGE="disk",
    )  # fmt: skip
    assert done.returncode in {4, 7}, done.stdout
    assert "o space left" in done.stdout
    assert "defect" not in done.stdout
    assert done.stdout.count("Traceback") <= 1


def test_a_run_keeps_house(harness: Harness, project: Path) -> None:
    """Templates beyond the limits go at the end of a run, its own stay."""
    for number in range(2):
        touch(project, f"house {number}")
        harness("template", "build", "alpha", "--database", "sqlite")
    done = harness(
        "test", "tryton", "alpha", "--database", "sqlite", HARNESS_TEMPLATES_COUNT="2"
    )
    assert done.returncode == 0, done.stdout
    left = names(harness, "sqlite")
    assert {name: len(digests) for name, digests in left.items()} == {
        "base": 1,
        "alpha": 1,
    }
