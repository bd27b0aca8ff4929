# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``down --volumes`` and ``clean`` refuse before anything is touched."""

import io
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from harness.commands import clean_stack, stack_down, stack_saving
from harness.commands.db_saving import Leave
from harness.commands.stack import Stack
from harness.config import Config
from harness.config.schema import StackSettings as Settings
from harness.context import Context
from harness.engine import Owned
from harness.errors import CommandFailed, MissingTool, UsageError
from harness.output import Console
from harness.proc import Completed
from harness.stack import project as projects


@dataclass
class Docker:
    """An engine with the volumes of one stack, and nothing that runs."""

    volumes: str = "x-production_db\nx-production_files\n"
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, *parts: str, **options: object) -> Completed:
        self.calls.append(parts)
        listed = self.volumes if parts[:2] == ("volume", "ls") else ""
        return Completed(code=0, stdout=listed, stderr="")

    @property
    def removed(self) -> list[tuple[str, ...]]:
        return [call for call in self.calls if "rm" in call[:2]]


class Nothing:
    """No container is there."""

    def ps(self) -> list[object]:
        return []


def made(root: Path, environment: str, docker: Docker) -> Stack:
    config = Config(root=root, stack=Settings(project="x"))
    console = Console(io.StringIO(), {})
    context = Context(config=config, environ={}, console=console, line="")
    found = Stack(context=context, project=projects.make(config, environment))
    found.__dict__.update(engine=docker, looking=Nothing())  # cached properties
    return found


def down(
    monkeypatch: pytest.MonkeyPatch, stack: Stack, leave: Leave, *, volumes: bool = True
) -> None:
    monkeypatch.setattr(stack_down, "open_", lambda context, environment: stack)
    stack_down.down(
        stack.context, environment="", volumes=volumes, dry=False, leave=leave
    )


@pytest.mark.parametrize(
    "leave", [Leave(), Leave(yes=True), Leave(force=True)], ids=str
)
def test_production_is_not_removed_by_a_slip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leave: Leave
) -> None:
    docker = Docker()
    with pytest.raises(UsageError):
        down(monkeypatch, made(tmp_path, "production", docker), leave)
    assert docker.removed == []


def test_development_is_asked_for_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = Docker(volumes="x_db\n")
    stack = made(tmp_path, "development", docker)
    asked: list[str] = []
    with pytest.raises(UsageError, match="nothing was changed"):
        down(monkeypatch, stack, Leave(ask=lambda text: asked.append(text) or "n"))  # type: ignore[func-returns-value]
    assert "(x_db)" in asked[0]
    assert docker.removed == []
    down(monkeypatch, stack, Leave(yes=True, save=False))
    assert docker.removed == [("volume", "rm", "--force", "x_db")]


def test_without_volumes_nobody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = Docker()
    down(monkeypatch, made(tmp_path, "production", docker), Leave(), volumes=False)
    assert docker.removed == []


def test_backups_come_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And where they fail, nothing goes."""
    docker = Docker()
    stack = made(tmp_path, "production", docker)
    allowed = Leave(yes=True, force=True)
    (tmp_path / "backups").write_text("in the way")
    with pytest.raises(CommandFailed, match="no place for backups"):
        down(monkeypatch, stack, allowed)
    (tmp_path / "backups").unlink()

    def fails(*words: object, **more: object) -> None:
        raise CommandFailed("the disk is full", remedy="make room")

    monkeypatch.setattr(stack_saving, "files", fails)
    with pytest.raises(CommandFailed, match="the disk is full") as caught:
        down(monkeypatch, stack, allowed)
    assert caught.value.remedy.startswith("make room; or ")
    assert "--no-backup" in caught.value.remedy
    assert docker.removed == []


def test_each_volume_has_a_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of a described service too; the database's is no archive of its files."""
    saved: list[str] = []
    monkeypatch.setattr(
        stack_saving, "_archive", lambda stack, volume, *, dry: saved.append(volume)
    )
    monkeypatch.setattr(stack_down, "_databases", lambda *words, **more: None)
    docker = Docker("x-production_db\nx-production_mails\nx-production_files\n")
    stack = made(tmp_path, "production", docker)
    down(monkeypatch, stack, Leave(yes=True, force=True))
    assert saved == ["x-production_files", "x-production_mails"]


@pytest.mark.parametrize(
    ("kind", "name", "taken"),
    [
        ("volume", "x_db", True),
        ("volume", "x-staging_files", True),
        ("volume", "x-production_db", False),
        ("volume", "other_db", False),
        ("container", "x-db-1", True),
        ("container", "x-production-db-1", False),
        ("network", "x-production_frontend", False),
    ],
)
def test_clean_leaves_production_and_other_checkouts_alone(
    tmp_path: Path, kind: str, name: str, *, taken: bool
) -> None:
    context = made(tmp_path, "development", Docker()).context
    one = Owned(kind=kind, id="1", name=name, role="stack", run="")
    assert clean_stack.taken(context, one) is taken


def test_where_no_backup_can_be_encrypted_nothing_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = Docker()
    stack = made(tmp_path, "production", docker)
    keys = replace(stack.context.config, encrypt_to={"production": "age1x"})
    context = replace(stack.context, config=keys, environ={"PATH": ""})
    stack = replace(stack, context=context)
    stack.__dict__.update(engine=docker)  # and nothing to be stopped by
    with pytest.raises(MissingTool, match="need age"):
        down(monkeypatch, stack, Leave(yes=True, force=True))
    assert not docker.removed
