# SPDX-License-Identifier: GPL-3.0-or-later
"""Images are kept when others serve, and get their names back."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.commands import stack_before, stack_release, stack_rollback, stack_up
from harness.commands.db_saving import Leave
from harness.commands.stack import Stack
from harness.config import Config
from harness.config.schema import StackSettings
from harness.context import Context
from harness.databases import sealing
from harness.databases.files import MAGIC
from harness.databases.sealing import Backup
from harness.errors import EngineError, ImageError, UsageError
from harness.output import Console
from harness.proc import Completed
from harness.stack import project as projects
from harness.stack.compose import Container

PORTAL, SERVER = "x/portal:production", "x/erpserver:production"


class Engine:
    """Images by their names; what has none is gone."""

    def __init__(self) -> None:
        self.images: dict[str, str] = {}
        self.calls: list[str] = []

    def build(self, word: str, *names: str) -> None:
        for name in names:
            self.images[name] = f"sha256:{word * 64}"[:71]

    def run(self, *parts: str, **options: object) -> Completed:
        text = ""
        if parts[:2] == ("image", "inspect"):
            for number in set(self.images.values()):
                tags = [t for t, one in self.images.items() if one == number]
                if set(tags) & set(parts):
                    text += f"{number} {json.dumps(tags)}\n"
            text = text or "\n"
        elif parts[0] == "tag":
            assert parts[1] in self.images.values()
            self.images[parts[2]] = parts[1]
        elif parts[:2] == ("image", "rm"):
            del self.images[parts[2]]
        else:
            self.calls.append(" ".join(parts))
        return Completed(code=0, stdout=text, stderr="")

    def inspect(self, kind: str, name: str) -> dict[str, Any] | None:
        if name not in self.images.values():
            return None
        return {"Created": "2026-11-29T10:11:12Z", "Config": {"Labels": None}}

    def ps(self) -> list[Container]:
        ended = any(one.startswith("stop") for one in self.calls[-1:])
        state = "exited" if ended else "running"
        return [Container(service="portal", name="p-1", state=state)]

    @property
    def kept(self) -> set[str]:
        return {one for one in self.images if not one.endswith(":production")}


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def stack(tmp_path: Path, engine: Engine) -> Stack:
    config = Config(root=tmp_path, state="state", stack=StackSettings(project="x"))
    config = replace(config, images=replace(config.images, prefix="x"))
    shown = Console(io.StringIO(), {})
    context = Context(config=config, environ={}, console=shown, line="")
    made = Stack(context=context, project=projects.make(config, "production"))
    made.__dict__.update(engine=engine, looking=engine, compose=engine)
    return made


def served(stack: Stack, engine: Engine, word: str, *names: str) -> None:
    engine.build(word, *names)
    stack_release.keep(stack, projects.DEFAULT)


def went_back(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, *services: str, data: bool = False
) -> None:
    """As the command does it; `up` brings all that has another image."""
    monkeypatch.setattr(stack_rollback, "open_", lambda *words: stack)
    for name in ("check_settings", "check_certificate"):
        monkeypatch.setattr(stack_before, name, lambda *words: None)
    monkeypatch.setattr(Stack, "require_images", lambda *words: None)

    def begin(
        stack: Stack, wanted: list[str], *, wait: bool, counts: dict[str, int]
    ) -> None:
        assert wait
        assert counts == {"portal": 1}  # as many as ran before they were stopped
        stack_release.keep(stack, wanted)

    monkeypatch.setattr(stack_up, "begin", begin)
    stack_rollback.rollback(
        stack.context, environment="production", services=services, data=data,
        identity=None, dry=False, leave=Leave(yes=True, force=True),
    )  # fmt: skip


def test_one_release_before_is_kept(stack: Stack, engine: Engine) -> None:
    served(stack, engine, "a", PORTAL, SERVER)
    served(stack, engine, "b", PORTAL)
    served(stack, engine, "c", PORTAL)
    assert engine.kept == {
        "x/portal:x-production-cccccccccccc", "x/portal:x-production-bbbbbbbbbbbb",
        "x/erpserver:x-production-aaaaaaaaaaaa",
    }  # fmt: skip


def test_there_and_back_again(
    stack: Stack, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(stack, engine, "a", PORTAL, SERVER)
    served(stack, engine, "b", PORTAL, SERVER)
    before = dict(engine.images)
    went_back(stack, monkeypatch)
    assert "aaaa" in engine.images[PORTAL]
    assert "aaaa" in engine.images[SERVER]
    went_back(stack, monkeypatch)
    assert engine.images == before
    went_back(stack, monkeypatch, "webgui")
    assert "aaaa" in engine.images[PORTAL]
    assert "bbbb" in engine.images[SERVER]


def test_where_there_is_nothing_nothing_is_done(
    stack: Stack, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="nothing to go back to"):
        went_back(stack, monkeypatch)
    with pytest.raises(UsageError, match="goes back with all services"):
        went_back(stack, monkeypatch, "portal", data=True)
    served(stack, engine, "a", PORTAL)
    with pytest.raises(UsageError, match="nothing to go back to"):
        went_back(stack, monkeypatch)
    with pytest.raises(UsageError, match="no backup of before an update"):
        went_back(stack, monkeypatch, data=True)
    served(stack, engine, "b", PORTAL)
    del engine.images["x/portal:x-production-aaaaaaaaaaaa"]
    with pytest.raises(ImageError, match="portal that served before is not there"):
        went_back(stack, monkeypatch)
    assert "bbbb" in engine.images[PORTAL]


def test_a_dump_of_before_an_update(
    stack: Stack, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of a release; once gone back to, there is none."""
    served(stack, engine, "a", PORTAL, SERVER)
    served(stack, engine, "b", PORTAL, SERVER)
    dumps = [tmp_path / "one.dump", tmp_path / "two.dump"]
    for one in dumps:
        one.write_bytes(MAGIC)
        stack_release.updated(stack, one)
    restored = []

    def back(*words: object, backup: Backup, **more: object) -> None:
        assert "bbbb" in engine.images[SERVER]  # of before: this may fail
        restored.append(backup.path)

    monkeypatch.setattr(stack_rollback.db_files, "back", back)
    went_back(stack, monkeypatch, data=True)
    assert restored == dumps[:1]
    assert engine.calls == ["stop p-1"]
    assert "aaaa" in engine.images[SERVER]
    with pytest.raises(UsageError, match="no backup of before an update"):
        went_back(stack, monkeypatch, data=True)


def test_services_start_again_where_the_dump_does_not_come_back(
    stack: Stack, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(stack, engine, "a", PORTAL, SERVER)
    served(stack, engine, "b", PORTAL, SERVER)
    dump = tmp_path / "one.dump"
    dump.write_bytes(sealing.MAGIC)
    stack_release.updated(stack, dump)
    with pytest.raises(UsageError, match="is encrypted"):
        went_back(stack, monkeypatch, data=True)
    assert engine.calls == []  # known before anything is stopped
    dump.write_bytes(MAGIC)

    def back(*words: object, **more: object) -> None:
        raise EngineError("no")

    monkeypatch.setattr(stack_rollback.db_files, "back", back)
    with pytest.raises(EngineError, match="no"):
        went_back(stack, monkeypatch, data=True)
    assert engine.calls == ["stop p-1", "start p-1"]
    assert "bbbb" in engine.images[SERVER]


def test_development_has_no_releases(
    stack: Stack, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = projects.make(stack.context.config, "development")
    own = Stack(context=stack.context, project=project)
    own.__dict__.update(engine=engine, looking=engine, compose=engine)
    engine.build("a", "x/portal:development")
    stack_release.keep(own, ["portal"])
    assert len(engine.images) == 1
    with pytest.raises(UsageError, match="development has nothing to go back to"):
        went_back(own, monkeypatch)
