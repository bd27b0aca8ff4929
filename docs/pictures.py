# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes ``docs/pictures``: a terminal and a page of a run that is made up.

What draws them is what draws those of real runs: ``nox -s pictures``.
"""

import io
import os
import re
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console as Recorder
from rich.text import Text

from harness import proc
from harness.errors import MissingTool
from harness.model import Outcome, RunResult, StepResult, TestResult
from harness.output import Console
from harness.reports import html, trend
from harness.run.board import RunBoard

PLACE = Path(__file__).parent / "pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
COLUMNS = 84
STARTED = 1_780_000_000.0
MODULE = "tests/test_licensing.py::LicensingTestCase"
ERROR = "AssertionError: Decimal('0.00') != Decimal('75.00')"
REFUSED = "ConnectionRefusedError: [Errno 111] Connection refused"
LONG = f"""\
    def test_adjustments(self):
        utilisation = self.confirmed(adjustment=-25)
>       self.assertEqual(utilisation.amount, Decimal('75.00'))
E       {ERROR}

{MODULE.partition("::")[0]}:144: AssertionError
"""
HEADER = """\
harness tryton-7.0
  series     7.0 on Python 3.11
  source     collecting_society (src 84fd6bbe dirty)
  database   local (embedded)
  isolation  class, 2 workers
=========================== test session starts ============================
2 workers [87 items]"""


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal() -> str:
    """A run in its middle, as SVG."""
    stream = Terminal()
    now = time.time()
    said = {
        "gw0": {"what": f"{MODULE}::test_invoice", "since": now - 3},
        "gw1": {"what": f"setup of {MODULE}::test_declaration", "since": now - 1},
    }
    notes: Any = SimpleNamespace(said=lambda: list(said.items()))
    ids = [f"{MODULE}::test_{number}" for number in range(86)]
    ids.append(f"{MODULE}::test_adjustments")
    console = Console(stream, {"COLUMNS": str(COLUMNS)})
    board = RunBoard(console, notes, 2, dict.fromkeys(ids, 0.8))
    board.started = now - 21
    board.hear({"kind": "plan", "ids": ids, "keys": ids})
    for name in ids[:41]:
        board.hear({"kind": "test", "id": name, "outcome": "passed"})
    failed = {"kind": "test", "id": ids[-1], "outcome": "failed", "message": ERROR}
    board.hear(failed)
    recorder = Recorder(record=True, width=COLUMNS, file=io.StringIO())
    lines = [*HEADER.splitlines(), *stream.getvalue().splitlines()]
    for line in (*lines, f"{'.' * 38}F...", *board.rows()):
        recorder.print(Text.from_ansi(line))
    plain = re.sub(r"@font-face {{.*?}}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    title = "harness test tryton collecting_society"
    return recorder.export_svg(title=title, code_format=plain, unique_id="harness")


def page() -> str:
    """The page of a run that has failed."""
    tests = tuple(_test(number) for number in range(87))
    step = StepResult(
        name="tryton-7.0",
        suite="tryton",
        series="7.0",
        database="local",
        exit_code=1,
        started=STARTED,
        seconds=24.0,
        tests=tests,
        sources=("collecting_society (src 84fd6bbe dirty)",),
    )
    run = RunResult(
        id="20260528202640c0ffee",
        command="harness test tryton collecting_society",
        started=STARTED,
        seconds=24.0,
        exit_code=1,
        version="1.0.0",
        steps=(step,),
    )
    present = trend.present(run)
    kin = next(kin for kin, _ in present.outcomes)
    before = {
        **dict.fromkeys(present.outcomes, "passed"),
        (kin, f"{MODULE}::test_3"): "failed",
        (kin, f"{MODULE}::test_of_yesterday"): "passed",
    }
    past = replace(present, id="20260527180102c0ffee", outcomes=before)
    return html.page(run, past=[past], editor="vscode://file{path}:{line}")


def _test(number: int) -> TestResult:
    failed, refused = number == 10, number in range(40, 46)
    message = ERROR if failed else REFUSED if refused else ""
    return TestResult(
        step="tryton-7.0",
        id=f"{MODULE}::test_{'adjustments' if failed else number}",
        module="collecting_society",
        worker=f"gw{number % 2}",
        outcome=Outcome.FAILED if message else Outcome.PASSED,
        started=STARTED + 2 + number / 4,
        duration=0.1 + number * 7919 % 17 / 20,
        message=message,
        longrepr=LONG if failed else f"E   {message}\n" if refused else "",
        file=MODULE.partition("::")[0],
        path="/src/collecting_society/tests/test_licensing.py",
        line=140,
        fault=144 if failed else 0,
    )


def shoot(text: str, picture: Path) -> None:
    """The first screen of a page, its first failure open."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise MissingTool("there is no Chromium", checked=", ".join(BROWSERS))
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="page-", dir="/tmp") as place:
        file = Path(place, "index.html")
        card = '<details class="card failure failed"'
        file.write_text(text.replace(card, f"{card} open", 1), "utf-8")
        argv = [
            browser, *sandbox, "--headless", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--hide-scrollbars",
            f"--user-data-dir={place}/profile", "--window-size=900,900",
            f"--screenshot={picture}", file.as_uri(),
        ]  # fmt: skip
        proc.run(argv, env={**os.environ, "TMPDIR": place}, timeout=120)


if __name__ == "__main__":
    PLACE.mkdir(exist_ok=True)
    (PLACE / "terminal.svg").write_text(terminal(), "utf-8")
    shoot(page(), PLACE / "page.png")
