# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of tests between two runs."""

from harness.reports import changes
from harness.reports.figures import RunVerdict
from harness.reports.past import Past

KIN = "tryton 7.0 local"


def run(
    name: str, *, command: str = "harness test tryton", **tests: tuple[str, float]
) -> Past:
    return Past(
        id=name,
        command=command,
        started=0.0,
        seconds=1.0,
        verdict=RunVerdict.PASSED,
        outcomes={(KIN, key): outcome for key, (outcome, _) in tests.items()},
        sources={},
        durations={(KIN, key): seconds for key, (_, seconds) in tests.items()},
    )


def test_each_test_is_where_it_belongs() -> None:
    before = run(
        "r1",
        same=("passed", 1.0), breaks=("passed", 1.0), still=("failed", 1.0),
        heals=("failed", 1.0), slows=("passed", 2.0), flakes=("flaky", 1.0),
        little=("passed", 0.01), goes=("passed", 1.0),
    )  # fmt: skip
    after = run(
        "r2",
        same=("passed", 1.2), breaks=("failed", 1.0), still=("error", 1.0),
        heals=("passed", 1.0), slows=("passed", 3.5), flakes=("failed", 1.0),
        little=("passed", 0.1), comes=("passed", 1.0), bad=("error", 1.0),
    )  # fmt: skip
    found = changes.of(before, after)
    assert found == changes.Changes(
        before="r1",
        broken=((KIN, "breaks"), (KIN, "bad")),
        mended=((KIN, "heals"),),
        slower=(((KIN, "slows"), 2.0, 3.5),),
        vanished=((KIN, "goes"),),
        added=((KIN, "comes"), (KIN, "bad")),
    )
    assert found
    assert not changes.of(after, after)


def test_tests_of_another_suite_have_not_vanished() -> None:
    other = Past(
        **{**vars(run("r1")), "outcomes": {("portal 7.0 local", "a"): "passed"}}
    )
    assert changes.of(other, run("r2", b=("passed", 1.0))).vanished == ()


def test_the_last_run_of_the_same_command_is_compared() -> None:
    one, two = run("r1", a=("passed", 1.0)), run("r2", a=("passed", 1.0))
    other = run("r3", command="harness test portal", a=("passed", 1.0))
    assert changes.last(two, [one, other, run("r4")]) is one
    assert changes.last(two, [other]) is None
