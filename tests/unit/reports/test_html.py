# SPDX-License-Identifier: GPL-3.0-or-later
import re
import time
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.model import Evidence, Judged, Outcome, RunResult, TestResult
from harness.reports import html, pictures, trend

Build = Callable[..., RunResult]

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}'
VOID = {"meta", "link", "img", "br", "input", "wbr", "hr"}


class Checker(HTMLParser):
    """Collects elements and holds that tags close in the order they opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        self.ids += [value for key, value in attrs if key == "id" and value]
        self.links += [
            value for key in ("href", "src") if (value := values.get(key)) is not None
        ]
        assert not [key for key, _ in attrs if key.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check(text: str) -> Checker:
    checker = Checker()
    checker.feed(text)
    checker.close()
    assert not checker.open
    assert len(checker.ids) == len(set(checker.ids))
    targets = {link[1:] for link in checker.links if link.startswith("#")}
    assert targets <= set(checker.ids)
    return checker


def with_test(run: RunResult, test: TestResult) -> RunResult:
    step = replace(run.steps[0], tests=(*run.steps[0].tests, test))
    return replace(run, steps=(step, *run.steps[1:]))


def test_page_is_whole_and_asks_no_network(build: Build) -> None:
    text = html.page(build())
    checker = check(text)
    assert checker.tags.count("script") == 1
    assert not {"link", "img", "iframe"} & set(checker.tags)
    assert all(link.startswith(("#", "htmlcov/")) for link in checker.links)
    assert "default-src 'none'" in text
    for landmark in ("header", "nav", "main", "footer"):
        assert checker.tags.count(landmark) == 1


def test_header_says_what_ran(build: Build) -> None:
    text = html.page(build())
    for part in (
        "harness test tryton society -n 2",
        "20260528-201320-4c1f",
        "collecting_society (src 1f3c9d2)",
        ">dirty<",
        "portal_web (examples)",
        "PostgreSQL 16.4 (local)",
        "2026-05-28 20:26:40 UTC",
        "<small>2 failures</small>",
    ):
        assert part in text


def test_a_file_that_cannot_be_collected_is_no_worker(build: Build) -> None:
    run = build(4, workers=2)
    lost = replace(run.steps[0].tests[0], id="tests/test_lost.py", worker="main")
    shown = re.compile(r"<dt>workers</dt>\s*<dd>(\d+)", re.IGNORECASE)
    found = [shown.search(html.page(one)) for one in (run, with_test(run, lost))]
    assert [one and one[1] for one in found] == ["2", "2"]


def test_everything_is_escaped(build: Build) -> None:
    run = build(4, failed=0)
    evil = replace(
        run.tests[0],
        id=EVIL,
        module=EVIL,
        worker=EVIL,
        outcome=Outcome.FAILED,
        message=EVIL,
        longrepr=f"E  {EVIL}\n> {EVIL}",
        sections=((EVIL, EVIL),),
        file=EVIL,
        evidence=(
            Evidence(title=EVIL, file=EVIL),
            Evidence(title=EVIL, file="", missing=EVIL),
        ),
    )
    run = with_test(run, evil)
    steps = tuple(
        replace(
            step,
            suite=EVIL,
            series=EVIL,
            log=EVIL,
            sources=(EVIL,),
            exit_code=9,
            error=error,
        )
        for step, error in zip(run.steps, (EVIL, ""), strict=False)
    )
    run = replace(
        run,
        id=EVIL,
        command=EVIL,
        version=EVIL,
        steps=steps,
        templates=(
            replace(run.templates[0], name=EVIL, layer=EVIL, action=EVIL, digest=EVIL),
        ),
        leases=(replace(run.leases[0], kind=EVIL, worker=EVIL),),
        coverage=(replace(run.coverage[0], path=EVIL),),
        header={EVIL: EVIL},
        judged=(Judged(name=EVIL, status=EVIL, reason=EVIL, command=EVIL),),
    )
    before = replace(trend.present(run), id=EVIL)
    text = html.page(run, past=[before])
    checker = check(text)
    assert checker.tags.count("script") == 1
    assert "img" not in checker.tags
    assert "{{ 7 * 7 }}" in text, "a value is no template"


def test_failures_are_folded_with_their_sections(build: Build) -> None:
    text = html.page(build(46, failed=2))
    assert text.count('<details class="card failure failed"') == 2
    assert text.count("Captured log call") == 2, "of failed tests only"
    assert '<span class="error">E       AssertionError' in text
    assert '<span class="here">&gt;       self.assertEqual' in text
    assert text.index('id="failures"') < text.index('id="timeline"')


def test_a_lone_failure_is_open(build: Build) -> None:
    assert re.search(
        r'<details class="card failure[^>]* open>', html.page(build(9, failed=1))
    )


def test_long_output_is_cut_and_says_so(build: Build) -> None:
    run = build(2, failed=0)
    noisy = replace(
        run.tests[0],
        outcome=Outcome.ERROR,
        longrepr="x" * 1_000_000,
        sections=(("Captured stdout call", "y" * 1_000_000),),
    )
    text = html.page(with_test(run, noisy))
    assert "960000 characters left out" in text
    assert "980000 characters left out" in text
    assert len(text) < 200_000


def test_no_tests(build: Build) -> None:
    run = replace(build(0, failed=0), templates=(), leases=(), coverage=(), steps=())
    text = html.page(run)
    check(text)
    assert "No tests" in text
    assert "nothing to call passed" in text
    assert "<svg" not in text


def test_a_broken_step_comes_first(build: Build) -> None:
    run = build(4, failed=0)
    step = replace(run.steps[0], exit_code=139, log="reports/x/tryton.log")
    text = html.page(replace(run, steps=(step, *run.steps[1:]), exit_code=1))
    check(text)
    assert "ended with exit code 139" in text
    assert "reports/x/tryton.log" in text


def test_unicode_colours_and_control_characters(build: Build) -> None:
    run = build(2, failed=0)
    odd = replace(
        run.tests[0],
        id="tests/test_ü.py::test_日本[\ud800-é-\x00]",
        outcome=Outcome.FAILED,
        longrepr="\x1b[31mE   assert 'Ärger' == '🙂'\x1b[0m",
    )
    text = html.page(with_test(run, odd))
    check(text)
    assert "test_日本" in text
    assert "assert &#39;Ärger&#39; == &#39;🙂&#39;" in text
    assert "\x1b" not in text
    assert "\x00" not in text


def test_three_thousand_tests(build: Build) -> None:
    run = build(3000, failed=40, workers=8)
    began = time.process_time()
    text = html.page(run)
    assert time.process_time() - began < 5
    assert len(text.encode()) < 3_000_000
    assert text.count('<tr id="t') == 3000


# -- evidence ------------------------------------------------------------------


def with_evidence(run: RunResult, *evidence: Evidence) -> RunResult:
    failed = replace(
        run.tests[0], id="t.py::shown", outcome=Outcome.FAILED, evidence=evidence
    )
    return with_test(run, failed)


@pytest.mark.parametrize(("count", "folded"), [(6, False), (7, True)])
def test_many_files_of_a_test_are_folded(
    build: Build, count: int, *, folded: bool
) -> None:
    many = [Evidence(title=f"{n}.txt", file=f"{n}.txt") for n in range(count)]
    run = build(1, failed=0)
    text = html.page(with_test(run, replace(run.tests[0], evidence=tuple(many))))
    check(text)
    assert (f"<summary>{count} files</summary>" in text) is folded
    assert text.count('<a href="0.txt">') == 1


def test_a_picture_lies_in_the_page(build: Build, tmp_path: Path) -> None:
    (tmp_path / "a b.png").write_bytes(b"PNG")
    run = with_evidence(build(2, failed=0), Evidence(title="login", file="a b.png"))
    text = html.page(run, directory=tmp_path)
    check(text)
    assert (
        '<img src="data:image/png;base64,UE5H" alt="login, left by t.py::shown">'
        in (text)
    )
    assert '<a href="a%20b.png">' in text


@pytest.mark.parametrize("name", ["large.png", "gone.png", "page.html"])
def test_what_is_no_picture_is_linked(build: Build, tmp_path: Path, name: str) -> None:
    (tmp_path / "large.png").write_bytes(b"x" * (pictures.IMAGE + 1))
    (tmp_path / "page.html").write_text("<html>", "utf-8")
    run = with_evidence(build(2, failed=0), Evidence(title="it", file=name))
    text = html.page(run, directory=tmp_path)
    assert "<img" not in text
    assert f'Evidence: <a href="{name}">it</a>' in text


def test_there_is_room_for_so_many_pictures(build: Build, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x" * pictures.IMAGE)
    many = [Evidence(title=f"e{index}", file="a.png") for index in range(12)]
    text = html.page(with_evidence(build(2, failed=0), *many), directory=tmp_path)
    assert text.count("<img") == pictures.IMAGES // pictures.IMAGE
    assert text.count("<img") + text.count("Evidence: <a") == 12


# -- history and the gate --------------------------------------------------------


def test_without_a_past_there_is_no_history(build: Build) -> None:
    assert 'id="history"' not in html.page(build())


def test_history_leads_to_earlier_reports(build: Build) -> None:
    run = build(failed=1)
    before = replace(trend.present(run), id="20260101", seconds=7.0)
    text = html.page(run, past=[before])
    check(text)
    assert 'href="../20260101/index.html"' in text
    assert "failing since" in text
    assert "No test has changed its outcome." in text
    good = replace(before, outcomes=dict.fromkeys(before.outcomes, "passed"))
    text = html.page(run, past=[good])
    assert '<span class="since new">new</span>' in text
    assert '<span class="mark flaky">' not in text, "the sources were dirty"


def test_both_sides_of_a_comparison_are_marked(build: Build) -> None:
    text = html.page(build(failed=1))
    assert '<span class="minus">E       - confirmed\n</span>' in text
    assert '<span class="plus">E       + distributed\n</span>' in text


def test_the_rows_of_the_gate_are_shown(build: Build) -> None:
    row = Judged(name="lint", status="failed", reason="E501", command="nox -s lint")
    text = html.page(replace(build(), judged=(row,)))
    check(text)
    assert "<code>nox -s lint</code>" in text
    assert text.index('id="gate"') < text.index('id="failures"')


def test_a_step_without_tests_says_why(build: Build) -> None:
    run = build(4, failed=0)
    lost = replace(run.steps[0], name="portal-2-of-5", tests=(), exit_code=5,
                   error="left no report")  # fmt: skip
    text = html.page(replace(run, steps=(*run.steps, lost), exit_code=5))
    assert "<strong>portal-2-of-5</strong> left no report" in text


# -- what can be done with a failure -----------------------------------------


def test_equal_failures_are_one_card(build: Build) -> None:
    run = build(60)
    alike = tuple(
        replace(
            test,
            outcome=Outcome.FAILED,
            message=f"ConnectionError: port={31000 + number} <x at 0x7f{number:06x}>",
            longrepr="E   ConnectionError\n\n/site-packages/x.py:5: ConnectionError",
        )
        for number, test in enumerate(run.tests[:24])
    )
    step = replace(run.steps[0], tests=(*alike, *run.tests[24:]))
    text = html.page(replace(run, steps=(step,)))
    assert "24 tests fail in the same way" in text
    assert text.count('class="card group') == 1
    assert text.count('class="card failure failed"') >= 24


def test_a_failure_says_how_to_run_it_again_and_where_it_is(build: Build) -> None:
    run = build(4)
    bad = next(test for test in run.tests if test.outcome is Outcome.FAILED)
    made = replace(
        bad,
        path="/src/a b/tests/test_a.py",
        fault=33,
        longrepr=(
            ">   a()\n\ntests/test_a.py:33: \n_ _ _ _ _ _ _ _\n\n"
            "E   AssertionError: 1\n\n/env/site-packages/b.py:1: AssertionError\n"
        ),
    )
    tests = tuple(made if test is bad else test for test in run.tests)
    step = replace(run.steps[0], tests=tests)
    text = html.page(replace(run, steps=(step,)), editor="vscode://file{path}:{line}")
    again = f"harness test {step.suite} {bad.id}"
    assert f'<code class="again">{again}</code>' in text
    assert 'href="vscode://file/src/a%20b/tests/test_a.py:33"' in text
    assert "1 frame of libraries" in text
    assert text.index('class="errors"') < text.index('class="traceback"')
    inner = replace(step, runner="image")
    text = html.page(replace(run, steps=(inner,)))
    assert f"{again} --in image</code>" in text
    assert "Open in the editor" not in text


def test_what_has_changed_is_told(build: Build) -> None:
    run = build(4)
    now = trend.present(run)
    before = dict.fromkeys(now.outcomes, "failed")
    before[("tryton 7.0 local", "tests/test_gone.py::test_gone")] = "passed"
    old = replace(now, id="r1", outcomes=before)
    text = html.page(run, past=[old])
    assert '<section id="changes"' in text
    assert "<b>1</b> vanished" in text
    assert "mended" in text
    assert '<section id="changes"' not in html.page(run, past=[now])
