# SPDX-License-Identifier: GPL-3.0-or-later
import re
from collections.abc import Callable
from dataclasses import replace

from harness.model import Outcome, RunResult
from harness.reports import summary, terminal

Build = Callable[..., RunResult]


def test_terminal_is_short_and_has_it_all(build: Build) -> None:
    lines = terminal.terminal(build(46, failed=2))
    assert len(lines) <= 15
    assert max(len(line) for line in lines if "::" not in line) <= 88
    assert lines[0].startswith("FAILED: 2 failures — 46 tests in ")
    text = "\n".join(lines)
    assert "42 passed, 2 failed, 2 skipped" in text
    assert "1 built (8.40 s), 1 reused (12 ms)" in text
    assert re.search(
        r"leases +16 clean  p50 +\d+\.\d  p95 +\d+\.\d  max +\d+\.\d ms", text
    )
    assert "90.4 % of 2 files" in text


def test_what_says_nothing_is_not_said(build: Build) -> None:
    """``0 built (0.0 ms)``, ``p50 0.0``."""
    run = build(2, failed=0)
    reused = tuple(replace(one, action="reused", seconds=0.0) for one in run.templates)
    leases = tuple(replace(one, seconds=0.0001) for one in run.leases)
    text = "\n".join(terminal.terminal(replace(run, templates=reused, leases=leases)))
    assert "templates 2 reused\n" in text
    assert "leases" not in text
    assert " 0 " not in text
    assert "0.0" not in text


def test_failures_that_pytest_could_not_print(build: Build) -> None:
    [step] = build(3, failed=1).steps
    bad = next(one for one in step.tests if one.outcome == "failed")
    assert terminal.failures(step) == f"FAILED {bad.id}\n{bad.longrepr}"


def test_terminal_without_tests(build: Build) -> None:
    run = replace(build(0, failed=0), templates=(), leases=(), coverage=())
    assert terminal.terminal(run) == ["NO TESTS — 0 tests in 400 ms"]


def test_terminal_passes_no_control_character_on(build: Build) -> None:
    run = build(1, failed=0)
    test = replace(run.tests[0], id="test\x1b[2J\n\x07\x9b::" + "x" * 300)
    run = replace(run, steps=(replace(run.steps[0], tests=(test,)),))
    lines = terminal.terminal(run)
    assert all(line.isprintable() for line in lines)
    assert any("x" * 300 in line for line in lines)  # an id that may be pasted
    assert max(len(line) for line in lines if "::" not in line) <= 88


def test_markdown_has_all_parts(build: Build) -> None:
    text = summary.markdown(build(46, failed=2))
    assert text.startswith("## ❌ Failed — 2 failures\n")
    assert "**42 passed, 2 failed, 2 skipped**" in text
    assert "| company | 10 | 8 | **2** | 0 | 0 |" in text
    assert text.count("<summary><b>failed</b>") == 2
    assert "```python\nself = <trytond" in text
    assert "Coverage: **90.4 %**" in text
    assert text.count("<details>") == text.count("</details>") == 5


def test_markdown_escapes(build: Build) -> None:
    run = build(1, failed=0)
    test = replace(
        run.tests[0],
        id="<script>alert(1)</script>|`x`*_[a](b)@all",
        module="a|b",
        outcome=Outcome.FAILED,
        message="<img src=x>\nsecond | line",
        longrepr="````\n</details>\n```",
    )
    run = replace(run, steps=(replace(run.steps[0], tests=(test,), exit_code=1),))
    text = summary.markdown(run)
    assert "<script>" not in text
    assert "<img" not in text
    assert "a&#124;b" in text
    assert "`````python\n````\n</details>\n```\n`````" in text


def test_markdown_stays_below_what_github_takes(build: Build) -> None:
    run = build(3000, failed=0)
    steps = tuple(
        replace(
            step,
            exit_code=1,
            tests=tuple(
                replace(test, outcome=Outcome.FAILED, longrepr="ü" * 50_000)
                for test in step.tests
            ),
        )
        for step in run.steps
    )
    text = summary.markdown(replace(run, steps=steps, exit_code=1))
    assert len(text.encode()) < 1024 * 1024
    assert re.search(r"… and \d{4} more; the page has them all", text)


def test_markdown_of_many_modules(build: Build) -> None:
    run = build(100, failed=0)
    step = replace(
        run.steps[0],
        tests=tuple(
            replace(test, module=f"module_{index:03}")
            for index, test in enumerate(run.tests)
        ),
    )
    text = summary.markdown(replace(run, steps=(step,)))
    assert "… and 40 modules with 40 tests, none worse." in text


def test_markdown_without_tests(build: Build) -> None:
    text = summary.markdown(build(0, failed=0))
    assert text.startswith("## ⚠️ No tests\n")
    assert "**no test ran**" in text


def test_markdown_names_a_broken_step(build: Build) -> None:
    run = build(4, failed=0)
    step = replace(run.steps[0], exit_code=139)
    text = summary.markdown(replace(run, steps=(step, *run.steps[1:])))
    assert "- step **tryton** ended with exit code 139" in text


def test_what_did_not_run_is_no_cut(build: Build) -> None:
    run = build(2, failed=0)
    one, two = run.tests
    part = replace(one, id=f"{one.id} (n=1)", subtest="(n=1)", phases={}, duration=9.0)
    gone = replace(one, id="tests/test_gone.py", phases={}, outcome=Outcome.SKIPPED)
    step = replace(run.steps[0], tests=(one, part, gone), planned=2)
    run = replace(run, steps=(step,), order="random, seed 7")
    lines = terminal.terminal(run)
    assert "order     random, seed 7; 1 of 2 ran" in lines
    assert not any("(n=1)" in line for line in lines)  # none of the slowest
    whole = replace(run, steps=(replace(step, tests=(one, two, part)),))
    assert "order     random, seed 7" in terminal.terminal(whole)
