# SPDX-License-Identifier: GPL-3.0-or-later
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from coverage import CoverageData

from harness.model import Evidence, Judged, RunResult
from harness.reports import coverage, figures, merge, record
from harness.reports.figures import RunVerdict
from harness.reports.merge import ReportPart

Build = Callable[..., RunResult]
JUNIT = '<testsuites><testsuite name="pytest" tests="{}" time="1.5"/></testsuites>'
ROW = {"name": "lint", "status": "passed", "why": "changed", "seconds": 2.5}


@pytest.fixture
def place(build: Build, tmp_path: Path) -> Callable[..., Path]:
    """Write the report of a job; its directory."""

    def place(name: str, run: RunResult | None = None, *, tests: int = 46) -> Path:
        directory = tmp_path / name
        directory.mkdir()
        run = run or replace(build(tests, failed=0), id=name)
        run = replace(run, files=("junit.xml", "coverage.data"))
        (directory / "junit.xml").write_text(JUNIT.format(len(run.tests)), "utf-8")
        data = CoverageData(str(directory / "coverage.data"))
        data.add_arcs({"/elsewhere/src/society/sign.py": [(-1, 1), (1, -1)]})
        data.write()
        data.close(force=True)
        (directory / record.FILE).write_text(record.dump(run), "utf-8")
        return directory

    return place


def join(
    parts: list[ReportPart], judged: tuple[Judged, ...] | None = None
) -> RunResult:
    return merge.join(
        parts, judged=judged, id="whole", command="harness report merge", version="1"
    )


def test_two_shards_become_one_run(place: Callable[..., Path]) -> None:
    parts = merge.read([place("one"), place("two")], expected=["one", "two"])
    assert [part.problems for part in parts] == [[], []]
    run = join(parts)
    assert len(run.tests) == 92
    assert [step.name for step in run.steps] == [
        "tryton (one)", "society (one)", "tryton (two)", "society (two)",
    ]  # fmt: skip
    assert {test.worker for test in run.tests} == {
        "one gw0", "one gw1", "two gw0", "two gw1",
    }  # fmt: skip
    assert {lease.worker for lease in run.leases} == {test.worker for test in run.tests}
    assert {test.step for test in run.tests} == {step.name for step in run.steps}
    assert figures.verdict(run) is RunVerdict.PASSED
    assert run.exit_code == 0
    root = ET.fromstring(merge.junit_text(run, parts))
    assert root.get("tests") == "92"
    named = [one.get("value") for one in root.iter("property")]
    assert named == ["one", "two"]
    assert len(merge.measured(parts)) == 2


def test_a_lone_part_keeps_its_names(place: Callable[..., Path]) -> None:
    run = join(merge.read([place("report-portal")]))
    assert [step.name for step in run.steps] == ["tryton", "society"]
    assert {test.worker for test in run.tests} == {"gw0", "gw1"}


def test_the_worst_part_decides(place: Callable[..., Path], build: Build) -> None:
    red = place("two", replace(build(failed=1), id="two"))
    run = join(merge.read([place("one"), red]))
    assert run.exit_code == 1
    assert figures.verdict(run) is RunVerdict.FAILED


def test_time_goes_from_the_first_to_the_last(
    place: Callable[..., Path], build: Build
) -> None:
    early = replace(build(failed=0), id="a", started=100.0, seconds=5.0)
    late = replace(build(failed=0), id="b", started=200.0, seconds=7.0)
    run = join(merge.read([place("b", late), place("a", early)]))
    assert (run.started, run.seconds) == (100.0, 107.0)


# -- what is missing or broken ---------------------------------------------------


def damage(directory: Path, what: str) -> None:
    if what == "all":
        for path in directory.iterdir():
            path.unlink()
        directory.rmdir()
    elif what.startswith("no "):
        (directory / what.removeprefix("no ")).unlink()
    else:
        (directory / what).write_bytes(b"<broken, but long enough to be read> " * 99)


@pytest.mark.parametrize(
    ("what", "said", "tests"),
    [
        ("all", "is not there", 46),
        ("no run.json", "has no result: ", 46),
        ("run.json", "has no result: ", 46),
        ("no junit.xml", "junit.xml of step 'two' cannot be merged: it is not", 92),
        ("junit.xml", "junit.xml of step 'two' cannot be merged: ", 92),
        ("no coverage.data", "coverage.data is not there", 92),
        ("coverage.data", "coverage.data cannot be read", 92),
    ],
)
def test_what_is_wrong_with_a_part_is_named(
    place: Callable[..., Path], what: str, said: str, tests: int
) -> None:
    directories = [place("one"), place("two")]
    damage(directories[1], what)
    parts = merge.read(directories)
    (problem,) = parts[1].problems
    assert said in problem
    assert not parts[0].problems
    run = join(parts)
    assert len(run.tests) == tests
    assert figures.verdict(run) is RunVerdict.FAILED
    assert run.exit_code == 5
    (broken,) = figures.broken_steps(run)
    assert (broken.name, broken.error) == ("two", problem)
    merge.junit_text(run, parts)
    assert len(merge.measured(parts)) == (1 if tests == 46 or "cov" in what else 2)


def test_a_part_that_nobody_gave_is_named(place: Callable[..., Path]) -> None:
    parts = merge.read([place("report-one")], expected=["one", "two"])
    assert [(part.name, part.problems) for part in parts] == [
        ("one", []), ("two", ["left no report"]),
    ]  # fmt: skip
    assert figures.verdict(join(parts)) is RunVerdict.FAILED


def test_the_same_run_does_not_count_twice(
    place: Callable[..., Path], build: Build
) -> None:
    run = replace(build(failed=0), id="same")
    first = place("one", run)
    parts = merge.read([first, place("two", run)])
    assert parts[1].problems == [f"is the same run as {first}"]
    assert len(join(parts).tests) == 46
    assert len(merge.measured(parts)) == 1


def test_no_part_at_all_is_not_passed() -> None:
    assert figures.verdict(join([])) is RunVerdict.EMPTY


# -- evidence, the gate, coverage -------------------------------------------------


def test_evidence_is_copied(
    place: Callable[..., Path], build: Build, tmp_path: Path
) -> None:
    run = build(failed=1)
    shot = Evidence(title="a.png", file="evidence/1-a.png")
    gone = Evidence(title="b.png", file="", missing="No such file")
    test = replace(run.steps[0].tests[0], evidence=(shot, gone))
    step = replace(run.steps[0], tests=(test, *run.steps[0].tests[1:]))
    directory = place("one", replace(run, steps=(step, *run.steps[1:])))
    assert merge.read([directory])[0].problems == [
        f"the evidence evidence/1-a.png of {test.id} is not there"
    ]
    (directory / "evidence").mkdir()
    (directory / "evidence" / "1-a.png").write_bytes(b"PNG")
    parts = merge.read([directory])
    assert not parts[0].problems
    merge.copy_evidence(parts, tmp_path / "out")
    found = join(parts).steps[0].tests[0].evidence
    assert (tmp_path / "out" / found[0].file).read_bytes() == b"PNG"
    assert found[1] == gone


def test_a_check_has_rows_and_no_run(tmp_path: Path) -> None:
    (tmp_path / "gate.json").write_text(json.dumps({"rows": [ROW]}), "utf-8")
    (part,) = parts = merge.read([tmp_path])
    assert not part.problems
    assert join(parts).judged == (
        Judged(name="lint", status="passed", reason="changed", seconds=2.5),
    )


@pytest.mark.parametrize("status", ["failed", "missing", "stopped"])
def test_a_red_row_is_a_failure(
    place: Callable[..., Path], tmp_path: Path, status: str
) -> None:
    red = tmp_path / "red"
    red.mkdir()
    document = {"rows": [{**ROW, "status": status}]}
    (red / "gate.json").write_text(json.dumps(document), "utf-8")
    run = join(merge.read([place("one"), red]))
    assert run.exit_code == 8
    assert figures.verdict(run) is RunVerdict.FAILED


def test_rows_of_the_whole_come_before_those_of_the_parts(tmp_path: Path) -> None:
    (tmp_path / "gate.json").write_text(json.dumps({"rows": [ROW]}), "utf-8")
    whole = (Judged(name="coverage", status="failed"),)
    run = join(merge.read([tmp_path]), whole)
    assert run.judged == whole
    assert run.exit_code == 8


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (("left out", "passed"), "passed"),
        (("passed", "left out"), "passed"),
        (("passed", "failed"), "failed"),
        (("failed", "passed", "not needed"), "failed"),
        (("left out", "left out"), "left out"),
    ],
)
def test_a_row_that_one_part_left_out_another_has_judged(
    tmp_path: Path, statuses: tuple[str, ...], expected: str
) -> None:
    places = []
    for number, status in enumerate(statuses):
        place = tmp_path / str(number)
        place.mkdir()
        document = {"rows": [{**ROW, "status": status}]}
        (place / "gate.json").write_text(json.dumps(document), "utf-8")
        places.append(place)
    assert [row.status for row in join(merge.read(places)).judged] == [expected]


@pytest.mark.parametrize("text", ["{", "[]", '{"rows": [{}]}', '{"rows": 3}'])
def test_broken_rows_are_a_problem(tmp_path: Path, text: str) -> None:
    (tmp_path / "gate.json").write_text(text, "utf-8")
    (part,) = merge.read([tmp_path])
    assert "has a broken gate.json" in part.problems[0]


CODE = "def sign(number):\n    if number < 0:\n        return -1\n    return 1\n"
ARCS = {
    "one": [(-1, 1), (1, -1), (-1, 2), (2, 4), (4, -1)],
    "two": [(-1, 1), (1, -1), (-1, 2), (2, 3), (3, -1)],
}


def test_coverage_is_that_of_one_run(build: Build, tmp_path: Path) -> None:
    """Each job has its own checkout; a run of all in one place has the same."""
    root = tmp_path / "here" / "src" / "society"
    root.mkdir(parents=True)
    (root / "sign.py").write_text(CODE, "utf-8")
    unsharded = CoverageData(str(tmp_path / "unsharded"))
    directories = []
    for name, arcs in ARCS.items():
        unsharded.add_arcs({str(root / "sign.py"): arcs})
        directory = tmp_path / name
        directory.mkdir()
        there = f"/clone/of/{name}/src/society"
        data = CoverageData(str(directory / "coverage.data"))
        data.add_arcs({f"{there}/sign.py": arcs})
        data.write()
        data.close(force=True)
        run = replace(
            build(4, failed=0), id=name, files=("coverage.data",),
            roots={"src/society": there},
        )  # fmt: skip
        (directory / record.FILE).write_text(record.dump(run), "utf-8")
        directories.append(directory)
    unsharded.write()
    unsharded.close(force=True)
    parts = merge.read(directories)
    mapping = merge.remap(parts, tmp_path / "here")
    assert list(mapping) == [root]
    merged = coverage.combine(
        merge.measured(parts), tmp_path / "out", roots=list(mapping), remap=mapping
    )
    whole = coverage.combine(
        [tmp_path / "unsharded"], tmp_path / "all", roots=[root], remap={}
    )
    assert merged == whole
    assert [file.percent for file in merged] == [100], "each half has 67 %"


def test_timings_are_of_all_jobs(place: Callable[..., Path]) -> None:
    run = join(merge.read([place("one", tests=3)]))
    assert merge.timings(run) == {
        test.id: round(test.duration, 3) for test in run.tests
    }
