# SPDX-License-Identifier: GPL-3.0-or-later
"""Coverage of the whole and of the changed lines."""

from pathlib import Path

import pytest
from coverage import CoverageData

from harness.errors import CommandFailed
from harness.gate import coverage
from harness.gate.base import Status
from harness.gate.coverage import File, Measured

SOURCE = """\
def f(a):
    if a:
        return 1
    return 2


def g():
    return (
        3
    )
"""
FILE = File(
    executed=frozenset({1, 2, 3, 7}), missing=frozenset({4, 8}), branches=2, taken=1
)


def record(data: Path, file: Path, *arcs: tuple[int, int]) -> Path:
    made = CoverageData(str(data))
    made.add_arcs({str(file): list(arcs)})
    made.write()
    made.close(force=True)
    return data


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "src/web").mkdir(parents=True)
    (tmp_path / "src/web/a.py").write_text(SOURCE)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/b.py").write_text("x = 1\n")
    return tmp_path


RUN = ((-1, 1), (1, 7), (7, -1), (-1, 2), (2, 3), (3, -1))


def test_what_was_executed(root: Path) -> None:
    data = record(root / "data", root / "src/web/a.py", *RUN)
    assert coverage.read([data], root, ["src/web"]).files == {"src/web/a.py": FILE}
    assert coverage.read([data], root, ["lib"]).files == {}
    assert coverage.read([], root, ["lib"]).files == {}


def test_data_of_other_machines_and_shards_are_added_up(root: Path) -> None:
    one = record(root / "one", root / "src/web/a.py", *RUN)
    other = record(
        root / "two", Path("/builds/x/src/web/a.py"), (-1, 2), (2, 4), (4, -1)
    )
    names = {"src/web": ["/builds/y/src/web", "/builds/x/src/web"]}
    found = coverage.read([one, other], root, ["src/web"], names).files["src/web/a.py"]
    assert found.missing == {8}
    assert (found.branches, found.taken) == (2, 2)
    assert one.exists()


def test_a_place_is_told_by_its_whole_name(root: Path) -> None:
    (root / "src/web/lib").mkdir()
    (root / "src/web/lib/b.py").write_text("x = 1\n")
    data = record(root / "data", Path("/there/src/web/lib/b.py"), (-1, 1), (1, -1))
    names = {"lib": ["/there/lib"], "src/web": ["/there/src/web"]}
    found = coverage.read([data], root, ["lib", "src/web"], names)
    assert set(found.files) == {"src/web/lib/b.py"}


def test_a_source_that_is_a_link(root: Path) -> None:
    real = root / "elsewhere"
    (root / "src/web").rename(real)
    (root / "src/web").symlink_to(real)
    data = record(root / "data", real / "a.py", *RUN)
    assert set(coverage.read([data], root, ["src/web"]).files) == {"src/web/a.py"}


def test_broken_data(root: Path) -> None:
    (root / "data").write_text("no database")
    with pytest.raises(CommandFailed, match="cannot be read"):
        coverage.read([root / "data"], root, ["src/web"])
    with pytest.raises(CommandFailed, match="is not there"):
        coverage.read([root / "missing"], root, ["src/web"])


MEASURED = Measured(files={"src/web/a.py": FILE, "lib/b.py": File(
    executed=frozenset({1}), missing=frozenset())})  # fmt: skip


def test_percentages() -> None:
    assert MEASURED.percent() == pytest.approx(100 * 6 / 9)
    assert MEASURED.below(["lib"]).percent() == 100.0
    assert MEASURED.below(["li"]).percent() is None


@pytest.mark.parametrize(
    ("least", "status"), [(66, Status.PASSED), (67, Status.FAILED)]
)
def test_the_whole(least: int, status: Status) -> None:
    row = coverage.whole(MEASURED, least, "gate --only coverage")
    assert row.status is status
    assert row.why.startswith("66.6 % of lines and branches in 2 files")
    assert bool(row.command) == row.red


def test_nothing_measured_is_not_passed() -> None:
    assert coverage.whole(Measured(), 1, "again").status is Status.FAILED


def judged(numbers: set[int], least: int = 100, text: str = SOURCE) -> tuple[str, str]:
    row = coverage.of_change(
        MEASURED, {"src/web/a.py": numbers}, {"src/web/a.py": text}, least, "again"
    )
    return str(row.status), row.why


def test_changed_lines() -> None:
    assert judged({1, 2, 3})[0] == "passed"
    status, why = judged({3, 4})
    assert status == "failed"
    assert why.startswith("50 % of 2 changed lines are tested, least is 100 %")
    assert why.endswith("src/web/a.py 4")
    assert judged({3, 4}, least=50)[0] == "passed"


def test_a_line_within_a_statement_counts_for_it() -> None:
    assert judged({9}) == (
        "failed",
        "0 % of 1 changed lines are tested, least is 100 %: src/web/a.py 8",
    )
    assert judged({5, 6})[0] == "not needed"


def test_what_is_not_measured_is_not_judged() -> None:
    row = coverage.of_change(MEASURED, {"tests/a.py": {1}}, {}, 100, "again")
    assert (row.status, row.why) == (
        Status.UNNEEDED,
        "no changed line was to be executed",
    )


def test_nearly_is_not_enough() -> None:
    file = File(executed=frozenset(range(1, 10000)), missing=frozenset({10000}))
    row = coverage.whole(Measured(files={"a.py": file}), 100, "again")
    assert row.status is Status.FAILED
    assert row.why.startswith("99.9 %")
