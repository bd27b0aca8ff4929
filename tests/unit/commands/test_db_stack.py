# SPDX-License-Identifier: GPL-3.0-or-later
"""A database of the stack: what is known before, and whose passwords it has after."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.commands import db_saving, db_stack
from harness.commands.db_stack import OfStack
from harness.databases.client import PostgresPrograms
from harness.errors import UsageError
from harness.proc import Completed
from harness.template.layer import Request
from tests.unit.commands.test_stack_health import Docker, Looking, stack
from tests.unit.commands.test_stack_health import one as container

NEW = "building_collecting_society"


class Server(PostgresPrograms):
    """A server whose databases are Tryton's, or are not."""

    def sql(self, *statements: str, database: str = "") -> list[list[str]]:
        return [["1"]] if self.kind == "stack" else []


class Made:
    """What calls programs beside erpserver."""

    script = Path("/x/initialise.py")

    def __init__(self, error: str = "") -> None:
        self.error = error
        self.calls: list[tuple[object, ...]] = []
        self.compose = self

    def forget(self) -> None:
        """Nothing was left."""

    def called(self, program: Path, *words: str) -> tuple[object, ...]:
        return (program.name, *words)

    def run(self, *words: object, **more: object) -> Completed:
        self.calls.append(words)
        return Completed(code=bool(self.error), stdout="", stderr=self.error)


class Compose:
    """Compose, as far as its lines."""

    def argv(self, *words: str) -> list[str]:
        return ["docker", "compose", *words]


def place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Made
) -> tuple[OfStack, list[str]]:
    """Of production, and what it says."""
    found, shown = stack(tmp_path, Docker())
    client = Server(
        kind="stack", title="it", start=lambda name, terminal: [name], env={},
        environment="production",
    )  # fmt: skip
    monkeypatch.setattr(OfStack, "database", lambda self, name: made)
    lines: list[str] = []
    monkeypatch.setattr(shown, "write", lambda text: lines.append(text))
    return OfStack(stack=found, client=client), lines


def test_admin_of_a_backup_gets_the_password_of_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made()
    one, said = place(tmp_path, monkeypatch, made)
    one.settle("other")  # nobody is let into it
    assert made.calls == []
    replace(one, client=replace(one.client, kind="empty")).settle(NEW)
    assert made.calls == []  # it is none of Tryton's
    one.settle(NEW)
    secret = ("--secret", "admin_password")
    assert made.calls == [("worker.py", NEW, "--login", "admin", *secret)]
    assert "that of compose/secrets/production/admin_password" in "".join(said)


def test_a_backup_that_tryton_cannot_read_is_restored_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, said = place(tmp_path, monkeypatch, Made("it fails:\nno module x"))
    one.settle(NEW)
    assert "still the backup's" in "".join(said)
    assert "no module x" in "".join(said)


def test_a_module_that_the_image_lacks_is_known_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = place(tmp_path, monkeypatch, Made())
    monkeypatch.setattr(OfStack, "installed", lambda self, modules: {"party", "ir"})
    one.require(Request(modules=("party",)))
    with pytest.raises(UsageError, match="no Tryton module account_de") as caught:
        one.require(Request(modules=("party", "account_de")))
    assert "harness build --variant production erpserver" in caught.value.remedy


def test_a_backup_names_its_environment(tmp_path: Path) -> None:
    found, _ = stack(tmp_path, Docker())
    first = db_saving.dated(found.context, "x", "production")
    assert first.name.startswith("x-production-2")
    assert db_saving.dated(found.context, "x").name.startswith("x-2")
    assert db_saving.dated(found.context, "x_files", suffix="tar").suffix == ".tar"


def test_encrypted_backups_are_of_an_environment(tmp_path: Path) -> None:
    found, _ = stack(tmp_path, Docker())
    config = replace(found.context.config, encrypt_to={"production": "age1x  age1y"})
    context = replace(found.context, config=config)
    assert db_saving.seal(context, "production").recipients == ("age1x", "age1y")
    assert not db_saving.seal(context, "development").recipients
    config = replace(config, encrypt_to={"production": "age1x AGE-SECRET-KEY-1X"})
    with pytest.raises(UsageError, match="has a secret key") as caught:
        db_saving.seal(replace(context, config=config), "production")
    assert "KEY-1X" not in str(caught.value)
    made = db_saving.dated(context, "x", "production")
    assert made.suffixes == [".dump", ".age"]
    old = made.with_name("x-production-20260101-030000.dump")
    for one in (made, old):
        one.touch()
    assert db_saving.newest(context, "x", "production") in (made, old)
    assert db_saving.outlived(context, "x-production", "dump", 60) == [old]
    assert db_saving.newest(context, "x", "production") == made


def test_lines_that_nobody_can_know_are_not_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is started by the first one; what follows depends on its databases."""
    found, shown = stack(tmp_path, Docker())
    found.__dict__["compose"] = Compose()
    monkeypatch.setattr(db_stack, "open_", lambda *_: found)
    with (
        pytest.raises(UsageError, match="decides the other lines") as caught,
        db_stack.opened(found.context, "production", dry=True, start=True),
    ):
        pytest.fail("it goes on")
    assert shown.getvalue() == "docker compose up --detach --no-deps db\n"
    assert caught.value.remedy.startswith("harness up --environment production db")


@pytest.mark.parametrize(
    ("services", "told"), [((), True), (("db",), True), (("db", "portal"), False)]
)
def test_on_an_empty_machine_it_is_said_what_comes_next(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    services: tuple[str, ...],
    told: bool,
) -> None:
    """Whoever has services that are stopped, such as rollback, starts them."""
    found, shown = place(tmp_path, monkeypatch, Made())
    there = [container(name, state="exited") for name in services]
    found.stack.__dict__["looking"] = Looking(*there)
    with found.quiet("other"):
        pass
    assert not "".join(shown)
    with found.quiet("collecting_society"):
        pass
    assert ("no service runs yet: harness up" in "".join(shown)) == told
