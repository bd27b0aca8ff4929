# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``harness clean`` removes, and what it leaves to those who use it by then."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.commands import clean, clean_images
from harness.config import Config
from harness.context import Context
from harness.engine import Engine, Owned
from harness.images import workplace
from harness.locks import Lock
from harness.output import Console
from harness.postgres import memory
from harness.proc import Completed
from harness.store import Run
from harness.template.base import Manifest


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    shared, temporary = tmp_path / "shm", tmp_path / "tmp"
    shared.mkdir()
    temporary.mkdir()
    monkeypatch.setattr(memory, "MEMORY", shared)
    monkeypatch.setattr(clean.tempfile, "gettempdir", lambda: str(temporary))
    monkeypatch.setattr(clean.store, "scratches", lambda: temporary)
    return Context(
        config=Config(root=tmp_path, state=str(tmp_path / "state")),
        environ={"PATH": ""},
        console=Console(io.StringIO(), {}),
        line="harness clean",
    )


def said(context: Context) -> str:
    stream = context.console._stream
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def run(context: Context, meanwhile: Callable[[], object] = lambda: None) -> str:
    """``clean --all``; `meanwhile` happens while the user is asked."""

    def ask(question: str) -> str:
        meanwhile()
        return "y"

    clean.run(
        context,
        everything=True,
        volumes=False,
        dry=False,
        yes=False,
        save=False,
        ask=ask,
    )
    return said(context)


def environment(context: Context) -> Path:
    path = context.store.directory("envs", "tryton-7.0")
    (path / "harness.json").write_text("{}")
    return path


def data(context: Context) -> Path:
    """The data of the embedded server, in memory."""
    mark = context.store.path / "server"
    path = memory.make(memory.MEMORY, mark)
    mark.symlink_to(path)
    (path / "data").mkdir()
    return path


def template(context: Context) -> Path:
    directory = context.store.directory("sqlite")
    text = Manifest(digest="abc", name="base").dump()
    (directory / "abc.json").write_text(text)
    (directory / "abc.sqlite").write_text("")
    return directory / "abc.sqlite"


MADE = (environment, data, template)


def test_all_of_it_goes(context: Context) -> None:
    paths = [make(context) for make in MADE]
    assert "3 removed" in run(context)
    assert not any(path.exists() for path in paths)
    assert list(memory.MEMORY.iterdir()) == []
    assert not (context.store.path / "server").is_symlink()


def test_an_environment_that_a_run_begins_to_use_stays(context: Context) -> None:
    path = environment(context)
    lock = Lock(path.with_name(f"{path.name}.lock"))
    text = run(context, lambda: lock.acquire(shared=True))
    assert "envs tryton-7.0 is in use by now: it stays" in text
    assert "0 removed" in text
    assert path.exists()


@pytest.mark.parametrize("name", ["supervisor.lock", "users.lock"])
def test_data_that_a_run_begins_to_use_stay(context: Context, name: str) -> None:
    path = data(context)
    lock = Lock(path / name)
    assert "is in use by now" in run(context, lambda: lock.acquire(shared=True))
    assert (path / "data").exists()
    assert (context.store.path / "server").resolve() == path


def test_data_whose_server_is_being_started_stay(context: Context) -> None:
    path = data(context)
    gate = Lock(context.store.path / "server.lock")
    assert "is in use by now" in run(context, gate.acquire)
    assert (path / "data").exists()


def test_a_template_stays_when_a_run_has_begun(context: Context) -> None:
    file = template(context)
    live = Run(context.store)
    assert "is in use by now" in run(context, live.__enter__)
    assert file.exists()
    live.__exit__()


@pytest.mark.parametrize("make", [environment, data])
def test_a_removal_that_is_cut_in_two(
    context: Context, make: Callable[[Context], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing half-removed has the name of a whole one; the next one removes it."""
    path = make(context)

    def cut(path: Path, *, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(clean.shutil, "rmtree", cut)
        with pytest.raises(KeyboardInterrupt):
            run(context)
    assert not path.exists()
    assert not (context.store.path / "server").is_symlink()
    for one in memory.MEMORY.iterdir():
        os.utime(one, (0, 0))
    assert "1 removed" in run(context)
    assert list(memory.MEMORY.iterdir()) == []
    assert list((context.store.path / "envs").glob("tryton*.gone")) == []


def test_directories_of_runs_that_others_made_are_no_business_of_ours(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = tmp_path / "tmp" / "harness-run-20260101000000abcdef"
    lost.mkdir()
    (lost / "state").write_text(f"{tmp_path}/nowhere\n")
    assert [one.name for one in clean._scratch()] == [str(lost)]
    monkeypatch.setattr(clean.os, "getuid", lambda: os.geteuid() + 1)
    assert list(clean._scratch()) == []


def test_secrets_of_a_killed_build_are_found(context: Context) -> None:
    path = Path(clean.tempfile.gettempdir(), f"{workplace.WORK}x")
    path.mkdir()
    assert "its build was killed" not in run(context)  # it may have begun just now
    os.utime(path, (0, 0))
    assert "its build was killed" in run(context)
    assert not path.exists()


# -- the engine ----------------------------------------------------------------


class Docker(Engine):
    """Answers what it is told to, and notes what it is asked."""

    def __init__(self, answer: Completed) -> None:
        super().__init__({})
        self.answer = answer
        self.asked: list[tuple[str, ...]] = []

    def argv(self, *parts: str | Path) -> list[str]:
        return ["docker", *map(str, parts)]

    def run(self, *parts: object, check: bool = True, **_: object) -> Completed:  # type: ignore[override]
        self.asked.append(tuple(map(str, parts)))
        return self.answer


def test_only_images_of_this_state_directory_are_listed(context: Context) -> None:
    listed = "a/db:x 1\n<none>:<none> 2\n<none>:<none> 3\na/db:x-0123456789ab 4\n"
    docker = Docker(Completed(code=0, stdout=listed, stderr=""))
    found = {name: why for name, why, _ in clean_images.built(context, docker)}
    # What a later build has replaced is ours too.
    assert list(found) == ["2", "3", "a/db:x", "a/db:x-0123456789ab"]
    assert found["a/db:x-0123456789ab"] == "kept for harness rollback"
    [words] = docker.asked
    assert f"label=harness.state={context.store.id}" in words


@pytest.mark.parametrize(
    ("words", "removed"),
    [
        ("", True),
        ("Error: No such image: a/db:x", True),
        ("conflict: unable to remove, container 12 is using its image", False),
    ],
)
def test_an_image_that_a_container_uses_stays(words: str, *, removed: bool) -> None:
    docker = Docker(Completed(code=1 if words else 0, stdout="", stderr=words))
    assert clean_images._remove(docker, "a/db:x") is removed


def test_a_server_that_is_being_started_stays(context: Context) -> None:
    docker = Docker(Completed(code=0, stdout="", stderr=""))
    one = Owned(kind="container", id="1", name="db", role="server", run="")
    gate = Lock(context.store.path / "docker.lock")
    gate.acquire()
    assert not clean._remove_owned(context.store, docker, one)
    gate.release()
    watched = Lock(context.store.directory("docker", "15") / "supervisor.lock")
    watched.acquire()
    assert not clean._remove_owned(context.store, docker, one)
    assert docker.asked == []
    watched.release()
    assert clean._remove_owned(context.store, docker, one)
    assert docker.asked
