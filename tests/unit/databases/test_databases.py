# SPDX-License-Identifier: GPL-3.0-or-later
"""What needs no server: lines, names, files, differences."""

import dataclasses
import hashlib
from pathlib import Path

import pytest

from harness.databases import archive, catalogue, files, replace, sealing
from harness.databases.client import PostgresPrograms, literal, quoted
from harness.databases.sealing import Backup, Seal
from harness.errors import DatabaseError, MissingTool, UsageError


def client(told: list[str] | None = None, **more: str) -> PostgresPrograms:
    return PostgresPrograms(
        kind="local",
        title="the server",
        start=lambda program, terminal: [f"/bin/{program}"],
        env={"PGHOST": "/s", "PGPASSWORD": "secret", **more},
        dry=told is not None,
        say=told.append if told is not None else lambda text: None,
        shown=("PGHOST",),
    )


# -- lines ---------------------------------------------------------------------


def test_a_dry_run_says_the_line_and_no_password() -> None:
    told: list[str] = []
    client(told).change("SELECT 1", 'DROP DATABASE "x"', together=True)
    assert told == [
        "PGHOST=/s /bin/psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1"
        " --single-transaction --dbname=postgres '--command=SELECT 1'"
        " '--command=DROP DATABASE \"x\"'"
    ]


def test_names_and_texts_are_quoted() -> None:
    assert quoted('a"b') == '"a""b"'
    assert literal("a'b") == "'a''b'"


def test_a_missing_database_is_named() -> None:
    said = 'psql: error: connection failed: FATAL:  database "x" does not exist'
    error = client().refusal(said, ["psql"])
    assert error.message == "there is no database x on the server"
    assert "harness db list" in error.remedy


def test_a_missing_role_has_a_way_without_it() -> None:
    said = (
        'pg_restore: error: could not execute query: ERROR:  role "app" does not exist'
    )
    error = client().refusal(said, ["pg_restore"])
    assert error.message == "there is no role app on the server"
    assert "--no-privileges" in error.remedy
    assert "CREATE ROLE" in error.remedy
    words = archive.restore_words(client(), "x", privileges=False)
    assert "--no-privileges" in words
    assert "--no-privileges" not in archive.restore_words(client(), "x")


@pytest.mark.parametrize(
    "said",
    [
        'ERROR:  extension "pg_trgm" is not available\nDETAIL:  Could not open',
        'ERROR:  could not open extension control file "/a/b/pg_trgm.control": No such',
    ],
)
def test_a_missing_extension_is_named(said: str) -> None:
    error = client().refusal(said, ["pg_restore"])
    assert error.message == "there is no extension pg_trgm on the server"
    assert "--on stack" in error.remedy


def test_other_words_are_handed_on() -> None:
    error = client().refusal("one\ntwo", ["psql", "-x"])
    assert "one\ntwo" in error.message
    assert error.checked == "psql -x"


def test_the_line_of_a_copy() -> None:
    line = archive.copy_line(client(), "a", client(), "b")
    assert line.startswith("PGHOST=/s /bin/pg_dump --no-owner")
    assert " --dbname=a | PGHOST=/s /bin/psql " in line
    assert line.endswith(" --dbname=b")


def owned(told: list[str]) -> PostgresPrograms:
    return dataclasses.replace(
        client(told), owner="tryton", rights=lambda name: (f"-- {name}",)
    )


def test_a_database_is_its_owners_and_its_rights_are_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before anything is in it, and when all is; by the name that it will have."""
    told: list[str] = []
    monkeypatch.setattr(replace, "exists", lambda client, name: False)
    with replace.building(owned(told), "x"):
        told.append("filled")
    create, first, filled, again, *_ = told[1:]
    assert 'CREATE DATABASE "building_x" OWNER "tryton" TEMPLATE "template0"' in create
    assert first == again
    assert "--dbname=building_x '--command=-- x'" in first
    assert filled == "filled"


@pytest.mark.parametrize(
    ("there", "finished", "state"),
    [(True, False, "x is as it was"), (False, False, "x is not there, as before"),
     (True, True, "")],
)  # fmt: skip
def test_what_fails_says_what_there_is(
    monkeypatch: pytest.MonkeyPatch, *, there: bool, finished: bool, state: str
) -> None:
    """Once it changes places nobody knows, until somebody looks."""

    def fail(*_: object) -> None:
        raise DatabaseError("no")

    wet = dataclasses.replace(client([]), dry=False)
    for name in ("change", "create", "protect"):
        monkeypatch.setattr(PostgresPrograms, name, lambda *_, **more: None)
    monkeypatch.setattr(replace, "exists", lambda client, name: there)
    monkeypatch.setattr(replace, "settle", lambda *_: None)
    monkeypatch.setattr(replace, "publish", fail)
    with pytest.raises(DatabaseError) as caught, replace.building(wet, "x"):
        if not finished:
            fail()
    assert caught.value.state == state
    assert ("state: " in str(caught.value)) == bool(state)


def test_what_comes_from_elsewhere_is_written_as_the_owner() -> None:
    """Not as a superuser: an archive is a program."""
    told: list[str] = []
    words = archive.restore_words(owned(told), "x")
    assert {"--username=tryton", "--no-owner", "--no-privileges"} <= set(words)
    line = archive.copy_line(client(told), "a", owned(told), "b")
    assert "--username=tryton" in line.partition(" | ")[2]
    assert not {"--username", "--no-privileges"} & set(
        archive.restore_words(client(told), "x")
    )


def test_a_newer_servers_setting_is_left_out() -> None:
    head = b"SET lock_timeout = 0;\nSET transaction_timeout = 0;\nSET x = 1;\n"
    assert archive.UNKNOWN.sub(b"", head) == b"SET lock_timeout = 0;\nSET x = 1;\n"


# -- names ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["collecting_society", "Ünicode", "a-b", "x" * 54])
def test_good_names(name: str) -> None:
    assert replace.require_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "-x", "a/b", "a\0", "postgres", "template0", "building_x", "former_x",
     "harness_c_1", "x" * 55, "ü" * 28],
)  # fmt: skip
def test_bad_names(name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a database"):
        replace.require_name(name)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("harness_t_0a", "template"),
        ("harness_b_1_0a", "template under construction"),
        ("harness_c_1_2", "lease of a test run"),
        ("building_x", "unfinished"),
        ("former_x", "replaced, left over"),
        ("collecting_society", ""),
    ],
)
def test_kinds(name: str, what: str) -> None:
    assert catalogue.kind(name) == what


# -- files ---------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.dump"
    path.write_bytes(files.MAGIC + b"content")
    return path


def checksum(path: Path) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    files.checksum(path).write_text(f"{digest}  {path.name}\n")


def backup(path: Path, identity: Path | None = None) -> Backup:
    return Backup.of(path, identity, {"PATH": ""})


def test_a_backup_with_its_checksum(file: Path) -> None:
    assert not files.require(backup(file))
    checksum(file)
    assert files.require(backup(file))


def test_a_backup_that_has_changed(file: Path) -> None:
    checksum(file)
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(DatabaseError, match="is damaged"):
        files.require(backup(file))


def test_text_is_no_backup(file: Path) -> None:
    file.write_text("SELECT 1;")
    with pytest.raises(UsageError, match="custom format"):
        files.require(backup(file))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        files.require(backup(tmp_path / "none"))


def test_an_encrypted_one_wants_its_key_and_its_program(file: Path) -> None:
    assert Seal(recipients=(), environ={}).line("dump", file) == f"dump > {file}"
    seal = Seal(recipients=("age1x", "age1y"), environ={"PATH": ""})
    assert seal.line("dump", file) == (
        f"dump | age --recipient age1x --recipient age1y > {file}"
    )
    with pytest.raises(MissingTool, match="age, which is not there"):
        seal.require()
    file.write_bytes(sealing.MAGIC + b"v1\n")
    with pytest.raises(UsageError, match="is encrypted") as caught:
        files.require(backup(file))
    assert "--identity" in caught.value.remedy
    with pytest.raises(UsageError, match="none cannot be read"):
        backup(file, file.with_name("none"))
    file.with_name("key").touch()
    with pytest.raises(MissingTool, match="age, which is not there"):
        files.require(backup(file, file.with_name("key")))
    assert sealing.back("load", file, "") == f"load < {file}"
    assert sealing.back("load", file, "a b") == (
        f"age --decrypt --identity 'a b' {file} | load"
    )


@pytest.mark.parametrize(
    ("said", "kind", "remedy"),
    [
        ("no identity matched any of the recipients", UsageError, "name the"),
        ('reading "-": error at line 1: unknown identity type', UsageError, "name the"),
        ('reading "-": malformed secret key: mixed case', UsageError, "name the"),
        ("failed to decrypt identity file: no passphrase", UsageError, "<(age -d key)"),
        ("failed to decrypt and authenticate payload chunk", DatabaseError, "a whole"),
        ("failed to read header: EOF", DatabaseError, "a whole file"),
    ],
)
def test_a_wrong_key_is_not_a_damaged_file(
    file: Path, said: str, kind: type[Exception], remedy: str
) -> None:
    one = Backup(path=file, identity=Path("key"), key=b"", environ={})
    found = one.refusal(said)
    assert (type(found), said in found.message) == (kind, True)
    assert remedy in found.remedy


# -- differences ---------------------------------------------------------------


def test_differences() -> None:
    before = {"column a.b": "integer YES", "record m.x (ir.message)": "1", "gone": ""}
    after = {"column a.b": "bigint YES", "record m.x (ir.message)": "2", "new": ""}
    assert list(catalogue.differences(before, after)) == [
        "changed: column a.b (integer YES → bigint YES)",
        "gone: gone",
        "new: new",
        "changed: record m.x (ir.message)",
    ]
    assert list(catalogue.differences(before, before)) == []
