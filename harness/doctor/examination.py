# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks, at the same time, none of which can hold the others up."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.doctor import engine, leftovers, place, ports, programs, space
from harness.doctor.base import Finding, Machine, warning
from harness.errors import HarnessError

LIMIT = 4.0
"""Seconds until a check is given up on an idle machine; they take a tenth of it."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A name for the case that it fails itself, and what it does."""

    name: str
    call: Callable[[Machine], Sequence[Finding]]


CHECKS = tuple(
    Check(name=name, call=call)
    for name, call in (
        ("docker client", engine.client),
        ("docker engine", engine.engine),
        ("docker socket", engine.rights),
        ("docker plugins", engine.plugins),
        ("base image", engine.base),
        ("images", engine.images),
        ("embedded PostgreSQL", programs.postgresql),
        ("Python", programs.pythons),
        ("git", programs.git),
        ("Chromium", programs.chrome),
        ("Firefox", programs.firefox),
        ("state directory", space.state),
        ("docker disk", space.docker),
        ("shared memory", space.shared),
        ("temporary files", space.temporary),
        ("memory", space.memory),
        ("ports", ports.taken),
        ("host names", place.hosts),
        ("clock", place.clock),
        ("encoding", place.encoding),
        ("leftover containers", leftovers.containers),
        ("leftover files", leftovers.scratch),
        ("leftover memory", leftovers.memory),
        ("templates", leftovers.templates),
    )
)


def examine(
    machine: Machine, *, checks: Sequence[Check] = CHECKS, limit: float = LIMIT
) -> list[Finding]:
    """The findings of all checks, in their order, after `limit` seconds at most."""
    results: dict[str, Sequence[Finding]] = {}

    def work(check: Check) -> None:
        results[check.name] = perform(check, machine)

    # Threads of a pool would be waited for when the interpreter ends.
    threads = [
        threading.Thread(target=work, args=(one,), name=one.name, daemon=True)
        for one in checks
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + limit
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = f"no answer within {limit:g} s"
    finished = dict(results)
    return [
        finding
        for one in checks
        for finding in finished.get(one.name, (warning(one.name, late),))
    ]


def perform(check: Check, machine: Machine) -> Sequence[Finding]:
    """What a check finds; that it fails is a finding too."""
    try:
        return check.call(machine)
    except HarnessError as error:
        text = " ".join(str(error.message).split())
        return [warning(check.name, text, remedy=error.remedy)]
    except Exception as error:  # noqa: BLE001
        text = f"this check failed itself: {type(error).__name__}: {error}"
        return [warning(check.name, text)]
