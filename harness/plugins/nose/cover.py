# SPDX-License-Identifier: GPL-3.0-or-later
"""``--with-coverage`` and its companions, by way of the coverage package."""

from __future__ import annotations

import os
from typing import Any

import pytest

from harness.plugins.workers.warm import WARMING

HARNESS = "HARNESS_COVERAGE"
"""Set where the harness measures: it is not done twice."""


def add_options(group: Any) -> None:
    """nose's options of coverage."""
    flag = group.addoption
    flag("--with-coverage", action="store_true", help="measure coverage")
    flag(
        "--cover-package", action="append", default=[], metavar="PACKAGE",
        help="measure these packages (commas, or given repeatedly)",
    )  # fmt: skip
    flag("--cover-erase", action="store_true", help="forget earlier runs")
    flag("--cover-tests", action="store_true", help="measure test modules too")
    flag("--cover-branches", action="store_true", help="measure branches")
    flag("--cover-inclusive", action="store_true", help="files never imported too")
    flag("--cover-html", action="store_true", help="write HTML")
    flag("--cover-html-dir", default="cover", metavar="DIR", help="where to")
    flag("--cover-xml", action="store_true", help="write XML")
    flag("--cover-xml-file", default="coverage.xml", metavar="FILE", help="where to")
    flag(
        "--cover-min-percentage", type=float, default=0.0, metavar="PERCENT",
        help="fail below",
    )  # fmt: skip


def start(config: Any, options: Any) -> None:
    """Measure from here on, if it was asked for."""
    wanted = getattr(options, "with_coverage", False)
    if not wanted or os.environ.get(HARNESS) or config.pluginmanager.hasplugin(NAME):
        return
    try:
        from coverage import Coverage
    except ImportError:
        raise pytest.UsageError(
            "--with-coverage needs the package coverage\n"
            "checked: the environment of the suite\n"
            "to mend it: pip install coverage"
        ) from None
    packages = [
        part.strip() for text in options.cover_package for part in text.split(",")
    ]
    worker = any(map(os.environ.get, ("PYTEST_XDIST_WORKER", WARMING)))
    measured = Coverage(
        data_suffix=True,
        branch=options.cover_branches or None,
        source_pkgs=packages or None,
        source=[os.getcwd()] if options.cover_inclusive and not packages else None,
        omit=None if options.cover_tests else ["*/tests/*", "*/test_*.py"],
        messages=False,
    )
    # A worker may have run nothing, as a child of coverage's `process_startup`:
    # https://github.com/nedbat/coveragepy/blob/7.11.0/coverage/control.py
    measured._warn_no_data = False
    if options.cover_erase and not worker:
        measured.erase()
    measured.start()
    config.pluginmanager.register(Measurement(measured, worker=worker), NAME)


NAME = "harness-nose-coverage"


class Measurement:
    """Coverage of a session, or of one of its workers."""

    def __init__(self, measured: Any, *, worker: bool) -> None:
        self.measured = measured
        self.worker = worker
        self.total: float | None = None

    def _save(self) -> None:
        self.measured.stop()
        self.measured.save()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: Any) -> None:
        """Stop; the session that reports puts all the data together."""
        self._save()
        if self.worker:
            return
        from coverage.exceptions import CoverageException

        try:
            self.measured.combine(keep=False)
            self.measured.save()
            with open(os.devnull, "w", encoding="utf-8") as nothing:
                self.total = self.measured.report(file=nothing)
        except CoverageException:
            return
        least = session.config.option.cover_min_percentage
        if self.total < least and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any, config: Any) -> None:
        """Show the table and write what was asked for."""
        if self.worker:
            return
        options = config.option
        terminalreporter.section("coverage")
        if self.total is None:
            terminalreporter.write_line("no data was collected")
            return
        # The file behind the terminal's writer has no public name:
        # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/_io/terminalwriter.py
        self.measured.report(file=terminalreporter._tw._file, show_missing=True)
        if options.cover_html:
            self.measured.html_report(directory=options.cover_html_dir)
        if options.cover_xml:
            self.measured.xml_report(outfile=options.cover_xml_file)
        if self.total < options.cover_min_percentage:
            terminalreporter.write_line(
                f"{self.total:.2f} % is less than --cover-min-percentage="
                f"{options.cover_min_percentage:g}",
                red=True,
            )
