# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at something that runs, and what two looks say together."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Counters since it began: seconds and bytes; `at` is when, in seconds.

    None is what nobody can say: a process has no network of its own.
    """

    name: str
    service: str
    kind: str
    """container or process."""
    state: str
    at: float
    health: str = ""
    restarts: int = 0
    user: float = 0.0
    system: float = 0.0
    rss: int = 0
    cache: int = 0
    received: int | None = None
    sent: int | None = None
    read: int | None = None
    written: int | None = None
    processes: int = 0

    @property
    def well(self) -> int | None:
        """1 for a container that runs and is not ill, else 0."""
        if self.kind != "container":
            return None
        return int(self.state == "running" and self.health in ("", "healthy"))


@dataclass(frozen=True, kw_only=True)
class MonitorRow:
    """A sample, with what it took since the one before, a second."""

    sample: Sample
    user: float
    """Of one CPU, in percent; since it began where there is no look before."""
    system: float
    received: float | None
    sent: float | None
    read: float | None
    written: float | None


def compared(before: Sample | None, now: Sample) -> MonitorRow:
    """What happened between two looks; zero where there is but one."""
    seconds = now.at - before.at if before else 0.0

    def rate(name: str) -> float | None:
        new, old = getattr(now, name), getattr(before, name, None)
        if new is None:
            return None
        if old is None or seconds <= 0 or new < old:  # it began anew
            return 0.0
        return float(new - old) / seconds

    return MonitorRow(
        sample=now,
        user=100 * (rate("user") or 0.0),
        system=100 * (rate("system") or 0.0),
        received=rate("received"),
        sent=rate("sent"),
        read=rate("read"),
        written=rate("written"),
    )
