# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a run in a real browser: its script runs, and it can be used."""

import base64
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from harness.model import (
    Evidence,
    Judged,
    LeaseCost,
    Outcome,
    RunResult,
    StepResult,
    TemplateCost,
    TestResult,
)
from harness.reports import html, trend

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TIME = "--virtual-time-budget=3000"
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
    place = f"--user-data-dir={profile}"
    words = [browser, *OPTIONS, TIME, *sandbox, place, "--dump-dom", page.as_uri()]
    # Chromium makes sockets there, whose names must be short.
    with tempfile.TemporaryDirectory(prefix="page-", dir="/tmp") as temporary:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            timeout=90,
            check=True,
            env={**os.environ, "TMPDIR": temporary},
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


# -- a page that is driven: devices, keyboard, accessibility --------------------


PIPES = """\
import fcntl, os, sys
high = [fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3]]
os.dup2(high[0], 3)
os.dup2(high[1], 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""


class Page:
    """A page in a browser that is driven through two pipes (CDP)."""

    def __init__(self, browser: str, profile: Path) -> None:
        orders, self.write = os.pipe()
        self.read, answers = os.pipe()
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        place = f"--user-data-dir={profile}"
        argv = [browser, *OPTIONS, *sandbox, "--remote-debugging-pipe", place]
        self.temporary = tempfile.mkdtemp(prefix="page-", dir="/tmp")
        self.process = subprocess.Popen(
            [sys.executable, "-c", PIPES, str(orders), str(answers), *argv],
            pass_fds=(orders, answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "TMPDIR": self.temporary},
        )
        os.close(orders)
        os.close(answers)
        self.buffer = b""
        self.number = 0
        self.session = ""
        self.asked: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        self.call("Page.enable")
        self.call("Network.enable")

    def close(self) -> None:
        os.close(self.write)
        os.close(self.read)
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.temporary, ignore_errors=True)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def receive(self) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            data = os.read(self.read, 1 << 16)
            assert data, "the browser has ended"
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if message.get("method") == "Network.requestWillBeSent":
            self.asked.append(message["params"]["request"]["url"])
        return message

    def open(self, path: Path, *, width: int = 1200, dark: bool = False) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=800,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=path.as_uri())
        while self.receive().get("method") != "Page.loadEventFired":
            pass

    def run(self, script: str) -> Any:
        done = self.call(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def press(self, key: str, code: int, text: str = "") -> None:
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                text=text if kind == "keyDown" else "",
                windowsVirtualKeyCode=code,
            )


@pytest.fixture(scope="module")
def driven(browser: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    page = Page(browser, tmp_path_factory.mktemp("profile"))
    yield page
    page.close()


def picture(width: int, height: int) -> bytes:
    """A grey PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + b"\x80" * width) * height
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    return start + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


DIFF = """\
    def test_name():
>       assert party.name == "Ada"
E       AssertionError: assert 'Eve' == 'Ada'
E         - Ada
E         + Eve
"""


@pytest.fixture
def rich(run: RunResult, tmp_path: Path) -> Path:
    """A page with everything that a page can have."""
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "1-login.png").write_bytes(picture(1400, 900))
    shots = (
        Evidence(title="login.png", file="evidence/1-login.png"),
        Evidence(title="after.png", file="evidence/1-login.png"),
        Evidence(title="gone.png", file="", missing="No such file"),
    )
    step = run.steps[0]
    tests = tuple(
        replace(one, longrepr=DIFF, evidence=shots, sections=(("log", "a line"),))
        if one.outcome is Outcome.FAILED
        else replace(one, waits=0.01, phases={"setup": 0.1, "call": one.duration})
        for one in step.tests
    )
    past = [
        replace(trend.present(run), id=f"r{index}", outcomes={**kept, **changed})
        for index, kept in enumerate([dict(trend.present(run).outcomes)] * 3)
        for changed in [
            {("tryton 7.0 local", step.tests[7].id): ("passed", "failed")[index % 2]}
        ]
    ]
    lost = replace(step, name="portal-2-of-5", tests=(), error="left no report")
    full = replace(
        run,
        steps=(replace(step, tests=tests, sources=("society (src 1f3c)",)), lost),
        templates=(
            TemplateCost(
                name="t_91", digest="91" * 32, layer="official", action="built",
                modules=("company", "country", "currency", "party", "res"),
                started=run.started, seconds=4.0, size=14_000_000,
            ),
        ),
        leases=tuple(
            LeaseCost(worker=one.worker, template="t_91", kind="ready",
                      started=one.started, seconds=0.01)
            for one in tests
        ),
        judged=(
            Judged(name="lint", status="passed", seconds=3.0, command="harness lint"),
            Judged(name="tryton", status="failed", reason="2 tests failed"),
        ),
    )  # fmt: skip
    page = tmp_path / "index.html"
    page.write_text(html.page(full, directory=tmp_path, past=past), "utf-8")
    return page


def violations(driven: Page) -> Any:
    """What axe says of the page as it is."""
    axe = resources.files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
    driven.run(axe + "; 0")
    return driven.run(
        "axe.run().then((result) => result.violations.map((one) =>"
        " [one.id, one.help, one.nodes.map((node) => node.html.slice(0, 200))]))"
    )


@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_is_accessible(
    driven: Page, rich: Path, width: int, *, dark: bool
) -> None:
    driven.open(rich, width=width, dark=dark)
    driven.run(
        "for (const one of document.querySelectorAll('details')) one.open = true"
    )
    assert violations(driven) == []


@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_sticks_out_sideways(driven: Page, rich: Path, width: int) -> None:
    driven.open(rich, width=width)
    driven.run(
        "for (const one of document.querySelectorAll('details')) one.open = true"
    )
    assert driven.run("document.documentElement.scrollWidth") <= width
    assert driven.run("document.querySelector('figure img').naturalWidth") == 1400
    assert driven.run("document.querySelector('figure img').clientWidth") <= width


def test_the_page_asks_for_nothing_but_itself(driven: Page, rich: Path) -> None:
    driven.asked.clear()
    driven.open(rich)
    asked = [url for url in driven.asked if not url.startswith("data:")]
    assert asked == [rich.as_uri()]


def test_dark_is_dark_and_light_is_light(driven: Page, rich: Path) -> None:
    ground = (
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    )
    driven.open(rich, dark=True)
    assert max(driven.run(ground)) < 60
    driven.open(rich, dark=False)
    assert min(driven.run(ground)) > 200


def test_the_keyboard_is_enough(driven: Page, rich: Path) -> None:
    driven.open(rich)
    driven.press("Tab", 9)
    assert driven.run("document.activeElement.className") == "skip"
    focus = "document.querySelector('{}').focus()"
    driven.run(focus.format("details.group > summary"))  # two that are equal
    driven.press("Enter", 13, "\r")
    driven.run(focus.format("details.failure > summary"))
    opened = "document.querySelector('details.failure').open"
    before = driven.run(opened)
    driven.press("Enter", 13, "\r")
    assert driven.run(opened) is not before
    driven.run(focus.format("#table thead th:nth-child(5) button"))
    driven.press("Enter", 13, "\r")
    sorted_ = "document.querySelector('#table th:nth-child(5)').ariaSort"
    assert driven.run(sorted_) == "descending"
    driven.run(focus.format("#search"))
    for letter in "test_0222":
        driven.press(letter, ord(letter.upper()), letter)
    assert driven.run("document.querySelector('#shown').textContent") == (
        "1 of 300 tests"
    )


def test_history_gate_and_evidence_can_be_seen(driven: Page, rich: Path) -> None:
    driven.open(rich)
    texts = driven.run(
        "['#gate', '#history', '#failures'].map((id) =>"
        " document.querySelector(id).textContent.replace(/\\s+/g, ' '))"
    )
    assert "2 tests failed" in texts[0]
    assert "flaky" in texts[1]
    assert "last 4 runs of this command" in texts[1]
    assert "portal-2-of-5 left no report" in texts[2]
    assert "gone.png was not kept: No such file" in texts[2]
    sides = (
        "['minus', 'plus'].map((c) => document.querySelector('pre .' + c).textContent)"
    )
    assert [text.strip() for text in driven.run(sides)] == [
        "E   - Ada", "E   + Eve",
    ]  # fmt: skip


def test_a_picture_can_be_taken_of_it(driven: Page, rich: Path, tmp_path: Path) -> None:
    driven.open(rich, width=360, dark=True)
    driven.run(
        "for (const one of document.querySelectorAll('details')) one.open = true"
    )
    shot = driven.call("Page.captureScreenshot", captureBeyondViewport=True)
    (tmp_path / "phone.png").write_bytes(base64.b64decode(shot["data"]))
    keep = os.environ.get("KEEP_SHOT")
    if keep:
        shutil.copy(tmp_path / "phone.png", keep)


# -- many failures ---------------------------------------------------------------


@pytest.fixture
def many(run: RunResult, tmp_path: Path) -> Path:
    """A page of 2 000 tests, 200 of which fail: most of them in the same way."""
    step = run.steps[0]
    tests = tuple(
        replace(
            one,
            id=f"tests/test_party.py::PartyCase::test_{index:04}",
            outcome=Outcome.FAILED if index % 10 == 0 else Outcome.PASSED,
            message=f"ConnectionError: {index if index % 30 == 0 else 'refused'}",
            longrepr=DIFF * 8,
        )
        for index, one in enumerate(step.tests * 7)
    )[:2000]
    page = tmp_path / "index.html"
    whole = replace(run, steps=(replace(step, tests=tests),))
    page.write_text(html.page(whole, directory=tmp_path), "utf-8")
    return page


def test_a_large_page_opens_at_once_and_leads_to_each_failure(
    driven: Page, many: Path
) -> None:
    driven.open(many)
    assert driven.run("document.querySelectorAll('#table tbody tr').length") == 2000
    # What the page itself works: a clock would measure who else uses the machine.
    driven.call("Performance.enable", timeDomain="threadTicks")
    driven.call("Page.reload")
    while driven.receive().get("method") != "Page.loadEventFired":
        pass
    told = driven.call("Performance.getMetrics")["metrics"]
    figures = {one["name"]: one["value"] for one in told}
    assert figures["TaskDuration"] < 1.0
    groups = driven.run(
        "[...document.querySelectorAll('.card.group')].map((one) =>"
        " one.querySelectorAll('.failure').length)"
    )
    assert groups == [33, 133]  # numbers of four digits are no difference
    driven.run("location.hash = '#f199'")
    opened = (
        "new Promise((done) => setTimeout(() => done(["
        "document.querySelector('#f199').open,"
        " document.querySelector('#f199').closest('.group').open]), 50))"
    )
    assert driven.run(opened) == [True, True]


def test_what_runs_a_failure_again_is_copied(driven: Page, rich: Path) -> None:
    driven.open(rich)
    driven.run(
        "document.execCommand = () => { window.copied ="
        " document.activeElement.value; return true }"
    )
    driven.run("location.hash = '#f0'")
    for kind in ("again", "traceback"):
        driven.run(f"document.querySelector('[data-copy={kind}]').focus()")
        driven.press("Enter", 13, "\r")
        text = driven.run("window.copied")
        begin = "harness test tryton tests/" if kind == "again" else "    def test_name"
        assert text.startswith(begin)
    assert driven.run("document.activeElement.textContent") == "Copied"


def test_all_is_printed_that_tells_something(driven: Page, rich: Path) -> None:
    driven.open(rich)
    driven.call("Emulation.setEmulatedMedia", media="print")
    seen = "[...document.querySelectorAll('{}')].some((one) => one.checkVisibility())"
    try:
        assert not driven.run(seen.format("nav, .filters, .actions, #unfold"))
        assert driven.run(seen.format("details.failure .traceback pre"))
        width = "document.documentElement.scrollWidth <= innerWidth"
        assert driven.run(width)
    finally:
        driven.call("Emulation.setEmulatedMedia", media="")


def test_pictures_are_shown_large_one_after_the_other(driven: Page, rich: Path) -> None:
    """By the keys alone; whoever closes it is where he was."""
    driven.open(rich)
    driven.run("location.hash = '#f0'; document.querySelector('#f0').open = true")
    driven.run("document.querySelector('#f0 .evidence a').focus()")
    said = "[light.open, light.querySelector('p').textContent.split(',')[0]]"
    driven.press("Enter", 13, "\r")
    assert driven.run(said) == [True, "1 of 2: login.png"]
    driven.press("ArrowRight", 39)
    assert driven.run(said) == [True, "2 of 2: after.png"]
    driven.press("ArrowRight", 39)
    assert driven.run(said) == [True, "1 of 2: login.png"]
    assert driven.run("light.querySelector('img').naturalWidth") == 1400
    assert violations(driven) == []
    driven.press("Escape", 27)
    assert driven.run("light.open") is False
    assert driven.run("document.activeElement.matches('#f0 .evidence a')")
