# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness db …`` on the embedded server: whole databases, whatever happens."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.postgres import Address, connect, rights
from tests.integration.checkouts import identity
from tests.integration.conftest import Harness, environment

NAME = "harnessdev"
MARK = "CREATE TABLE IF NOT EXISTS mark (text varchar)"


@pytest.fixture
def sql(address: Address) -> Callable[..., list[tuple[object, ...]]]:
    """Statements on a database of the embedded server."""

    def run(database: str, *statements: str) -> list[tuple[object, ...]]:
        with connect(address, database) as connection:
            for one in statements:
                cursor = connection.execute(one.encode())
            return cursor.fetchall() if cursor.description else []

    return run


Sql = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def names(sql: Sql) -> Callable[[], set[object]]:
    def run() -> set[object]:
        rows = sql("postgres", "SELECT datname FROM pg_database")
        return {name for (name,) in rows if NAME in str(name)}

    return run


Names = Callable[[], set[object]]


@pytest.fixture(autouse=True)
def _tidy(address: Address) -> Iterator[None]:
    yield
    with connect(address) as connection:
        rows = connection.execute("SELECT datname FROM pg_database").fetchall()
        for (name,) in rows:
            if NAME in name:
                drop = f'DROP DATABASE "{name}" WITH (FORCE)'
                connection.execute(drop.encode())


@pytest.fixture
def good(harness: Harness) -> Callable[..., str]:
    def run(*words: str, **more: str) -> str:
        done = harness(*words, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


Good = Callable[..., str]


def plain(address: Address, name: str) -> str:
    """A dump as text, without the random word of newer programs."""
    from harness.run.servers import binaries

    with connect(address) as connection:
        place = binaries(connection.info.server_version)
    assert place
    done = subprocess.run(
        [str(place / "pg_dump"), name],
        env={**os.environ, **address.environment()},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return re.sub(r"^\\(un)?restrict .*$", "", done.stdout, flags=re.MULTILINE)


def fill(sql: Sql, name: str, rows: int = 20000) -> None:
    """Data that take a moment to write."""
    sql(name, "CREATE TABLE big AS SELECT g, md5(g::text) || md5((-g)::text) AS t"
        f" FROM generate_series(1, {rows}) g")  # fmt: skip


# -- made, found, deleted ------------------------------------------------------


def test_it_is_made_of_a_template_and_kept_between_runs(
    good: Good, names: Names
) -> None:
    told = good("db", "create", NAME, "-m", "alpha,beta")
    assert "from the template beta" in told
    good("template", "list")  # sweeps what dead runs have left
    rows = good("db", "psql", NAME, "-c", "SELECT name FROM alpha_thing")
    assert "First" in rows
    assert names() == {NAME}


def test_list_and_size_for_machines(good: Good) -> None:
    good("db", "create", NAME, "-m", "alpha")
    found = json.loads(good("db", "list", "--json"))
    assert found["place"] == "the embedded server"
    [one] = [one for one in found["databases"] if one["name"] == NAME]
    assert one["what"] == ""
    templates = [one for one in found["databases"] if one["what"] == "template"]
    assert templates
    found = json.loads(good("db", "size", NAME, "--json"))
    assert found["size"] == one["size"]
    assert "alpha_thing" in {table["table"] for table in found["tables"]}


def test_one_that_is_there_is_not_made_again(harness: Harness, good: Good) -> None:
    good("db", "create", NAME, "--empty")
    done = harness("db", "create", NAME, "--empty")
    assert done.returncode == 2
    assert f"harness db rebuild {NAME}" in done.stdout


@pytest.mark.parametrize(
    "name", ["postgres", "template1", "building_x", "harness_t_x", "x" * 60, "a/b"]
)
def test_names_that_no_database_may_have(harness: Harness, name: str) -> None:
    assert harness("db", "create", name, "--empty").returncode == 2


def test_a_database_that_is_not_there(harness: Harness, good: Good) -> None:
    good("db", "create", NAME, "--empty")
    for words in (("backup", "-o", "x"), ("psql",), ("update",), ("delete", "--yes")):
        done = harness("db", words[0], f"{NAME}x", *words[1:])
        assert done.returncode == 7, words
        assert f"did you mean {NAME}?" in done.stdout


def test_deleting_is_asked_for_and_ends_sessions(
    harness: Harness, good: Good, names: Names, address: Address
) -> None:
    good("db", "create", NAME, "--empty")
    with connect(address, NAME):
        assert harness("db", "delete", NAME).returncode == 2
        assert names() == {NAME}
        good("db", "delete", NAME, "--yes", "--dry-run")
        assert names() == {NAME}
        good("db", "delete", NAME, "--yes")
        assert names() == set()


def test_templates_are_not_deleted(harness: Harness, good: Good) -> None:
    good("template", "build", "alpha")
    found = json.loads(good("db", "list", "--json"))
    template = next(
        one["name"] for one in found["databases"] if one["what"] == "template"
    )
    done = harness("db", "delete", template, "--yes")
    assert done.returncode == 2
    assert "harness template prune" in done.stdout


def test_production_is_refused(harness: Harness, good: Good, address: Address) -> None:
    good("db", "create", NAME, "--empty")
    words = ("db", "delete", NAME, "--yes", "--database", address.url())
    done = harness(*words, "--environment", "production")
    assert done.returncode == 2
    assert "--force" in done.stdout
    good(*words, "--environment", "production", "--force")


def test_a_lease_is_opened_where_tests_run(good: Good, address: Address) -> None:
    with connect(address) as connection:
        connection.execute(f'CREATE DATABASE "harness_c_abc_{NAME}"'.encode())
    told = good("db", "psql", f"harness_c_abc_{NAME}", "--", "-Atc", "SELECT 40 + 2")
    assert "42" in told


def test_the_console_knows_the_models(project: Path, state: Path, good: Good) -> None:
    good("db", "create", NAME, "-m", "alpha")
    code = "print([t.name for t in pool.get('alpha.thing').search([])])\n"
    done = subprocess.run(
        [sys.executable, "-m", "harness", "db", "console", NAME],
        cwd=project, env=environment(state), input=code,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "['First']" in done.stdout, done.stderr


def test_lines_of_a_dry_run_can_be_pasted(
    good: Good, names: Names, address: Address
) -> None:
    told = good("db", "rebuild", NAME, "--empty", "--dry-run")
    assert names() == set()
    lines = [line for line in told.splitlines() if "psql" in line]
    for line in lines:
        subprocess.run(["sh", "-c", line], check=True)
    assert names() == {NAME}


# -- backup and restore --------------------------------------------------------


def test_a_backup_brings_back_the_same(
    good: Good, sql: Sql, address: Address, tmp_path: Path
) -> None:
    good("db", "create", NAME, "-m", "alpha")
    fill(sql, NAME)
    sql("postgres", f"ALTER DATABASE {NAME} SET datestyle TO 'German'")
    before = plain(address, NAME)
    file = tmp_path / "x.dump"
    good("db", "backup", NAME, "-o", str(file))
    subprocess.run(["sha256sum", "-c", f"{file.name}.sha256"], cwd=tmp_path, check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "x.dump", "x.dump.sha256",
    ]  # fmt: skip
    sql(NAME, "DELETE FROM big")
    told = good("db", "restore", str(file), NAME, "--yes")
    assert "tables restored" in told
    assert plain(address, NAME) == before
    assert sql(NAME, "SHOW datestyle") == [("German, DMY",)]


def test_a_backup_in_a_pipe_is_nothing_but_that(
    project: Path, state: Path, good: Good, tmp_path: Path
) -> None:
    good("db", "create", NAME, "-m", "alpha")
    done = subprocess.run(
        [sys.executable, "-m", "harness", "db", "backup", NAME],
        cwd=project, env=environment(state), capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith(b"PGDMP")
    assert b"sha256" in done.stderr
    file = tmp_path / "x.dump"
    file.write_bytes(done.stdout)
    told = good("db", "restore", str(file), f"{NAME}2")
    assert "not compared" in told
    done = subprocess.run(
        [sys.executable, "-m", "harness", "db", "backup", f"{NAME}3"],
        cwd=project, env=environment(state), capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (7, b"")


def test_a_file_is_not_overwritten(
    harness: Harness, good: Good, tmp_path: Path
) -> None:
    good("db", "create", NAME, "--empty")
    file = tmp_path / "x.dump"
    file.write_text("mine")
    done = harness("db", "backup", NAME, "-o", str(file))
    assert done.returncode == 2
    assert file.read_text() == "mine"
    found = json.loads(good("db", "backup", NAME, "-o", str(file), "--force", "--json"))
    assert found["size"] == file.stat().st_size


@pytest.mark.parametrize("how", ["changed", "cut", "text"])
def test_a_damaged_backup_changes_nothing(
    harness: Harness, good: Good, sql: Sql, names: Names, tmp_path: Path, how: str
) -> None:
    good("db", "create", NAME, "--empty")
    fill(sql, NAME)
    file = tmp_path / "x.dump"
    good("db", "backup", NAME, "-o", str(file))
    data = bytearray(file.read_bytes())
    if how == "changed":
        data[len(data) // 2] ^= 1
    else:
        (tmp_path / "x.dump.sha256").unlink()
        data = data[: len(data) // 2] if how == "cut" else bytearray(b"SELECT 1;\n")
    file.write_bytes(data)
    sql(NAME, MARK)
    done = harness("db", "restore", str(file), NAME, "--yes")
    assert done.returncode == (2 if how == "text" else 7)
    assert "Traceback" not in done.stdout + done.stderr
    assert sql(NAME, "SELECT count(*) FROM mark") == [(0,)]
    assert names() == {NAME}


def test_a_backup_is_tried_beside_the_others(
    good: Good, harness: Harness, sql: Sql, names: Names, tmp_path: Path
) -> None:
    backups = {"HARNESS_BACKUPS": str(tmp_path)}
    good("db", "create", NAME, "--empty", "--on", "local")
    sql(NAME, MARK, "INSERT INTO mark VALUES ('kept')")
    words = ("db", "backup", NAME, "--on", "local", "--json", "--keep-for", "1d")
    old = tmp_path / f"{NAME}-20260101-030000.dump"
    older = tmp_path / f"{NAME}-20260101-020000-2.dump"
    for one in (old, older, tmp_path / f"{NAME}2-20260101-030000.dump"):
        one.touch()
    older.with_name(f"{older.name}.sha256").touch()
    found = json.loads(good(*words, **backups))
    assert found["removed"] == [str(older), str(old)]
    path = Path(found["file"])
    assert {one.name for one in tmp_path.iterdir()} == {
        path.name, f"{path.name}.sha256", f"{NAME}2-20260101-030000.dump",
    }  # fmt: skip
    told = json.loads(good("db", "verify", str(path), "--on", "local", "--json"))
    assert (told["tables"], told["checksum"], told["modules"]) == (1, True, [])
    assert names() == {NAME}
    # One that is cut comes back as nothing, and is said; so are wishes that cannot be.
    path.write_bytes(path.read_bytes()[:-200])
    path.with_name(f"{path.name}.sha256").unlink()
    for code, *line in (
        (7, "verify", str(path)),
        (2, "verify", str(tmp_path / "none")),
        (2, "verify"),
        (2, "backup", NAME, "--files"),
        (2, "backup", NAME, "--files", "-o", "-"),
        (2, "backup", NAME, "--keep-for", "soon"),
    ):
        done = harness("db", *map(str, line), "--on", "local", **backups)
        assert done.returncode == code, done.stdout + done.stderr
        assert "to mend it" in done.stdout + done.stderr
    left = sql("postgres", "SELECT datname FROM pg_database WHERE datname ~ 'verify'")
    assert left == []


def test_encrypted_backups(
    project: Path, state: Path, good: Good, harness: Harness, sql: Sql, names: Names,
    address: Address, tmp_path: Path,
) -> None:  # fmt: skip
    """All there and back; the machine that writes them has the public key only."""
    (key, public), (other, _) = (identity(tmp_path, name) for name in ("a", "b"))
    place = tmp_path / "backups"
    asked = {
        "HARNESS_BACKUPS": str(place),
        "HARNESS_ENCRYPT_TO": f"production={public}",
        "HARNESS_DATABASE_SERVER": address.url(),
    }
    production = ("--environment", "production")
    sql("postgres", f"CREATE DATABASE {NAME}")
    sql(NAME, MARK, "INSERT INTO mark VALUES ('kept')")
    made = json.loads(good("db", "backup", NAME, *production, "--json", **asked))
    path = Path(made["file"])
    assert path.suffixes == [".dump", ".age"]
    assert path.read_bytes().startswith(b"age-encryption.org/v1\n")
    assert b"kept" not in path.read_bytes()
    subprocess.run(["sha256sum", "-c", f"{path.name}.sha256"], cwd=place, check=True)

    # What destroys, writes such ones; where it could not, nothing is lost.
    lost = ("db", "delete", NAME, *production, "--yes", "--force")
    done = harness(*lost, **{**asked, "HARNESS_ENCRYPT_TO": "production=age1x"})
    assert done.returncode == 5, done.stdout
    assert "cannot be encrypted" in done.stdout
    assert names() == {NAME}
    assert ".dump.age" in good(*lost, **asked)
    assert (names(), len([*place.glob("*.dump.age")])) == (set(), 2)

    back = ("db", "restore", str(path), NAME, *production)
    done = harness(*back, "--identity", str(other), **asked)
    assert (done.returncode, "no identity" in done.stdout) == (2, True), done.stdout
    good(*back, "--identity", str(key), **asked)
    assert sql(NAME, "SELECT text FROM mark") == [("kept",)]
    # In a pipe, too; one that is cut, without a checksum, is said.
    with path.open("wb") as stream:
        subprocess.run(
            [sys.executable, "-m", "harness", "db", "backup", NAME, *production],
            cwd=project, env=environment(state, **asked),
            stdout=stream, stderr=subprocess.DEVNULL, check=True,
        )  # fmt: skip
    path.with_name(f"{path.name}.sha256").unlink()
    drill = ("db", "verify", str(path), "--json", "--identity", str(key))
    found = json.loads(good(*drill, **asked))
    assert (found["tables"], found["checksum"]) == (1, False)
    path.write_bytes(path.read_bytes()[:-40])
    done = harness(*drill[:3], *drill[4:], **asked)
    assert (done.returncode, "cannot be decrypted" in done.stdout) == (7, True)


def test_a_backup_is_restored_without_rights(
    harness: Harness, good: Good, sql: Sql, names: Names, tmp_path: Path
) -> None:
    """What only a superuser may do needs a word; all else is ours in the end."""
    good("db", "create", NAME, "--empty")
    sql(
        NAME,
        "CREATE TABLE t (a serial)",
        "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql"
        " AS 'BEGIN NULL; END'",
        "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()",
    )
    file = tmp_path / "backup"
    good("db", "backup", NAME, "-o", str(file))
    done = harness("db", "restore", str(file), NAME, "--yes")
    assert done.returncode == 7
    assert "Must be superuser to create an event trigger" in done.stdout
    assert names() == {NAME}
    assert sql("postgres", rights.LEFT) == []
    good("db", "restore", str(file), f"{NAME}2", "--yes", "--trusted")
    sql(NAME, "DROP EVENT TRIGGER e")
    good("db", "backup", NAME, "-o", str(file), "--force")
    good("db", "restore", str(file), f"{NAME}3", "--yes")
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert sql(f"{NAME}3", owners) == [("postgres",)]
    assert sql("postgres", rights.LEFT) == []


def test_a_copy_of_a_database_in_use(
    harness: Harness, good: Good, sql: Sql, address: Address
) -> None:
    good("db", "create", NAME, "-m", "alpha")
    with connect(address, NAME):
        good("db", "copy", NAME, f"{NAME}2")
    assert plain(address, NAME) == plain(address, f"{NAME}2")
    assert harness("db", "copy", NAME, f"{NAME}2").returncode == 2
    sql(NAME, MARK)
    good("db", "copy", NAME, f"{NAME}2", "--yes")
    assert sql(f"{NAME}2", "SELECT count(*) FROM mark") == [(0,)]


def test_destroy_backs_up_and_restore_brings_back(
    project: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"

    def harness_(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "harness", *words],
            cwd=project, env=environment(state, HARNESS_BACKUPS="kept"),
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return harness_("db", *words)

    assert run("create", NAME, "--empty").returncode == 0
    data = str((state / "server").resolve())
    deadline = time.monotonic() + 10
    words = ("clean", "--all", "--dry-run")
    while data not in (told := harness_(*words, "--volumes").stdout):
        assert time.monotonic() < deadline  # the server is about to end
    assert f"the databases {NAME}" in told
    assert data not in harness_(*words).stdout
    run("psql", NAME, "-c", MARK)
    assert run("destroy").returncode == 2
    done = run("destroy", "--yes")
    assert done.returncode == 0, done.stdout
    [file] = (project / "kept").glob("*.dump")
    assert str(file) in done.stdout
    assert not (state / "server").exists()
    assert json.loads(run("list", "--json").stdout)["databases"] == []
    assert run("restore", str(file), NAME).returncode == 0
    assert "mark" in run("psql", NAME, "-c", r"\dt").stdout
    for path in (project / "kept").iterdir():
        path.unlink()
    assert run("destroy", "--yes", "--no-backup").returncode == 0
    assert not any((project / "kept").iterdir())


# -- update --------------------------------------------------------------------


def more(project: Path, text: str = '    colour = fields.Char("Colour")\n') -> None:
    with (project / "src" / "alpha" / "alpha" / "alpha.py").open("a") as file:
        file.write(text)


COLUMNS = (
    "SELECT column_name FROM information_schema.columns"
    " WHERE table_name = 'alpha_thing' AND column_name = 'colour'"
)


def test_a_dry_run_lists_what_an_update_does(
    good: Good, project: Path, sql: Sql, names: Names
) -> None:
    good("db", "create", NAME, "-m", "alpha")
    more(project)
    told = good("db", "update", NAME, "--dry-run")
    assert "new: column alpha_thing.colour" in told
    assert "trytond-admin" in told
    assert "pg_dump" in told
    assert sql(NAME, COLUMNS) == []
    assert names() == {NAME}
    told = good("db", "update", NAME, "-m", "alpha")
    assert sql(NAME, COLUMNS) == [("colour",)]
    [path] = re.findall(r"backup: (\S+)", told)
    assert Path(path).parent == project / "backups"
    told = good("db", "update", NAME, "--no-backup")
    assert "backup" not in told
    assert "no changes" in told
    for file in (project / "backups").iterdir():
        file.unlink()


def test_modules_that_are_not_installed_are_named(harness: Harness, good: Good) -> None:
    good("db", "create", NAME, "-m", "alpha")
    done = harness("db", "update", NAME, "-m", "alpha,beta,gamma")
    assert done.returncode == 2
    assert f"not installed in {NAME}: beta, gamma" in done.stdout


def test_an_update_that_fails_changes_nothing(
    harness: Harness, good: Good, project: Path, sql: Sql, names: Names
) -> None:
    good("db", "create", NAME, "-m", "alpha")
    sql(NAME, MARK)
    more(project)
    xml = project / "src" / "alpha" / "alpha" / "alpha.xml"
    xml.write_text(xml.read_text().replace('name="name"', 'name="nmae"'))
    done = harness("db", "update", NAME, "--no-backup")
    assert done.returncode == 7
    assert "the database is as it was" in done.stdout
    assert sql(NAME, COLUMNS) == []
    assert sql(NAME, "SELECT count(*) FROM mark") == [(0,)]
    assert names() == {NAME}


def test_none_of_trytons(harness: Harness, good: Good) -> None:
    good("db", "create", NAME, "--empty")
    done = harness("db", "update", NAME)
    assert done.returncode == 7
    assert "none of Tryton's" in done.stdout


# -- killed --------------------------------------------------------------------


class Killed:
    """A command that is killed as soon as `reached` says so."""

    def __init__(self, project: Path, state: Path, *words: str) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-m", "harness", "db", *words],
            cwd=project, env=environment(state), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def when(self, reached: Callable[[], bool], delay: float = 0.0) -> None:
        while not reached():
            assert self.child.poll() is None, self.child.communicate()[0]
            time.sleep(0.005)
        time.sleep(delay)
        assert self.child.poll() is None, "it was too quick to be killed"
        self.child.kill()
        self.child.communicate()
        assert self.child.returncode == -9


def test_a_backup_that_is_killed(
    good: Good, sql: Sql, project: Path, state: Path, tmp_path: Path
) -> None:
    good("db", "create", NAME, "--empty")
    fill(sql, NAME, rows=1_000_000)
    file = tmp_path / "x.dump"
    file.write_text("former")
    part = tmp_path / ".x.dump.part"
    killed = Killed(project, state, "backup", NAME, "-o", str(file), "--force")
    killed.when(lambda: part.exists() and part.stat().st_size > 1 << 20)
    assert file.read_text() == "former"
    good("db", "backup", NAME, "-o", str(file), "--force")
    assert file.read_bytes().startswith(b"PGDMP")
    assert not part.exists()


def test_a_restore_that_is_killed(
    good: Good, sql: Sql, names: Names, project: Path, state: Path, tmp_path: Path
) -> None:
    good("db", "create", NAME, "--empty")
    fill(sql, NAME, rows=1_000_000)
    file = tmp_path / "x.dump"
    good("db", "backup", NAME, "-o", str(file))
    sql(NAME, "DROP TABLE big", MARK)
    killed = Killed(project, state, "restore", str(file), NAME, "--yes")
    killed.when(lambda: f"building_{NAME}" in names(), delay=0.1)
    assert sql(NAME, "SELECT count(*) FROM mark") == [(0,)]
    good("db", "restore", str(file), NAME, "--yes")
    assert sql(NAME, "SELECT count(*) FROM big") == [(1_000_000,)]
    assert names() == {NAME}


def test_an_update_that_is_killed(
    good: Good, sql: Sql, names: Names, project: Path, state: Path
) -> None:
    good("db", "create", NAME, "-m", "alpha")
    sql(NAME, MARK)
    more(project)
    killed = Killed(project, state, "update", NAME, "--no-backup")
    killed.when(lambda: f"building_{NAME}" in names(), delay=0.3)
    assert sql(NAME, COLUMNS) == []
    assert sql(NAME, "SELECT count(*) FROM mark") == [(0,)]
    good("db", "update", NAME, "--no-backup")
    assert sql(NAME, COLUMNS) == [("colour",)]
    assert sql(NAME, "SELECT count(*) FROM mark") == [(0,)]
    assert names() == {NAME}


def test_rebuilds_that_are_killed_at_any_time(
    good: Good, sql: Sql, project: Path, state: Path, names: Names
) -> None:
    good("db", "create", NAME, "-m", "alpha")
    words = ("rebuild", NAME, "-m", "alpha", "--yes")
    for number in range(6):
        child = Killed(project, state, *words).child
        time.sleep(0.5 + 0.1 * number)
        child.kill()
        child.communicate()
        assert sql(NAME, "SELECT name FROM alpha_thing") == [("First",)]
    good("db", *words)
    assert names() == {NAME}


def test_two_at_once_work_one_after_the_other(
    good: Good, sql: Sql, project: Path, state: Path, tmp_path: Path, names: Names
) -> None:
    good("db", "create", NAME, "--empty")
    fill(sql, NAME, rows=200_000)
    file = tmp_path / "x.dump"
    good("db", "backup", NAME, "-o", str(file))
    words = ("restore", str(file), NAME, "--yes")
    first, second = (Killed(project, state, *words).child for _ in range(2))
    told = [one.communicate()[0].decode() for one in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], told
    assert ["waiting" in text for text in told].count(True) == 1
    assert sql(NAME, "SELECT count(*) FROM big") == [(200_000,)]
    assert names() == {NAME}
