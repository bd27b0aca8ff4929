# SPDX-License-Identifier: GPL-3.0-or-later
"""How a step ends that has left tests out, or would have."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import ExitCode, UsageError
from harness.model import Outcome, StepResult, TestResult
from harness.options import split
from harness.results import Finished
from harness.run.affected import Affected, judged
from harness.run.request import RunRequest, _affected

TEST = TestResult(
    step="s", id="a", module="m", worker="w", outcome=Outcome.PASSED, started=0,
    duration=0,
)  # fmt: skip
RESULT = StepResult(
    name="s", suite="s", series="7.0", database="local", exit_code=0, started=0,
    seconds=0, tests=(TEST,),
)  # fmt: skip
DONE = Finished(result=RESULT, code=ExitCode.OK, junit=Path())
NOTHING = replace(
    DONE, result=replace(RESULT, tests=()), code=ExitCode.NOTHING_SELECTED
)


def test_that_all_is_unchanged_is_no_mistake() -> None:
    ended = judged(NOTHING, gone=True, wrong=[])
    assert ended.code is ExitCode.OK
    assert ended.result.exit_code == 0


def test_no_test_at_all_is_one() -> None:
    assert judged(NOTHING, gone=False, wrong=[]) == replace(
        NOTHING, result=replace(NOTHING.result, exit_code=3)
    )


def test_what_would_have_been_missed_is_an_error() -> None:
    ended = judged(DONE, gone=False, wrong=["a: passed in run 1, now failed"])
    assert ended.code is ExitCode.GATE
    assert "a: passed in run 1, now failed" in str(ended.errors[0])


def test_the_option_s_value_stands_behind_an_equals_sign() -> None:
    assert split(["test", "portal", "--affected", "unit"])[0] == [
        "test", "--affected=run", "portal", "unit",
    ]  # fmt: skip
    assert "--affected=check" in split(["test", "--affected=check", "portal"])[0]


def test_each_image_has_traces_of_its_own(tmp_path: Path) -> None:
    def place(runner: str, image: str) -> Path:
        made = Affected.__new__(Affected)
        suite = {"s": SimpleNamespace(image=image)}
        config = SimpleNamespace(root=tmp_path, profile="", suite=suite)
        store = SimpleNamespace(path=tmp_path)
        step = SimpleNamespace(suite="s", series="7.0", database="local", runner=runner)
        python = SimpleNamespace(name="3.11")
        vars(made).update(
            context=SimpleNamespace(config=config, store=store),
            environment=SimpleNamespace(interpreter=python),
            step=step,
        )
        return made.path

    wanted = [("venv", "tests"), ("image", "tests"), ("image", "erpserver")]
    assert len({place(*one) for one in wanted}) == len(wanted)
    assert place("venv", "tests") == place("venv", "erpserver")


@pytest.mark.parametrize("named", [{"exactly": ("a",)}, {"bisect": "a"}])
def test_tests_are_named_or_chosen(named: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(UsageError, match="names the tests, and --affected"):
        _affected(RunRequest(suite="portal", affected="run", **named))  # type: ignore[arg-type]
    assert _affected(RunRequest(suite="portal", **named)) == ""  # type: ignore[arg-type]
