# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller: who is forked, how a worker has ended, when it is enough."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugins.workers import controller, interpreter, launch
from harness.plugins.workers.controller import BARREN, Controller
from harness.plugins.workers.link import GoneError
from harness.plugins.workers.reruns import CRASHED
from harness.plugins.workers.scheduler import Scheduler
from harness.plugins.workers.units import Place


class Terminal:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def write_line(self, text: str, **markup: bool) -> None:
        self.lines.append(text)


class Config:
    """As little of pytest's as is looked at."""

    def __init__(self, **options: Any) -> None:
        usual = {
            "numprocesses": 2, "testrunuid": None, "basetemp": None, "dist": "load",
            "harness_seed": "", "harness_reruns": 0,
        }  # fmt: skip
        self.option = SimpleNamespace(**{**usual, **options})
        self.terminal = Terminal()
        self.plugins = {"terminalreporter": self.terminal}
        self.pluginmanager = SimpleNamespace(
            get_plugin=self.plugins.get, hasplugin=self.plugins.__contains__
        )
        self.hook = SimpleNamespace(pytest_configure_node=self.configure)

    def configure(self, node: Any) -> None:
        node.workerinput["told"] = "by a plugin"

    def getvalue(self, name: str) -> Any:
        return getattr(self.option, name)


class Link:
    """A warm process: `answers` say by its path why not, or that it is gone."""

    answers: dict[str, Any]
    plan_: dict[str, Place]
    given: dict[str, Any]
    statuses: dict[tuple[str, int], int]

    def __init__(self, path: str) -> None:
        self.path = path
        self.plan: dict[str, Place] = {}

    def prepare(self, given: dict[str, Any]) -> str:
        self.given[self.path] = given
        answer = self.answers.get(self.path, "")
        if isinstance(answer, Exception):
            raise answer
        self.plan = dict(self.plan_)
        return str(answer)

    def status(self, pid: int) -> int | None:
        return self.statuses.get((self.path, pid))


@pytest.fixture(autouse=True)
def link(monkeypatch: pytest.MonkeyPatch) -> type[Link]:
    Link.answers, Link.given, Link.statuses = {}, {}, {}
    Link.plan_ = {f"t.py::{name}": Place((name,), 0.1, "") for name in "ABC"}
    monkeypatch.setattr(controller, "Link", Link)
    return Link


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The socket of the warm process."""
    made = str(tmp_path / "warm dir" / "socket")
    Path(made).parent.mkdir()
    monkeypatch.setattr(controller, "SOCKETS", [made])
    return made


def specs(count: int) -> list[Any]:
    return [SimpleNamespace(popen=True, python=None) for _ in range(count)]


def setup(config: Any, count: int) -> tuple[Controller, list[Any]]:
    made, wanted = Controller(config, None), specs(count)
    made.pytest_xdist_setupnodes(config=config, specs=wanted)
    return made, wanted


# -- who is forked -----------------------------------------------------------------


def test_workers_are_forked(path: str) -> None:
    made, wanted = setup(Config(), 2)
    assert [shlex.split(one.python)[-1] for one in wanted] == [path, path]
    words = shlex.split(wanted[0].python)
    assert words[0] == sys.executable
    assert words[-2] == interpreter.__file__
    assert made.count == 2
    assert made.known.keys() == Link.plan_.keys()


def test_no_more_workers_than_units(path: str) -> None:
    made, wanted = setup(Config(), 64)
    assert len(wanted) == made.count == 3


def test_one_worker_where_there_are_no_tests(path: str) -> None:
    Link.plan_ = {}
    made, wanted = setup(Config(), 4)
    assert len(wanted) == made.count == 1


def test_whoever_may_not_be_forked_starts_cold_and_it_is_said(path: str) -> None:
    Link.answers[path] = "shop.models starts a thread"
    config = Config()
    made, wanted = setup(config, 4)
    assert [one.python for one in wanted] == [None] * 4
    assert made.count == 4
    assert config.terminal.lines == ["workers start cold: shop.models starts a thread"]


def test_a_warm_process_that_is_gone(path: str) -> None:
    Link.answers[path] = GoneError("it has ended")
    config = Config()
    made, wanted = setup(config, 2)
    assert [one.python for one in wanted] == [None] * 2
    [line] = config.terminal.lines
    assert "the warm process has gone: it has ended" in line
    crash(made, wanted[0])  # nobody can be asked how it has ended


def test_without_a_warm_process_nothing_is_changed() -> None:
    made, wanted = setup(Config(), 2)
    assert [one.python for one in wanted] == [None] * 2
    assert made.count == 2


def test_workers_elsewhere_are_left_alone(path: str) -> None:
    wanted = [
        SimpleNamespace(popen=None, python=None),
        SimpleNamespace(popen=True, python="python3.9"),
    ]
    made = Controller(Config(), None)  # type: ignore[arg-type]
    made.pytest_xdist_setupnodes(config=made.config, specs=wanted)
    assert [one.python for one in wanted] == [None, "python3.9"]
    assert Link.given == {}


def test_what_plugins_tell_a_worker_is_told_to_the_one_that_collects(path: str) -> None:
    setup(Config(numprocesses=4, testrunuid="u", basetemp="/b"), 4)
    given = Link.given[path]
    told = given["input"]
    assert (told["workercount"], told["testrunuid"]) == (4, "u")
    assert told["told"] == "by a plugin"
    assert given["basetemp"] == "/b/warm"


@pytest.fixture
def lanes(monkeypatch: pytest.MonkeyPatch, path: str) -> list[str]:
    made = ["/lanes/1", "/lanes/2"]
    monkeypatch.setenv(controller.LANES, os.pathsep.join(made))
    return made


def test_each_lane_has_a_worker(path: str, lanes: list[str]) -> None:
    _, wanted = setup(Config(), 3)
    assert [shlex.split(one.python)[-1] for one in wanted] == [path, *lanes]


@pytest.mark.parametrize("answer", ["m starts a thread", GoneError("it has ended")])
def test_a_lane_that_does_not_answer_is_done_without(
    path: str, lanes: list[str], answer: object
) -> None:
    Link.answers[lanes[0]] = answer
    config = Config()
    made, wanted = setup(config, 3)
    assert [shlex.split(one.python)[-1] for one in wanted] == [path, lanes[1]]
    assert made.count == 2
    assert config.terminal.lines == [f"done without a worker: 1: {answer}"]


def test_no_more_lanes_than_units(path: str, lanes: list[str]) -> None:
    Link.plan_ = dict(list(Link.plan_.items())[:2])
    _, wanted = setup(Config(), 3)
    assert len(wanted) == 2
    assert lanes[1] not in Link.given


# -- how a worker has ended ----------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (9, "signal SIGKILL"),
        (11 | 0x80, "signal SIGSEGV"),
        (40, "signal 40"),
        (3 << 8, "exit code 3"),
        (0, "exit code 0"),
    ],
)
def test_a_status_in_words(status: int, expected: str) -> None:
    assert launch.words(status) == expected


def crash(made: Controller, spec: Any, name: str = "gw0", **more: Any) -> Any:
    gateway = SimpleNamespace(id=name, spec=spec)
    report = SimpleNamespace(
        node=SimpleNamespace(gateway=gateway),
        when="???",
        outcome="failed",
        longrepr="worker 'gw0' crashed",
    )
    sched = SimpleNamespace(**more)
    made.pytest_handlecrashitem(crashitem="t.py::A", report=report, sched=sched)
    return report


def test_how_is_told_by_who_has_forked_it(path: str, lanes: list[str]) -> None:
    made, wanted = setup(Config(), 3)
    Path(made.directory, "gw1").write_text("17")
    Link.statuses = {(path, 17): 0, (lanes[0], 17): 11}
    report = crash(made, wanted[1], "gw1")
    assert report.longrepr == (
        "worker gw1 ended with signal SIGSEGV while it ran t.py::A"
    )
    assert (report.when, report.outcome) == ("call", "failed")


def test_nobody_knows_how(path: str) -> None:
    made, wanted = setup(Config(), 2)
    assert crash(made, wanted[0]).longrepr == "worker 'gw0' crashed"
    Path(made.directory, "gw0").write_text("17")
    assert crash(made, wanted[0]).longrepr == "worker 'gw0' crashed"


def test_a_test_that_is_run_again_is_told_so_once(path: str) -> None:
    made, wanted = setup(Config(), 2)
    repeated = ["t.py::A"]
    assert crash(made, wanted[0], repeated=repeated).outcome == "rerun"
    assert repeated == []
    assert made.crashed == set()
    assert crash(made, wanted[0], repeated=repeated).outcome == "failed"
    assert made.crashed == {"t.py::A"}


def test_the_next_worker_is_told_what_ends_workers(path: str) -> None:
    made, wanted = setup(Config(), 2)
    crash(made, wanted[0])
    node = SimpleNamespace(workerinput={})
    made.pytest_configure_node(node)
    assert node.workerinput == {
        "harness_directory": made.directory, CRASHED: ["t.py::A"]
    }  # fmt: skip


# -- the end of a worker ---------------------------------------------------------------


def node(**output: Any) -> Any:
    spec = SimpleNamespace(python=None)
    gateway = SimpleNamespace(id="gw0", spec=spec)
    return SimpleNamespace(gateway=gateway, workeroutput=output)


def test_an_exit_in_a_worker_ends_the_session() -> None:
    made, _ = setup(Config(), 2)
    with pytest.raises(pytest.exit.Exception) as caught:
        made.pytest_testnodedown(
            node(harness_exit={"reason": "backend gone", "code": 7}), None
        )
    assert (caught.value.msg, caught.value.returncode) == ("backend gone", 7)


def test_a_worker_that_ends_is_no_exit() -> None:
    made, _ = setup(Config(), 2)
    for _ in range(20):
        made.pytest_testnodedown(node(), None)


def test_workers_that_come_to_no_test_end_the_session() -> None:
    made, _ = setup(Config(), 2)
    for _ in range(2 * BARREN):
        made.pytest_testnodedown(node(), "lost")
    with pytest.raises(pytest.exit.Exception, match="gw0 with lost") as caught:
        made.pytest_testnodedown(node(), "lost")
    assert caught.value.returncode == pytest.ExitCode.INTERNAL_ERROR


def test_workers_that_run_tests_may_end_as_often_as_they_like() -> None:
    made, _ = setup(Config(), 2)
    for _ in range(20 * BARREN):
        made.pytest_testnodedown(node(), "lost")
        made.pytest_runtest_logreport()


class Hanging:
    """A warm process in an import that does not come to its end."""

    def __init__(self) -> None:
        self.killed = False

    def wait(self, timeout: float | None = None) -> int:
        if not self.killed:
            assert timeout is not None, "waits for ever"
            raise subprocess.TimeoutExpired("python", timeout)
        return -9

    def kill(self) -> None:
        self.killed = True


def test_a_warm_process_that_hangs_is_killed_at_the_end(path: str) -> None:
    process: Any = Hanging()
    Controller(Config(), process).pytest_unconfigure()  # type: ignore[arg-type]
    assert process.killed
    assert not Path(path).parent.exists()
    assert launch.SOCKETS == []


# -- the scheduler ------------------------------------------------------------------


@pytest.mark.parametrize("dist", ["loadscope", "loadfile", "loadgroup", "each"])
def test_who_asks_for_another_scheduler_has_it(dist: str) -> None:
    config = Config(dist=dist)
    made, _ = setup(config, 2)
    assert made.pytest_xdist_make_scheduler(config=config, log=None) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "plugin", "ordered"),
    [
        ({}, "", False),
        ({"harness_seed": "3"}, "", True),
        ({"failedfirst": True}, "", True),
        ({"newfirst": True}, "", True),
        ({"stepwise": True}, "", True),
        ({}, "randomly", True),
    ],
)
def test_an_order_that_was_asked_for_is_kept(
    path: str, options: dict[str, Any], plugin: str, ordered: bool
) -> None:
    config: Any = Config(harness_reruns=2, **options)
    config.plugins[plugin] = config.terminal
    made, _ = setup(config, 2)
    sched = made.pytest_xdist_make_scheduler(config=config, log=None)
    assert isinstance(sched, Scheduler)
    assert (sched.ordered, sched.count, sched.reruns) == (ordered, 2, 2)
    assert sched.known == Link.plan_


class Enough(Exception):
    """As `pytest.Session.Failed`."""


@pytest.mark.parametrize(
    ("words", "expected"),
    [("stopping after 1 failures", Enough), ("", KeyboardInterrupt)],
)
def test_enough_failures_are_no_interrupt(
    words: str, expected: type[BaseException]
) -> None:
    session: Any = SimpleNamespace(Failed=Enough)
    made = Controller(Config(), None)  # type: ignore[arg-type]
    loop = made.pytest_runtestloop(session)
    next(loop)
    with pytest.raises(expected):
        loop.throw(KeyboardInterrupt(words))


def test_a_fork_is_waited_for_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([(0, 0), (7, 9)])
    ended: list[tuple[int, int]] = []
    monkeypatch.setattr(controller.os, "waitpid", lambda *asked: next(answers))
    monkeypatch.setattr(controller.os, "kill", lambda *asked: ended.append(asked))
    forked = launch.Forked(7)
    assert forked.wait(5.0) == 9
    monkeypatch.setattr(controller.os, "waitpid", lambda *asked: (0, 0))
    with pytest.raises(subprocess.TimeoutExpired):
        forked.wait(0.01)
    forked.kill()
    assert ended == [(7, signal.SIGKILL)]
