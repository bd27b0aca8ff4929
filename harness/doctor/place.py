# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of names, time and text: /etc/hosts, the clock, the encoding."""

import codecs
import time
from datetime import datetime

from harness.doctor.base import Finding, Machine, nearest, ok, skipped, warning
from harness.doctor.docker import Info
from harness.errors import HarnessError

NAMES = ("repertoire.test", "api.repertoire.test")
HERE = ("127.0.0.1", "::1")
SKEW = 2.0
"""Seconds that two clocks may differ."""


def hosts(machine: Machine) -> list[Finding]:
    """The names of the portal and the API."""
    name, need = "host names", "opening the stack in a browser"
    try:
        text = machine.hosts.read_text("utf-8", "replace")
    except OSError as error:
        return [skipped(name, f"{machine.hosts}: {error.strerror}")]
    known = addresses(text)
    astray = [one for one in NAMES if known.get(one, HERE[0]) not in HERE]
    if astray:
        found = ", ".join(f"{one} is {known[one]}" for one in astray)
        remedy = machine.root(f"editor {machine.hosts}")
        return [warning(name, f"{found} in {machine.hosts}", remedy=remedy, need=need)]
    absent = [one for one in NAMES if one not in known]
    if not absent:
        return [ok(name, ", ".join(NAMES))]
    line = f"{HERE[0]} {' '.join(absent)}"
    remedy = f"echo {line} | {machine.root(f'tee -a {machine.hosts}')}"
    found = f"{' and '.join(absent)} not in {machine.hosts}"
    return [warning(name, found, remedy=remedy, need=need)]


def addresses(text: str) -> dict[str, str]:
    """The address of each name in a hosts file: the first one counts."""
    known: dict[str, str] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        for name in names:
            known.setdefault(name.lower(), address)
    return known


def clock(machine: Machine) -> list[Finding]:
    """Whether the clock is plausible and in step with files and engine."""
    name, now = "clock", machine.now()
    remedy = machine.root("timedatectl set-ntp true")
    need = "certificates, ages of templates, times in reports"
    if now < machine.released:
        text = f"it says {day(now)}, but the harness is of {day(machine.released)}"
        return [warning(name, text, remedy=remedy, need=need)]
    skews: dict[str, float] = {}
    beside = _beside(machine)
    if beside is not None:
        skews["the file system"] = beside
    try:
        info = None if machine.docker.why_not() else machine.docker.info()
    except HarnessError:
        info = None
    moment = _engine_time(info) if info else None
    if info and moment is not None:
        skews["the engine"] = beyond(moment, info.before, info.after)
    for what, skew in skews.items():
        if abs(skew) > SKEW:
            word = "ahead of" if skew > 0 else "behind"
            text = f"{what} is {abs(skew):.0f} s {word} it"
            return [warning(name, text, remedy=remedy, need=need)]
    compared = " and ".join(skews)
    text = f"in step with {compared}" if compared else "compared with nothing"
    return [ok(name, f"{day(now)}, {text}")]


def _beside(machine: Machine) -> float | None:
    """How far a new file's time is from ours; None where none can be made."""
    place = nearest(machine.state)
    before = machine.now()
    try:
        stamp = machine.stamp(place)
    except OSError:
        return None
    return beyond(stamp, before, machine.now())


def _engine_time(info: Info) -> float | None:
    try:
        return datetime.fromisoformat(str(info.values["SystemTime"])).timestamp()
    except (KeyError, ValueError):
        return None


def beyond(moment: float, before: float, after: float) -> float:
    """How far a moment lies outside of the time in which it was asked for."""
    if moment > after:
        return moment - after
    return min(0.0, moment - before)


def day(moment: float) -> str:
    """A date."""
    return time.strftime("%Y-%m-%d", time.gmtime(moment))


def encoding(machine: Machine) -> list[Finding]:
    """UTF-8 everywhere."""
    name = "encoding"
    wrong = {
        what: value for what, value in machine.encodings.items() if not utf8(value)
    }
    if not wrong:
        return [ok(name, "UTF-8")]
    text = ", ".join(f"{what}: {value or 'unknown'}" for what, value in wrong.items())
    need = "file names and output with umlauts"
    return [warning(name, text, remedy="export LC_ALL=C.UTF-8", need=need)]


def utf8(name: str) -> bool:
    """Whether an encoding is UTF-8, by whatever name."""
    try:
        return codecs.lookup(name).name == "utf-8"
    except LookupError:
        return False
