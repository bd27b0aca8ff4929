# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written of each test."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugins import carry, describing, results, subtests
from harness.plugins.describing import describe, message, outcome
from harness.plugins.results import Writer
from harness.plugins.workers import units
from harness.plugins.workers.reruns import STANDS, Pending

NODE = "party/tests/test_party.py::PartyCase::test_vat"
LOCATION = ("party/tests/test_party.py", 41, "PartyCase.test_vat")


def report(when: str = "call", state: str = "passed", **more: Any) -> SimpleNamespace:
    values: dict[str, Any] = {
        "nodeid": NODE,
        "when": when,
        "passed": state == "passed",
        "failed": state == "failed",
        "skipped": state == "skipped",
        "duration": {"setup": 0.5, "call": 1.25, "teardown": 0.125}.get(when, 0.0),
        "start": {"setup": 100.0, "call": 100.5, "teardown": 101.75}.get(when, 0.0),
        "longrepr": None,
        "longreprtext": "",
        "sections": [],
    }
    return SimpleNamespace(**{**values, **more})


def reports(setup: str, call: str | None, teardown: str, **more: Any) -> list[Any]:
    """Reports of a test; `more` is what its call says."""
    made = [report("setup", setup)]
    if call is not None:
        made.append(report("call", call, **more))
    return [*made, report("teardown", teardown)]


def crash(text: str) -> SimpleNamespace:
    return SimpleNamespace(reprcrash=SimpleNamespace(message=text))


# -- the outcome -------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (reports("passed", "passed", "passed"), "passed"),
        (reports("passed", "failed", "passed"), "failed"),
        (reports("failed", None, "passed"), "error"),
        (reports("passed", "passed", "failed"), "error"),
        (reports("passed", "failed", "failed"), "failed"),
        (reports("skipped", None, "passed"), "skipped"),
        (reports("passed", "skipped", "passed"), "skipped"),
        (reports("passed", "skipped", "failed"), "error"),
        (reports("passed", "skipped", "passed", wasxfail="bug"), "xfailed"),
        (reports("passed", "passed", "passed", wasxfail="bug"), "xpassed"),
        (reports("passed", "skipped", "failed", wasxfail="bug"), "error"),
        (reports("passed", "failed", "passed", wasxfail="strict"), "failed"),
        ([report("setup")], "passed"),
    ],
)
def test_outcome(made: list[Any], expected: str) -> None:
    assert outcome(made) == expected


# -- the line that says why --------------------------------------------------


@pytest.mark.parametrize(
    ("longrepr", "expected"),
    [
        (crash("AssertionError: 1 != 2"), "AssertionError: 1 != 2"),
        (("test_party.py", 12, "Skipped: no network"), "Skipped: no network"),
        ("Traceback\n\nKeyError: 'de'\n", "KeyError: 'de'"),
        ("   \n", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_message(longrepr: object, expected: str) -> None:
    assert message(report(longrepr=longrepr)) == expected


# -- a test in one object ----------------------------------------------------


def test_a_passed_test() -> None:
    made = reports("passed", "passed", "passed", waited=0.25)
    assert describe(NODE, LOCATION, made) == {
        "id": NODE,
        "file": "party/tests/test_party.py",
        "line": 42,
        "worker": "main",
        "outcome": "passed",
        "started": 100.0,
        "phases": {"setup": 0.5, "call": 1.25, "teardown": 0.125},
        "duration": 1.875,
        "waits": 0.25,
        "fault": 0,
        "message": "",
        "longrepr": "",
        "sections": [],
    }


def test_a_failed_test_shows_what_was_captured() -> None:
    made = reports(
        "passed",
        "failed",
        "passed",
        longrepr=crash("KeyError: 'de'"),
        longreprtext="def test_vat...",
    )
    made[-1].sections = [("Captured log call", "WARNING"), ("Captured stdout", "a")]
    found = describe(NODE, LOCATION, made)
    assert found["outcome"] == "failed"
    assert found["message"] == "KeyError: 'de'"
    assert found["longrepr"] == "def test_vat..."
    assert found["sections"] == [
        ["Captured log call", "WARNING"],
        ["Captured stdout", "a"],
    ]


def test_a_passed_test_does_not() -> None:
    made = reports("passed", "passed", "passed")
    made[-1].sections = [("Captured stdout", "much")]
    assert describe(NODE, LOCATION, made)["sections"] == []


def test_the_end_of_a_long_output_is_kept() -> None:
    made = reports("passed", "failed", "passed")
    made[-1].sections = [("Captured stdout", "x" * describing.SECTION_LIMIT + "end")]
    [[_, text]] = describe(NODE, LOCATION, made)["sections"]
    assert len(text) == describing.SECTION_LIMIT
    assert text.endswith("xend")


def test_a_skipped_test_says_why() -> None:
    made = reports("skipped", None, "passed")
    made[0].longrepr = ("test_party.py", 3, "Skipped: no network")
    found = describe(NODE, LOCATION, made)
    assert (found["outcome"], found["message"]) == ("skipped", "Skipped: no network")


def test_the_worst_phase_is_shown() -> None:
    made = reports("passed", "failed", "failed", longrepr=crash("first"))
    made[-1].longrepr = crash("second")
    assert describe(NODE, LOCATION, made)["message"] == "first"


def test_the_worker_is_named() -> None:
    made = reports("passed", "passed", "passed")
    for one in made:
        one.node = SimpleNamespace(gateway=SimpleNamespace(id="gw2"))
    assert describe(NODE, LOCATION, made)["worker"] == "gw2"


def test_a_subtest_is_no_phase_of_its_own() -> None:
    made = reports("passed", "passed", "passed")
    made.insert(1, report("call", duration=9.0, context=SimpleNamespace(msg="de")))
    assert describe(NODE, LOCATION, made)["phases"]["call"] == 1.25


def test_a_location_without_a_line() -> None:
    made = reports("passed", "passed", "passed")
    assert describe(NODE, ("scenario.rst", None, "scenario"), made)["line"] == 1


# -- the file ----------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tryton-7.0.jsonl"


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    made = Writer(str(path))
    yield made
    made.stream.close()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_test_is_written_when_it_is_over(writer: Writer, path: Path) -> None:
    for one in reports("passed", "passed", "passed"):
        writer.pytest_runtest_logreport(one)
        assert lines(path) == []
    writer.pytest_runtest_logfinish(NODE, LOCATION)
    [line] = lines(path)
    assert (line["kind"], line["id"], line["outcome"]) == ("test", NODE, "passed")


def session(items: tuple[Any, ...] = (), *, rounds: int = 1) -> SimpleNamespace:
    def option(name: str, default: int) -> int:
        assert (name, default) == ("harness_repeat", 1)
        return rounds

    config = SimpleNamespace(getoption=option, rootpath=Path("/src/club"))
    return SimpleNamespace(config=config, items=items)


def finish(writer: Writer, made: list[Any], nodeid: str = NODE) -> None:
    for one in made:
        one.nodeid = nodeid
        writer.pytest_runtest_logreport(one)
    writer.pytest_runtest_logfinish(nodeid, LOCATION)


@pytest.mark.parametrize(
    "file", ["tests/test_party.py", "/src/club/tests/test_party.py"]
)
def test_the_key_is_that_of_the_collected_item(
    writer: Writer, path: Path, file: str
) -> None:
    nodeid = f"{file}::PartyCase::test_vat[1/2]"
    item = SimpleNamespace(nodeid=nodeid, path=Path("/src/club/tests/test_party.py"))
    writer.pytest_sessionstart(session())
    finish(writer, [report()], nodeid)
    [line] = lines(path)
    assert line["key"] == units.key(item)
    assert line["key"] == "club/tests/test_party.py::PartyCase::test_vat[1/2]"


def test_what_is_to_be_run_is_said_once(writer: Writer, path: Path) -> None:
    place = SimpleNamespace(key="alpha/tests/a.py::b")
    plugins = SimpleNamespace(
        get_plugin=lambda name: SimpleNamespace(known={"b": place})
    )
    node = SimpleNamespace(config=SimpleNamespace(pluginmanager=plugins))
    for ids in (["a", "b"], ["a", "b"], []):
        writer.pytest_xdist_node_collection_finished(node=node, ids=ids)
    assert writer.key("b") == "alpha/tests/a.py::b"
    keys = ["a::", "alpha/tests/a.py::b"]
    assert lines(path) == [{"kind": "plan", "ids": ["a", "b"], "keys": keys}]


def test_a_session_without_workers_says_its_own(writer: Writer, path: Path) -> None:
    item = SimpleNamespace(nodeid=NODE, path=Path("/src/x/tests/test_a.py"))
    writer.pytest_collection_finish(session((item,)))
    assert writer.key(NODE) == f"x/tests/test_a.py::{NODE.partition('::')[2]}"
    assert lines(path) == [{"kind": "plan", "ids": [NODE], "keys": [writer.key(NODE)]}]


def test_a_test_that_ends_its_process_was_said_to_run(
    writer: Writer, path: Path
) -> None:
    writer.pytest_runtest_logstart(NODE)
    assert lines(path) == [{"kind": "start", "id": NODE}]


def test_tests_of_two_workers_are_not_mixed(writer: Writer, path: Path) -> None:
    for one in reports("passed", "failed", "passed"):
        writer.pytest_runtest_logreport(one)
        other = report(one.when)
        other.nodeid = "other"
        writer.pytest_runtest_logreport(other)
    writer.pytest_runtest_logfinish("other", LOCATION)
    writer.pytest_runtest_logfinish(NODE, LOCATION)
    found = [(line["id"], line["outcome"]) for line in lines(path)]
    assert found == [("other", "passed"), (NODE, "failed")]


def test_a_test_without_reports_is_not_written(writer: Writer, path: Path) -> None:
    writer.pytest_runtest_logfinish(NODE, LOCATION)
    assert lines(path) == []


def test_a_file_that_cannot_be_imported_says_why(writer: Writer, path: Path) -> None:
    text = (
        "ImportError while importing\nE   KeyError: 1\n\nE   ModuleNotFoundError: x\n"
    )
    writer.pytest_collectreport(report(state="failed", nodeid="a.py", longrepr=text))
    [line] = lines(path)
    assert line["message"] == "cannot be collected: ModuleNotFoundError: x"


def test_a_file_that_cannot_be_collected(writer: Writer, path: Path) -> None:
    writer.pytest_collectreport(report(nodeid="tests/test_good.py"))
    writer.pytest_collectreport(
        report(state="failed", nodeid="tests/test_bad.py", longrepr="ImportError")
    )
    assert lines(path) == [
        {
            "kind": "collect",
            "id": "tests/test_bad.py",
            "outcome": "error",
            "message": "cannot be collected",
            "longrepr": "ImportError",
        }
    ]


def test_a_file_that_skips_itself(writer: Writer, path: Path) -> None:
    why = ("tests/test_gone.py", 3, "Skipped: no such module")
    writer.pytest_collectreport(
        report(state="skipped", nodeid="tests/test_gone.py", longrepr=why)
    )
    [line] = lines(path)
    assert (line["outcome"], line["message"]) == ("skipped", "Skipped: no such module")


# -- subtests ----------------------------------------------------------------


def part(state: str, message: str | None = None, **kwargs: Any) -> SimpleNamespace:
    context = SimpleNamespace(msg=message, kwargs=kwargs)
    return report(state=state, context=context, longrepr=f"E {state}", start=0)


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (part("failed", n=1), "(n=1)"),
        (part("failed", n="1", text="'a b'"), "(n=1, text='a b')"),
        (part("failed", "<b>", n=1), "[<b>] (n=1)"),
        (part("failed", "why"), "[why]"),
        (part("failed"), "(<subtest>)"),
    ],
)
def test_the_name_of_a_subtest(made: Any, name: str) -> None:
    assert subtests.name(made) == name
    made.sub_test_description = lambda: "as the plugin has it"
    assert subtests.name(made) == "as the plugin has it"
    made.harness_subtest = "known"
    assert subtests.name(made) == "known"


def test_subtests_are_written_beside_their_test(writer: Writer, path: Path) -> None:
    first, *rest = reports("passed", "passed", "passed")
    parts = [part("passed", n=0), part("failed", n=1), part("skipped", "m", n=2)]
    for one in [first, *parts, *rest]:
        writer.pytest_runtest_logreport(one)
    writer.pytest_runtest_logfinish(NODE, LOCATION)
    test, failed, skipped = lines(path)
    assert (test["id"], test["outcome"]) == (NODE, "passed")
    assert test["phases"] == {"setup": 0.5, "call": 1.25, "teardown": 0.125}
    assert (failed["id"], failed["outcome"]) == (f"{NODE} (n=1)", "failed")
    assert (failed["subtest"], failed["message"]) == ("(n=1)", "E failed")
    assert (skipped["id"], skipped["outcome"]) == (f"{NODE} [m] (n=2)", "skipped")
    for one in (failed, skipped):
        assert one["key"] == one["id"]
        assert (one["started"], one["duration"], one["phases"]) == (100.0, 0, {})


def test_a_test_is_not_flaky_whose_subtest_fails_again(
    writer: Writer, path: Path
) -> None:
    writer.failed_before(NODE, LOCATION, [reports("passed", "failed", "passed")])
    first, *rest = reports("passed", "passed", "passed")
    for one in [first, part("failed", n=1), *rest]:
        writer.pytest_runtest_logreport(one)
    writer.pytest_runtest_logfinish(NODE, LOCATION)
    test, failed = lines(path)
    assert (test["outcome"], failed["outcome"]) == ("failed", "failed")
    assert len(test["attempts"]) == 1


def test_a_skipped_subtest_is_counted() -> None:
    status = subtests.pytest_report_teststatus
    assert status(part("skipped", n=1)) == ("skipped", "-", "SUBSKIPPED(n=1)")
    bug = part("skipped", n=1)
    bug.wasxfail = "bug"
    assert status(bug) == ("xfailed", "y", "SUBXFAIL(n=1)")
    assert status(part("failed", n=1)) is None
    assert status(report(state="skipped")) is None


def test_the_end_of_a_session(writer: Writer, path: Path) -> None:
    writer.pytest_sessionfinish(None, pytest.ExitCode.TESTS_FAILED)
    [line] = lines(path)
    assert (line["kind"], line["exitstatus"]) == ("session", 1)
    assert writer.stream.closed


def test_lines_are_added(path: Path) -> None:
    for status in (0, 1):
        Writer(str(path)).pytest_sessionfinish(None, status)
    assert [line["exitstatus"] for line in lines(path)] == [0, 1]


# -- evidence, and the line at fault --------------------------------------------


def traceback(*places: tuple[str, int]) -> SimpleNamespace:
    entries = [
        SimpleNamespace(reprfileloc=SimpleNamespace(path=path, lineno=line))
        for path, line in places
    ]
    parts = SimpleNamespace(reprentries=[*entries, SimpleNamespace(reprfileloc=None)])
    return SimpleNamespace(chain=[(parts, None, None)], reprcrash=None)


def test_the_fault_is_the_last_line_in_the_tests_file() -> None:
    longrepr = traceback(
        ("tests/test_party.py", 50), ("tests/test_party.py", 61), ("party.py", 7)
    )
    made = reports("passed", "failed", "passed", longrepr=longrepr)
    assert describe(NODE, LOCATION, made)["fault"] == 61


def test_a_traceback_elsewhere_has_no_fault_here() -> None:
    made = reports("passed", "failed", "passed", longrepr=traceback(("a.py", 7)))
    assert describe(NODE, LOCATION, made)["fault"] == 0


def test_evidence_is_named_once_in_its_order() -> None:
    properties = [["evidence", "/a.png"], ["other", "x"], ["evidence", "/b.png"]]
    made = [report("call", user_properties=properties[:1]),
            report("teardown", user_properties=properties)]  # fmt: skip
    assert carry.evidence(made) == ["/a.png", "/b.png"]


def test_evidence_is_copied_and_what_is_gone_is_told(tmp_path: Path) -> None:
    shot = tmp_path / "shot.png"
    shot.write_bytes(b"PNG")
    directory = str(tmp_path / "evidence")
    kept = carry.keep(str(shot), directory, "a::b")
    other = carry.keep(str(shot), directory, "a::c")
    assert (tmp_path / kept["file"]).read_bytes() == b"PNG"
    assert kept["title"] == "shot.png"
    assert kept["file"] != other["file"]
    gone = carry.keep(str(tmp_path / "no.png"), directory, "a::b")
    assert gone["file"] == ""
    assert "No such file" in gone["missing"]


# -- run again -------------------------------------------------------------------


def test_failures_before_make_a_pass_flaky(writer: Writer, path: Path) -> None:
    bad = reports("passed", "failed", "passed", longrepr=crash("first"))
    writer.failed_before(NODE, LOCATION, [bad])
    for one in reports("passed", "passed", "passed"):
        writer.pytest_runtest_logreport(one)
    writer.pytest_runtest_logfinish(NODE, LOCATION)
    [line] = lines(path)
    assert line["outcome"] == "flaky"
    [attempt] = line["attempts"]
    assert (attempt["outcome"], attempt["message"]) == ("failed", "first")
    assert set(attempt) == set(results.ATTEMPT)


def test_failures_before_do_not_make_a_failure_better(
    writer: Writer, path: Path
) -> None:
    bad = reports("passed", "failed", "passed")
    writer.failed_before(NODE, LOCATION, [bad])
    for one in bad:
        writer.pytest_runtest_logreport(one)
    writer.pytest_runtest_logfinish(NODE, LOCATION)
    [line] = lines(path)
    assert (line["outcome"], len(line["attempts"])) == ("failed", 1)


def rerun() -> Any:
    """What pytest-rerunfailures says of a failure that is not the last."""
    made = pytest.TestReport(
        NODE, LOCATION, {}, "failed", "Traceback\nfirst", "call", duration=1.0
    )
    made.outcome = "rerun"  # type: ignore[assignment]
    return made


@pytest.mark.parametrize("ends", [0, 1])
def test_what_another_plugin_has_run_again(
    writer: Writer, path: Path, ends: int
) -> None:
    first = [report("setup"), rerun(), report("teardown")]
    for one in first:
        writer.pytest_runtest_logreport(one)
    for _ in range(ends):  # it says so after each time, but not through workers
        writer.pytest_runtest_logfinish(NODE, LOCATION)
    for one in reports("passed", "passed", "passed"):
        writer.pytest_runtest_logreport(one)
    writer.pytest_runtest_logfinish(NODE, LOCATION)
    [line] = lines(path)
    assert line["outcome"] == "flaky"
    assert [one["message"] for one in line["attempts"]] == ["first"]


@pytest.mark.parametrize(
    ("rounds", "name", "key"),
    [
        (20, f"{NODE}[2/20]", "test_vat"),
        (20, NODE, "test_vat"),
        (20, f"{NODE}[de][2/20]", "test_vat[de]"),
        (20, f"{NODE}[a/b]", "test_vat[a/b]"),
        (1, f"{NODE}[2/20]", "test_vat[2/20]"),
    ],
)
def test_the_rounds_of_a_test_have_one_key(
    writer: Writer, rounds: int, name: str, key: str
) -> None:
    writer.pytest_sessionstart(session(rounds=rounds))
    assert writer.key(name) == f"party/tests/test_party.py::PartyCase::{key}"


def test_the_keys_of_rounds_are_those_of_their_items(writer: Writer) -> None:
    item = SimpleNamespace(
        nodeid=f"{NODE}[2/20]",
        path=Path("/src/club") / NODE.partition("::")[0],
        harness_round=2,
    )
    writer.pytest_sessionstart(session(rounds=20))
    assert writer.key(item.nodeid) == units.key(item)


def again(worker: str = "gw0") -> list[Any]:
    """What our own plugin says of a time that does not count: one report."""
    made = rerun()
    made.node = SimpleNamespace(gateway=SimpleNamespace(id=worker))
    return [made]


def test_what_our_own_plugin_has_run_again(writer: Writer, path: Path) -> None:
    for one in (*again(), *again("gw1"), *reports("passed", "passed", "passed")):
        writer.pytest_runtest_logreport(one)
    writer.pytest_runtest_logfinish(NODE, LOCATION)
    [line] = lines(path)
    assert line["outcome"] == "flaky"
    assert [one["worker"] for one in line["attempts"]] == ["gw0", "gw1"]
    assert [one["outcome"] for one in line["attempts"]] == ["failed", "failed"]


def test_a_failure_that_stands_is_no_attempt(writer: Writer, path: Path) -> None:
    stands = reports("passed", "failed", "passed", longrepr=crash("first"))
    for one in stands:
        setattr(one, STANDS, True)
    for one in (*again(), *again(), *stands):
        writer.pytest_runtest_logreport(one)
    writer.pytest_runtest_logfinish(NODE, LOCATION)
    [line] = lines(path)
    assert (line["outcome"], line["message"]) == ("failed", "first")
    assert len(line["attempts"]) == 1


def test_an_interrupted_rerun_is_the_failure_that_it_was(
    writer: Writer, path: Path
) -> None:
    """Its worker has ended before the test came to its end again."""
    pending = Pending()
    hook = SimpleNamespace(
        pytest_runtest_logreport=writer.pytest_runtest_logreport,
        pytest_runtest_logfinish=writer.pytest_runtest_logfinish,
    )
    session: Any = SimpleNamespace(config=SimpleNamespace(hook=hook))
    for one in (*again(), *again()):
        writer.pytest_runtest_logreport(one)
        pending.pytest_runtest_logreport(one)
    pending.pytest_sessionfinish(session)
    writer.pytest_sessionfinish(None, 2)
    test, end = lines(path)
    assert (test["id"], test["outcome"]) == (NODE, "failed")
    assert test["message"] == "first"
    assert test["file"] == LOCATION[0]
    assert len(test["attempts"]) == 1
    assert end["kind"] == "session"


def test_an_interrupted_test_is_not_written(writer: Writer, path: Path) -> None:
    writer.pytest_runtest_logreport(report("setup"))
    writer.pytest_sessionfinish(None, 2)
    assert [one["kind"] for one in lines(path)] == ["session"]


def crashed(writer: Writer, state: str) -> None:
    """What pytest-xdist says when a worker has ended: no end of the test."""
    place = (LOCATION[0], None, LOCATION[0])
    made: Any = pytest.TestReport(NODE, place, {}, "failed", "gw0 ended", "call")
    made.outcome = state
    made.node = SimpleNamespace(gateway=SimpleNamespace(id="gw0"))
    writer.pytest_handlecrashitem(crashitem=NODE, report=made)
    writer.pytest_runtest_logreport(made)


def test_a_crashed_test_is_written_at_once(writer: Writer, path: Path) -> None:
    writer.pytest_runtest_logreport(report("setup"))
    crashed(writer, "failed")
    [test] = lines(path)
    assert (test["kind"], test["outcome"]) == ("test", "failed")
    assert (test["message"], test["worker"]) == ("gw0 ended", "main")
    assert test["phases"] == {"setup": 0.5, "call": 0}


def test_a_crashed_test_that_is_run_again_is_flaky(writer: Writer, path: Path) -> None:
    crashed(writer, "rerun")
    assert lines(path) == []
    finish(writer, reports("passed", "passed", "passed"))
    [test] = lines(path)
    assert test["outcome"] == "flaky"
    assert [one["message"] for one in test["attempts"]] == ["gw0 ended"]


def test_the_number_of_tests_is_said_at_the_end(writer: Writer, path: Path) -> None:
    writer.pytest_sessionfinish(SimpleNamespace(testscollected=3), 0)
    [line] = lines(path)
    assert (line["planned"], line["exitstatus"]) == (3, 0)
