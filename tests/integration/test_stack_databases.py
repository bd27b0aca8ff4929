# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness db …`` on the stack, through its containers."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.engine import Engine
from tests.integration.checkouts import ROOT, Checkout, docker, identity
from tests.integration.test_stack import Tryton
from tests.weekly import WEEKLY, weekly

WITHOUT = Engine(dict(os.environ)).why_not()
pytestmark = [
    pytest.mark.skipif(
        bool(WITHOUT) and not os.environ.get("CI"),
        reason=f"no Docker engine: {WITHOUT}",
    ),
    pytest.mark.usefixtures("engine"),
]
NAME = "collecting_society"


def db(stack: Checkout, action: str, *words: str, **more: str) -> str:
    return stack.good("db", action, "--on", "stack", *words, **more)


def sql(stack: Checkout, statement: str, database: str = NAME) -> str:
    words = ("psql", "-Atd", database, "-c", statement)
    return docker("exec", f"{stack.project}-db-1", *words).strip()


def names(stack: Checkout) -> set[str]:
    found = sql(stack, "SELECT datname FROM pg_database", "postgres").split()
    return {one for one in found if not one.startswith(("template", "postgres"))}


def plain(stack: Checkout, database: str = NAME) -> str:
    """A dump as text, without the random word of newer programs."""
    text = docker("exec", f"{stack.project}-db-1", "pg_dump", database)
    return re.sub(r"^\\(un)?restrict .*$", "", text, flags=re.MULTILINE)


def answers(stack: Checkout) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        client = Tryton(stack.erp)
        try:
            if client.login(stack.password):
                return True
        except OSError:
            pass
        time.sleep(0.3)
    return False


@WEEKLY
def test_a_database_beside_the_stacks_own(stack: Checkout, tmp_path: Path) -> None:
    db(stack, "create", "other", "--empty")
    assert names(stack) == {NAME, "other"}
    db(stack, "psql", "other", "-c", "CREATE TABLE mark (text varchar)")
    found = json.loads(db(stack, "list", "--json"))
    assert {one["name"] for one in found["databases"]} == {NAME, "other"}
    assert found["place"].endswith("(development)")
    db(stack, "copy", "other", "copied")
    assert plain(stack, "copied") == plain(stack, "other")
    file = tmp_path / "x.dump"
    db(stack, "backup", "other", "-o", str(file))
    subprocess.run(["sha256sum", "-c", f"{file.name}.sha256"], cwd=tmp_path, check=True)
    db(stack, "psql", "other", "-c", "DROP TABLE mark")
    db(stack, "restore", str(file), "other", "--yes")
    assert "0 B" not in db(stack, "size", "other")
    assert sql(stack, "SELECT count(*) FROM mark", "other") == "0"
    assert stack("db", "delete", "other", "--on", "stack").returncode == 2
    db(stack, "delete", "other", "copied", "--yes")
    assert names(stack) == {NAME}


def test_a_backup_of_a_newer_server(stack: Checkout, tmp_path: Path) -> None:
    """The embedded server is newer than the stack's, and its programs are."""
    there = ("--on", "local")
    stack("db", "delete", "newer", "--yes", *there)
    stack.good("db", "create", "newer", "--empty", *there)
    table = "CREATE TABLE mark AS SELECT 42 AS n"
    stack.good("db", "psql", "newer", *there, "-c", table)
    file = str(tmp_path / "x.dump")
    stack.good("db", "backup", "newer", "-o", file, *there)
    stack.good("db", "delete", "newer", "--yes", *there)
    key, public = identity(tmp_path, "key")  # its file is read twice, in pipes
    subprocess.run(["age", "-r", public, "-o", f"{file}.age", file], check=True)
    words = (f"{file}.age", "newer", "--identity", str(key))
    assert "1 tables restored" in db(stack, "restore", *words)
    assert sql(stack, "SELECT n FROM mark", "newer") == "42"
    file = str(tmp_path / "y.dump")
    db(stack, "backup", "newer", "-o", file)
    db(stack, "delete", "newer", "--yes")
    stack.good("db", "restore", file, "newer", *there)
    stack.good("db", "delete", "newer", "--yes", *there)


def test_a_backup_in_a_pipe(stack: Checkout) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "harness", "db", "backup", "--on", "stack"],
        cwd=stack.root, env=stack.env, capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith(b"PGDMP")


def test_the_console_knows_the_models(stack: Checkout) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "harness", "db", "console", "--on", "stack"],
        cwd=stack.root, env=stack.env, capture_output=True, text=True, check=False,
        input="print(pool.get('party.party').__name__)\n", timeout=120,
    )  # fmt: skip
    assert "party.party" in done.stdout, done.stderr


def test_an_update_is_rehearsed_and_done(stack: Checkout) -> None:
    file = stack.root / "examples" / NAME / "message.xml"
    text = file.read_text()
    try:
        file.write_text(re.sub(r'(<field name="text">)', r"\1New: ", text, count=1))
        told = db(stack, "update", "--dry-run")
        assert re.search(
            r"changed: record collecting_society\.\S+ \(ir\.message\)", told
        )
        assert "docker stop" in told
        assert names(stack) == {NAME}
        query = "SELECT count(*) FROM ir_message WHERE text LIKE 'New: %'"
        assert sql(stack, query) == "0"
        told = db(stack, "update")
        assert sql(stack, query) == "1"
        assert "backup: " in told
        assert answers(stack)
    finally:
        file.write_text(text)


def test_modules_that_are_not_installed_are_named(stack: Checkout) -> None:
    done = stack("db", "update", "--on", "stack", "-m", "party,sale")
    assert done.returncode == 2
    assert f"not installed in {NAME}: sale" in done.stdout


@pytest.fixture(scope="module")
def few(stack: Checkout) -> None:
    """Fewer services for a command to stop and to start: each takes seconds."""
    stack.good("scale", "portal=0", "api=0")


def killed(
    stack: Checkout, reached: Callable[[], bool], *words: str, delay: float = 0.0
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "harness", "db", words[0], "--on", "stack", *words[1:]],
        cwd=stack.root, env=stack.env, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    while not reached():
        assert child.poll() is None, child.communicate()[0].decode()
    time.sleep(delay)
    assert child.poll() is None, "it was too quick to be killed"
    child.kill()
    child.communicate()


@WEEKLY
@pytest.mark.usefixtures("few")
def test_demo_data_survive_the_end_of_the_volume(
    stack: Checkout, examples_state: Path
) -> None:
    same = {
        "HARNESS_SOURCE_COLLECTING_SOCIETY_PATH": f"{ROOT}/examples/{NAME}",
        "HARNESS_STATE": str(examples_state),
    }
    words = ("demo-setup", "--yes", "--reclimit", "3")
    told = db(stack, *words, "--dry-run", **same)
    assert "pg_dump" in told
    assert "initialise.py --database building_collecting_society --password" in told
    db(stack, *words, **same)
    assert sql(stack, "SELECT count(*) FROM collecting_society_artist") != "0"
    assert answers(stack)
    before = plain(stack)
    assert stack("db", "destroy", "--on", "stack").returncode == 2
    told = db(stack, "destroy", "--yes")
    [file] = re.findall(r"^  (\S+\.dump): ", told, re.MULTILINE)
    done = stack("db", "list", "--on", "stack")
    assert done.returncode == 2
    assert "harness up" in done.stdout
    db(stack, "restore", file)
    assert plain(stack) == before
    stack.good("up")
    assert answers(stack)
    db(stack, "rebuild", "--yes")
    assert sql(stack, "SELECT count(*) FROM collecting_society_artist") == "0"
    assert answers(stack)


@pytest.fixture(scope="module")
def other(stack: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The backup of a copy, which is there, too; services are not in its way."""
    db(stack, "copy", NAME, "other", "--yes")
    file = tmp_path_factory.mktemp("other") / "x.dump"
    db(stack, "backup", "other", "-o", str(file))
    yield file
    db(stack, "delete", "other", "--yes")


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    "action", [weekly("update"), "restore", weekly("rebuild"), weekly("backup")]
)
def test_what_is_killed_leaves_the_former_state(
    stack: Checkout, tmp_path: Path, request: pytest.FixtureRequest, action: str
) -> None:
    name = NAME if action == "update" else "other"  # services are in the way of one
    file = request.getfixturevalue("other") if name != NAME else None
    sql(stack, "CREATE TABLE mark AS SELECT 42 AS n", name)
    words = {
        "restore": (str(file), name, "--yes"),
        "update": (name, "--no-backup"),
        "rebuild": (name, "--yes"),
        "backup": (name, "-o", str(tmp_path / "y.dump")),
    }[action]
    part = tmp_path / ".y.dump.part"

    def reached() -> bool:
        if action == "backup":  # of a small database: it takes no second
            return part.exists()
        return f"building_{name}" in names(stack)

    killed(stack, reached, action, *words)
    assert sql(stack, "SELECT n FROM mark", name) == "42"
    assert not (tmp_path / "y.dump").exists()
    db(stack, action, *words)
    assert names(stack) == {NAME, name}
    query = "SELECT count(*) FROM pg_class WHERE relname = 'mark'"
    kept = action in ("update", "backup")
    assert sql(stack, query, name) == ("1" if kept else "0")
    sql(stack, "DROP TABLE IF EXISTS mark", name)
    if name == NAME:
        assert answers(stack)  # what was killed could not start it; this one did
