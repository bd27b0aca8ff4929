# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a run in a real browser: its script runs, and it can be used."""

import json
import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from harness.model import Outcome, RunResult, StepResult, TestResult
from harness.reports import html

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=3000",
)
PROBE = """
<script>
const rows = () => [...document.querySelectorAll("#table tbody tr")]
  .filter((row) => !row.hidden);
const names = () => rows().slice(0, 3)
  .map((row) => row.querySelector(".own").textContent);
const filters = document.querySelector(".filters");
const seen = { started: rows().length, script: !filters.hidden };
const sorters = document.querySelectorAll("#table thead button");
sorters[4].click();
seen.slowest = names();
seen.sort = sorters[4].parentElement.getAttribute("aria-sort");
const search = document.querySelector("#search");
search.value = "TEST_001";
search.dispatchEvent(new Event("input"));
seen.found = rows().length;
document.querySelector("a[data-outcome=failed]").click();
seen.failed = names();
seen.shown = document.querySelector("#shown").textContent;
document.querySelector("#more").click();
document.querySelector(".filters button[type=reset]").click();
setTimeout(() => {
  seen.all = rows().length;
  document.querySelector("rect[data-t='0']").dispatchEvent(
    new MouseEvent("click", { bubbles: true }));
  seen.open = document.querySelector("#f0").open;
  document.body.dataset.seen = JSON.stringify(seen);
}, 100);
</script>
"""


@pytest.fixture(scope="module")
def browser() -> str:
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    pytest.skip(f"no Chromium on this machine; looked for {', '.join(BROWSERS)}")


@pytest.fixture
def run() -> RunResult:
    tests = tuple(
        TestResult(
            step="tryton",
            id=f"tests/test_party.py::PartyCase::test_{index:04}",
            module="party",
            worker=f"gw{index % 2}",
            outcome=Outcome.FAILED if index in {3, 222} else Outcome.PASSED,
            started=1_780_000_000.0 + index / 10,
            duration=(index * 7919 % 300) / 1000,
            message="assert <b>1</b> == 2" if index in {3, 222} else "",
        )
        for index in range(300)
    )
    step = StepResult(
        name="tryton",
        suite="tryton",
        series="7.0",
        database="local",
        exit_code=1,
        started=1_780_000_000.0,
        seconds=31.0,
        tests=tests,
    )
    return RunResult(
        id="20260528-201320-4c1f",
        command="harness test tryton",
        started=1_780_000_000.0,
        seconds=31.0,
        exit_code=1,
        version="1.0.0",
        steps=(step,),
    )


def dump(browser: str, page: Path, profile: Path) -> str:
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    profile.mkdir()
    done = subprocess.run(
        [
            browser,
            *OPTIONS,
            *sandbox,
            f"--user-data-dir={profile}",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout


def test_the_policy_of_the_page_lets_its_script_run(
    browser: str, run: RunResult, tmp_path: Path
) -> None:
    page = tmp_path / "index.html"
    page.write_text(html.page(run), "utf-8")
    dom = dump(browser, page, tmp_path / "profile")
    assert "300 tests, the first 200 shown" in dom
    assert dom.count('hidden=""') >= 100


def test_the_policy_of_the_page_stops_any_other_script(
    browser: str, run: RunResult, tmp_path: Path
) -> None:
    page = tmp_path / "index.html"
    page.write_text(html.page(run).replace("</body>", f"{PROBE}</body>"), "utf-8")
    assert "data-seen=" not in dump(browser, page, tmp_path / "profile")


def test_the_table_sorts_filters_and_searches(
    browser: str, run: RunResult, tmp_path: Path
) -> None:
    page = tmp_path / "index.html"
    text = re.sub(r"<meta http-equiv[^>]+>", "", html.page(run))
    page.write_text(text.replace("</body>", f"{PROBE}</body>"), "utf-8")
    dom = dump(browser, page, tmp_path / "profile")
    found = re.search(r'data-seen="([^"]+)"', dom)
    assert found, "the probe did not come to its end"
    seen: dict[str, Any] = json.loads(unescape(found[1]))
    slowest = sorted(run.tests, key=lambda test: -test.duration)[:3]
    assert seen == {
        "started": 200,
        "script": True,
        "slowest": [test.id.rpartition("::")[2] for test in slowest],
        "sort": "descending",
        "found": 10,
        "failed": ["test_0003", "test_0222"],
        "shown": "2 of 300 tests",
        "all": 300,
        "open": True,
    }
