# SPDX-License-Identifier: GPL-3.0-or-later
"""What is run again, from where, and what becomes of what was reported."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugins.workers import reruns
from harness.plugins.workers.reruns import CRASHED, STANDS, Plugin

FILE = "/src/web/tests/test_a.py"


class TestsOfOne:
    __test__ = False


class Other:
    pass


class Item:
    """As little of a pytest item as is looked at; `results` are those of its times."""

    def __init__(
        self, name: str, *results: str, cls: type | None = None, round: int = 0
    ) -> None:
        self.path = Path(FILE)
        self.cls = cls
        self.nodeid = f"tests/test_a.py::{name}"
        self.location = ("tests/test_a.py", 1, name)
        self.results = list(results)
        self.marks: dict[str, Any] = {}
        self.config = SimpleNamespace()
        self.ihook: Any = None
        self.user_properties: list[Any] = []
        self._report_sections: list[Any] = []
        if round:
            self.harness_round = round

    def mark(self, name: str, *args: object, **kwargs: object) -> "Item":
        self.marks[name] = SimpleNamespace(name=name, args=args, kwargs=kwargs)
        return self

    def get_closest_marker(self, name: str) -> Any:
        return self.marks.get(name)


# -- pieces ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cls", "level", "default", "expected"),
    [
        ("f", None, "", "class", (FILE, "tests/test_a.py::f")),
        ("m", TestsOfOne, "", "class", (FILE, "TestsOfOne")),
        ("m", TestsOfOne, "", "test", (FILE, "tests/test_a.py::m")),
        ("m", TestsOfOne, "test", "class", (FILE, "tests/test_a.py::m")),
        ("m", TestsOfOne, "", "module", (FILE,)),
        ("m", TestsOfOne, "", "worker", (FILE,)),
        ("f", None, "module", "test", (FILE,)),
    ],
)
def test_what_is_run_again_as_a_whole(
    name: str, cls: type | None, level: str, default: str, expected: tuple[str, ...]
) -> None:
    item = Item(name, cls=cls)
    if level:
        item.mark("isolation", level)
    assert reruns.piece(item, default) == expected


# -- a session of it ----------------------------------------------------------------


class Session:
    """Runs items by the plugin, as pytest's hooks would; `log` is what was done."""

    def __init__(
        self,
        items: list[Item],
        *,
        times: int = 0,
        crashed: tuple[str, ...] = (),
        plugins: tuple[str, ...] = (),
        **options: Any,
    ) -> None:
        self.items = items
        self.log: list[str] = []
        self.said: list[Any] = []
        self.shouldstop = self.shouldfail = False
        self._setupstate = SimpleNamespace(teardown_exact=self.torn)
        usual: dict[str, Any] = {
            "harness_reruns": times, "harness_repeat": 1, "usepdb": False,
            "capture": "fd",
        }  # fmt: skip
        self.config: Any = SimpleNamespace(
            stash={},
            option=SimpleNamespace(**{**usual, **options}),
            getoption=lambda name, default: default,
            pluginmanager=SimpleNamespace(hasplugin=plugins.__contains__),
            hook=SimpleNamespace(
                pytest_fresh_start=lambda config: self.log.append("fresh")
            ),
            workerinput={CRASHED: [f"tests/test_a.py::{one}" for one in crashed]},
        )
        self.plugin = Plugin(self.config)
        for item in items:
            item.config = self.config
            item.ihook = SimpleNamespace(
                pytest_runtest_protocol=self.protocol,
                pytest_runtest_logstart=lambda nodeid, location: self.log.append("["),
                pytest_runtest_logfinish=lambda nodeid, location: self.log.append("]"),
                pytest_runtest_logreport=self.report,
                pytest_markeval_namespace=lambda config: [],
            )
        self.plugin.pytest_collection_finish(self)  # type: ignore[arg-type]

    def torn(self, nextitem: object) -> None:
        assert nextitem is None
        self.log.append("torn")

    def report(self, report: Any) -> None:
        self.said.append(report)

    def protocol(self, item: Item, nextitem: Item | None) -> Any:
        return self.plugin.pytest_runtest_protocol(item, nextitem)

    def run(self, *chosen: int) -> "Session":
        """All items, or these of them."""
        mine = [self.items[at] for at in chosen] if chosen else self.items
        for item, following in zip(mine, [*mine[1:], None], strict=True):
            if self.protocol(item, following) is None:
                self.log.append("pytest's own")
        return self

    @property
    def outcomes(self) -> list[str]:
        """Of the calls, in their order."""
        return [
            f"{one.nodeid.rpartition('::')[2]} {one.outcome}"
            for one in self.said
            if one.when == "call"
        ]


@pytest.fixture(autouse=True)
def phases(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's phases: three reports, as its next result says."""

    def run(item: Any, *, log: bool, nextitem: Any) -> list[Any]:
        assert not log
        result = item.results.pop(0)
        name = item.nodeid.rpartition("::")[2]
        following = nextitem.nodeid.rpartition("::")[2] if nextitem else "-"
        item.ihook.pytest_runtest_logreport.__self__.log.append(f"{name}>{following}")
        return [
            pytest.TestReport(
                item.nodeid, item.location, {}, outcome, text, when, duration=0.5
            )
            for when, outcome, text in (
                ("setup", "passed", None),
                ("call", result.partition(" ")[0], crash(result)),
                ("teardown", "passed", None),
            )
        ]

    monkeypatch.setattr(reruns, "runtestprotocol", run)


def crash(result: str) -> Any:
    text = result.partition(" ")[2]
    return SimpleNamespace(reprcrash=SimpleNamespace(message=text)) if text else None


P, F, S = "passed", "failed", "skipped"


def test_without_reruns_pytest_runs_it() -> None:
    session = Session([Item("a"), Item("b")]).run()
    assert session.log == ["pytest's own"] * 2


def test_what_passes_is_run_once() -> None:
    session = Session([Item("a", P), Item("b", P)], times=2).run()
    assert session.log == ["[", "a>b", "]", "[", "b>-", "]"]
    assert session.outcomes == ["a passed", "b passed"]


def test_what_fails_is_run_again_from_a_fresh_start() -> None:
    session = Session([Item("a", F, P), Item("b", P)], times=2).run()
    assert session.log == [
        "[", "a>b", "torn", "fresh", "a>b", "]", "[", "b>-", "]"
    ]  # fmt: skip
    assert session.outcomes == ["a rerun", "a passed", "b passed"]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_the_last_failure_is_one(times: int) -> None:
    session = Session([Item("a", *[F] * 9)], times=times).run()
    assert session.outcomes == ["a rerun"] * times + ["a failed"]


def test_a_time_that_does_not_count_is_one_report() -> None:
    session = Session([Item("a", F, P)], times=1).run()
    again = session.said[0]
    assert (again.outcome, again.when, again.duration) == ("rerun", "call", 1.5)
    assert [one.when for one in session.said[1:]] == ["setup", "call", "teardown"]
    assert reruns.teststatus(again)[:2] == ("rerun", "R")
    assert reruns.teststatus(session.said[1]) is None


def sequence(*results: tuple[str, ...]) -> list[Item]:
    names = "abcdefgh"
    return [Item(names[at], *one, cls=TestsOfOne) for at, one in enumerate(results)]


def test_what_has_run_before_it_in_its_class_is_run_first_and_silently() -> None:
    session = Session(sequence((P, P), (P, P), (F, P), (P,)), times=1).run()
    assert [one for one in session.log if ">" in one] == [
        "a>b", "b>c", "c>d", "a>c", "b>c", "c>d", "d>-"
    ]  # fmt: skip
    assert session.outcomes == [
        "a passed", "b passed", "c rerun", "c passed", "d passed"
    ]  # fmt: skip


def test_what_belongs_to_others_is_not_run_first() -> None:
    items = [Item("x", P), Item("y", P, cls=Other), *sequence((P, P), (F, P))]
    session = Session(items, times=1).run()
    assert session.outcomes[-2:] == ["b rerun", "b passed"]


def test_a_failure_before_it_is_told_as_its_own() -> None:
    session = Session(sequence((P, F), (F, P)), times=1).run()
    assert session.outcomes == ["a passed", "b rerun", "b failed"]
    told = [one for one in session.said if one.when == "call"][-1]
    assert told.sections[-1] == (
        "harness", "run again, tests/test_a.py::a has failed before it"
    )  # fmt: skip
    assert told.location == ("tests/test_a.py", 1, "b")


def test_who_goes_on_in_the_middle_of_a_class_runs_first_what_came_before() -> None:
    """Another worker has ended in it."""
    session = Session(sequence((P,), (P,), (P,)), times=1).run(2)
    assert session.log == ["[", "a>c", "b>c", "c>-", "]"]
    assert session.outcomes == ["c passed"]


def test_but_not_what_has_ended_that_worker() -> None:
    session = Session(sequence((P,), (), (P,)), times=1, crashed=("b",)).run(2)
    assert session.log == ["[", "a>c", "c>-", "]"]


def test_a_failure_that_is_skipped_afterwards_stands() -> None:
    session = Session([Item("a", F, S, P)], times=3).run()
    assert session.outcomes == ["a rerun", "a failed"]
    last = [one for one in session.said if one.outcome != "rerun"]
    assert all(getattr(one, STANDS) for one in last)


@pytest.mark.parametrize("name", ["shouldstop", "shouldfail"])
def test_a_session_that_stops_runs_nothing_again(name: str) -> None:
    session = Session([Item("a", F, P)], times=1)
    setattr(session, name, "stopping")
    assert session.run().outcomes == ["a failed"]


@pytest.mark.parametrize("options", [{"usepdb": True}, {"capture": "no"}])
def test_whoever_looks_at_it_has_it_once(options: dict[str, Any]) -> None:
    session = Session([Item("a", F, P).mark("flaky", reruns=3)], times=1, **options)
    assert session.run().log == ["pytest's own"]


def test_a_teardown_that_fails_does_not_stop_it() -> None:
    session = Session([Item("a", F, P)], times=1)

    def fail(nextitem: object) -> None:
        raise OSError("gone")

    session._setupstate = SimpleNamespace(teardown_exact=fail)
    assert session.run().outcomes == ["a rerun", "a passed"]


# -- rounds ------------------------------------------------------------------------


def test_each_round_begins_fresh_and_ends() -> None:
    items = [Item(f"{name}[{at}/2]", P, round=at) for at in (1, 2) for name in "ab"]
    session = Session(items, harness_repeat=2).run()
    assert session.log == [
        "[", "a[1/2]>b[1/2]", "]", "[", "b[1/2]>-", "]",
        "[", "torn", "fresh", "a[2/2]>b[2/2]", "]", "[", "b[2/2]>-", "]",
    ]  # fmt: skip


def test_another_round_is_another_piece() -> None:
    items = [
        Item(f"{name}[{at}/2]", P, P, cls=TestsOfOne, round=at)
        for at in (1, 2)
        for name in "ab"
    ]
    items[3].results = [F, P]
    session = Session(items, times=1, harness_repeat=2).run()
    assert session.log[-6:] == [
        "b[2/2]>-", "torn", "fresh", "a[2/2]>b[2/2]", "b[2/2]>-", "]"
    ]  # fmt: skip


# -- marks of pytest-rerunfailures ---------------------------------------------------


@pytest.mark.parametrize(
    ("args", "kwargs", "times"),
    [
        ((), {}, 1),
        ((3,), {}, 3),
        ((), {"reruns": 2}, 2),
        ((), {"reruns": 0}, 0),
        ((), {"reruns": 2, "condition": False}, 0),
        ((), {"reruns": 2, "condition": True}, 2),
        ((), {"reruns": 2, "condition": "sys.platform == 'nowhere'"}, 0),
        ((), {"reruns": 2, "condition": "sys.platform != 'nowhere'"}, 2),
    ],
)
@pytest.mark.parametrize("asked", [0, 5])
def test_a_test_says_how_often(
    args: tuple[int, ...], kwargs: dict[str, Any], times: int, asked: int
) -> None:
    item = Item("a", *[F] * 9).mark("flaky", *args, **kwargs)
    session = Session([item], times=asked).run()
    if times:
        assert session.outcomes == ["a rerun"] * times + ["a failed"]
    else:
        assert session.log == ["pytest's own"]


@pytest.mark.parametrize(
    ("kwargs", "again"),
    [
        ({"only_rerun": "OSError"}, True),
        ({"only_rerun": ["KeyError", "OSError: g.ne"]}, True),
        ({"only_rerun": "KeyError"}, False),
        ({"only_rerun": []}, False),
        ({"rerun_except": "OSError"}, False),
        ({"rerun_except": ["KeyError"]}, True),
        ({"only_rerun": "OSError", "rerun_except": "gone"}, False),
    ],
)
def test_a_test_says_which_failures(kwargs: dict[str, Any], again: bool) -> None:
    item = Item("a", f"{F} OSError: gone", P).mark("flaky", reruns=1, **kwargs)
    session = Session([item]).run()
    assert session.outcomes == (["a rerun", "a passed"] if again else ["a failed"])


def test_a_test_says_how_long_is_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(reruns.time, "sleep", waited.append)
    item = Item("a", F, F, P).mark("flaky", reruns=2, reruns_delay=3)
    assert Session([item]).run().outcomes[-1] == "a passed"
    assert waited == [3.0, 3.0]


@pytest.mark.parametrize("asked", [0, 1])
def test_marks_are_left_to_their_plugin(asked: int) -> None:
    item = Item("a", F, F, P).mark("flaky", reruns=2)
    session = Session([item], times=asked, plugins=("rerunfailures",)).run()
    if asked:
        assert session.outcomes == ["a rerun", "a failed"]
    else:
        assert session.log == ["pytest's own"]


def test_what_a_test_has_said_of_a_time_that_does_not_count() -> None:
    item = Item("test_a")
    item.user_properties.append(("from", "collection"))
    made = Plugin(SimpleNamespace())  # type: ignore[arg-type]
    seen: list[list[Any]] = []

    def protocol(item: Any, nextitem: Any) -> None:
        seen.append([*item.user_properties, *item._report_sections])
        item.user_properties.append(("evidence", "a.png"))
        item._report_sections.append(("call", "stdout", "said"))

    item.ihook = SimpleNamespace(pytest_runtest_protocol=protocol)
    made._once(item, None)
    made._once(item, None)
    assert seen == [[("from", "collection")]] * 2
