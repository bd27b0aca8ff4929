# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests that are left out have covered."""

from pathlib import Path

import pytest
from coverage import CoverageData
from coverage.exceptions import CoverageException

from harness.model import Outcome
from harness.run import carried, traces
from harness.run.traces import TracedTest

BEFORE = """\
def one():
    return 1

class Two:
    @property
    def value(self):
        return 2
    @value.setter
    def value(self, to):
        self.to = to

def other():
    return 3
"""
NOW = """\
# a comment
def one():
    return (
        1)

class Two:

    @property
    def value(self):
        return 2
    @value.setter
    def value(self, to):
        self.to = to

def other():
    print()
    return 3
"""


def test_lines_of_what_is_the_same_move_with_it() -> None:
    lines = carried.moved(BEFORE, NOW)
    there = {line: to for line, to in lines.items() if line > 0}
    assert there == {
        1: 2, 2: 4, 4: 6, 5: 8, 6: 9, 7: 10, 8: 11, 9: 12, 10: 13, 12: 15,
    }  # fmt: skip
    assert lines[-6] == -9
    assert lines[-1] == -1
    assert 13 not in lines
    more = NOW.replace("class Two", "MORE = 1\ndef more(): pass\n\nclass Two")
    assert carried.moved(BEFORE, more)[4] == 9
    assert carried.moved(BEFORE, more)[12] == 18
    assert carried.moved(BEFORE, "def") == {}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.py"
    path.write_text(BEFORE)
    return path


def ran(**runs: str) -> dict[str, TracedTest]:
    return {
        key: TracedTest(run=run, outcome=Outcome.PASSED, needs=frozenset())
        for key, run in runs.items()
    }


def part(tmp_path: Path, source: Path, **arcs: tuple[int, int]) -> Path:
    """A data file as a run leaves it: by context, ``RUN_KEY``."""
    path = tmp_path / f"part{len([*tmp_path.iterdir()])}"
    data = CoverageData(str(path))
    for context, pair in {"": (-1, 1), **arcs}.items():
        data.set_context(context.replace("_", " "))
        data.add_arcs({str(source): [pair]})
    data.close(force=True)
    return path


def covered(path: Path, source: Path) -> set[tuple[int, int]]:
    data = CoverageData(str(path))
    data.read()
    return set(data.arcs(str(source)) or ())


def test_what_a_test_has_covered_is_carried_over(tmp_path: Path, source: Path) -> None:
    file, out = tmp_path / "traces.json", tmp_path / "out"
    known = ran(a="r1", b="r1", idle="r1")
    assert carried.unknown(file, known).keys() == {"a", "b", "idle"}
    parts = [part(tmp_path, source, r1_a=(-1, 2)), part(tmp_path, source, r1_b=(-6, 7))]
    carried.keep(file, parts, known, "r1")
    assert carried.unknown(file, known) == {}
    carried.carry(file, ran(b="r1", idle="r1"), out)
    assert covered(out, source) == {(-6, 7)}

    source.write_text(NOW)  # a ran again, without being measured; then b
    known = ran(a="r2", b="r3", idle="r1")
    carried.keep(file, [part(tmp_path, source, r3_b=(-9, 10))], known, "r3")
    assert carried.unknown(file, known) == {"a": ["what it covers is not recorded"]}
    carried.carry(file, ran(b="r3"), out)
    assert covered(out, source) == {(-9, 10)}
    with pytest.raises(CoverageException, match="another run"):
        carried.carry(file, ran(b="r1"), out)


def test_files_of_a_container_are_called_as_they_are_here(
    tmp_path: Path, source: Path
) -> None:
    file, out, known = tmp_path / "traces.json", tmp_path / "out", ran(a="r1")
    here = {"/shared/src/one/source.py": str(source), "/usr/lib/x.py": ""}
    parts = [part(tmp_path, Path(name), r1_a=(-1, 2)) for name in here]
    carried.keep(file, parts, known, "r1", here.__getitem__)
    carried.carry(file, known, out)
    assert covered(out, source) == {(-1, 2)}
    assert covered(out, Path("/usr/lib/x.py")) == {(-1, 2)}

    source.write_text(NOW)
    carried.keep(file, [], known)
    carried.carry(file, known, out)
    assert covered(out, source) == {(-1, 4)}


def test_lines_are_where_the_source_has_them_now(tmp_path: Path, source: Path) -> None:
    file, out = tmp_path / "traces.json", tmp_path / "out"
    known = ran(a="r1")
    made = part(tmp_path, source, r1_a=(-6, 7))
    carried.keep(file, [made], known, "r1")
    source.write_text(NOW)
    carried.keep(file, [], known, "r2")
    carried.carry(file, known, out)
    assert covered(out, source) == {(-9, 10)}
    source.unlink()
    carried.keep(file, [], known, "r3")
    carried.carry(file, known, out)
    assert covered(out, source) == set()


def test_who_starts_processes_is_not_known(tmp_path: Path, source: Path) -> None:
    """They are not told apart: nobody knows what of it was the test's doing."""
    needs = frozenset({("tree src", "digest")})
    known = {"a": TracedTest(run="r1", outcome=Outcome.PASSED, needs=needs)}
    carried.keep(tmp_path / "t.json", [part(tmp_path, source)], known, "r1")
    assert carried.unknown(tmp_path / "t.json", known).keys() == {"a"}


@pytest.mark.parametrize("content", [b"", b"no database"])
def test_a_damaged_file_is_none(tmp_path: Path, source: Path, content: bytes) -> None:
    file, known = tmp_path / "traces.json", ran(a="r1")
    file.with_suffix(".coverage").write_bytes(content)
    assert carried.unknown(file, known).keys() == {"a"}
    carried.keep(file, [part(tmp_path, source, r1_a=(-1, 2))], known, "r1")
    assert carried.unknown(file, known) == {}


def test_the_coverage_that_jobs_have_kept_is_merged(
    tmp_path: Path, source: Path
) -> None:
    parts = [tmp_path / "1/t.json", tmp_path / "2/t.json"]
    for path, key in zip(parts, "ab", strict=True):
        path.parent.mkdir()
        traces.merge(path, ran(**{key: "r1"}), ())
        arcs = {f"r1_{key}": (-1, ord(key))}
        carried.keep(path, [part(tmp_path, source, **arcs)], ran(**{key: "r1"}), "r1")
    whole, out = tmp_path / "whole.json", tmp_path / "out"
    assert traces.gather(parts, whole) == carried.gather(whole, parts) == []
    carried.carry(whole, ran(a="r1", b="r1"), out)
    assert covered(out, source) == {(-1, ord("a")), (-1, ord("b"))}
    parts[0].with_suffix(".coverage").write_bytes(b"no database")
    assert len(carried.gather(whole, parts)) == 1
    assert carried.unknown(whole, ran(a="r1", b="r1")).keys() == {"a", "b"}
