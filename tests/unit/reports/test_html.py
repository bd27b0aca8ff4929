# SPDX-License-Identifier: GPL-3.0-or-later
import re
import time
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

from harness.model import Outcome, RunResult, TestResult
from harness.reports import html

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
    )
    run = with_test(run, evil)
    steps = tuple(
        replace(step, suite=EVIL, series=EVIL, log=EVIL, sources=(EVIL,), exit_code=9)
        for step in run.steps
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
    )
    text = html.page(run)
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
    began = time.perf_counter()
    text = html.page(run)
    assert time.perf_counter() - began < 5
    assert len(text.encode()) < 3_000_000
    assert text.count('<tr id="t') == 3000
