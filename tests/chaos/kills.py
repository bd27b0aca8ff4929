# SPDX-License-Identifier: GPL-3.0-or-later
"""``kill -9`` of every kind of process at random moments, also between two steps of a
removal.
"""

import time
from collections.abc import Iterator
from random import Random

from tests.chaos.ground import Ground, Run, _kill
from tests.chaos.table import Row

KINDS = (
    "harness", "session", "warm", "worker", "stand-in", "supervisor", "server",
    "backend", "builder",
)  # fmt: skip
"""The broker and the pool are threads of the harness; the session is the controller of
pytest-xdist, and a stand-in is what that takes for a worker's Python."""
OF_SERVER = frozenset({"supervisor", "server", "backend"})
LAST = frozenset({"harness", "session", "supervisor", "server"})
"""After one of these nothing of the run goes on."""
WAIT = 4.0
"""Seconds that a kind of process gets to appear."""


SLOW = "import time, unittest\n" + "".join(
    f"class Slow{number}TestCase(unittest.TestCase):\n"
    "    def test_slow(self):\n        time.sleep(0.4)\n"
    for number in range(16)
)
"""Tests that take time and no work, so that there is somebody to kill."""


def kill(ground: Ground, random: Random, rows: dict[str, Row]) -> None:
    """A run or some, each with kills in it; then one that nobody disturbs."""
    server = random.choice(("local", "sqlite", "sqlite"))
    hit: list[Row] = []
    problems: list[str] = []
    hung = False
    moments = []
    for _ in range(random.randint(1, 3)):
        building = random.random() < 0.4
        if building:
            ground.content(f"Thing {random.randrange(10**6)}")
        ground.add("test_slow.py", SLOW)
        run = ground.test(server)
        found = _kills(ground, random, run, rows, server, building=building)
        hit += [rows[f"kill {kind}"] for kind, _ in found]
        done = run.end()
        moments += [f"{kind} at {when:.2f} s" for kind, when in found]
        moments.append(f"(log {run.log.stem})")
        problems += done.problems()
        hung = hung or done.hung
    ground.remove("test_slow.py")
    what = f"{server}: {', '.join(moments)}"
    _judge(ground, server, hit or [rows["kill harness"]], what, hung, problems)


def _kills(
    ground: Ground,
    random: Random,
    run: Run,
    rows: dict[str, Row],
    server: str,
    *,
    building: bool,
) -> list[tuple[str, float]]:
    """Kill what others stand in for, then what ends the run; what, and when."""

    def strike(kinds: list[str], patience: float) -> Iterator[tuple[str, float]]:
        trials = {kind: rows[f"kill {kind}"].trials for kind in kinds}
        kind = _strike(ground, random, run, trials, patience=patience)
        if kind:
            rows[f"kill {kind}"].trials += 1
            yield kind, time.time() - run.started

    wanted = [
        kind
        for kind in KINDS
        if (building or kind != "builder")
        and (server == "local" or kind not in OF_SERVER)
    ]
    found: list[tuple[str, float]] = []
    many = random.choice((0, 2, 6, 16))
    time.sleep(random.uniform(0, 0.3 if many else 3))
    for _ in range(many):
        soft = [kind for kind in wanted if kind not in LAST]
        found += strike(soft, 1.0 if found else WAIT)
    if not found or random.random() < 0.6:
        found += strike([kind for kind in wanted if kind in LAST], WAIT)
    return found


def _judge(
    ground: Ground,
    server: str,
    hit: list[Row],
    what: str,
    hung: bool,
    problems: list[str],
) -> None:
    wrong, leaked, late = ground.calm(server)
    for row in {id(row): row for row in hit}.values():
        row.hung += [what] * hung
        row.wrong += [f"{what}: {text}" for text in [*problems, *wrong]]
        row.leaked += [f"{what}: {text}" for text in leaked]
        row.hung += [f"{what}: {text}" for text in late]
    if late:
        ground.kill_all()


def _strike(
    ground: Ground, random: Random, run: Run, trials: dict[str, int], *, patience: float
) -> str:
    """Kill a process some time after it has appeared; its kind, or nothing.

    Of the kinds that are there it is the one with the fewest `trials`.
    """
    deadline = ground.clock.now() + patience
    while not run.over and ground.clock.now() < deadline:
        found = [one for one in ground.processes() if one.kind in trials]
        if found:
            kind = min({one.kind for one in found}, key=lambda one: (trials[one], one))
            time.sleep(
                random.choice((0.0, random.uniform(0, 0.2), random.uniform(0, 0.8)))
            )
            victim = random.choice([one for one in found if one.kind == kind])
            return kind if _kill(victim.pid) else ""
        time.sleep(0.01)
    return ""


def kill_all(ground: Ground, random: Random, rows: dict[str, Row]) -> None:
    """All processes at one moment, as when a machine loses its power."""
    server = random.choice(("local", "local", "sqlite"))
    if random.random() < 0.5:
        ground.content(f"Thing {random.randrange(10**6)}")
    run = ground.test(server)
    time.sleep(random.uniform(0, 5))
    row = rows["kill all at once"]
    row.trials += 1
    what = f"{server}: at {time.time() - run.started:.2f} s (log {ground.number:04})"
    ground.kill_all()
    done = run.end()
    _judge(ground, server, [row], what, done.hung, done.problems())


def kill_removal(ground: Ground, random: Random, rows: dict[str, Row]) -> None:
    """The server's or the command's end while templates are removed, step by step."""
    row = rows["kill in removal"]
    row.trials += 1
    server = random.choice(("local", "local", "sqlite"))
    for _ in range(2):  # there is something to remove
        ground.content(f"Thing {random.randrange(10**6)}")
        ground.start("template", "--database", server, "build", "alpha").end()
    words = ("template", "--database", server, "prune")
    there = _templates(ground)
    run = ground.start(*words, HARNESS_TEMPLATES_COUNT="1")
    deadline = ground.clock.now() + 20
    while not run.over and ground.clock.now() < deadline:
        if server == "sqlite" and _templates(ground) < there:
            break
        if any(one.kind == "backend" for one in ground.processes()):
            break
        time.sleep(0.0005)
    time.sleep(random.uniform(0, 0.4 if server == "local" else 0.01))
    kind = random.choice(("harness", "harness", "server", "backend"))
    kind = kind if server == "local" else "harness"
    victims = [one for one in ground.processes() if one.kind == kind]
    moment = time.time() - run.started
    what = f"{server}: {kind} at {moment:.2f} s (log {ground.number:04})"
    if victims:
        _kill(random.choice(victims).pid)
    done = run.end()
    _judge(ground, server, [row], what, done.hung, done.problems())


def _templates(ground: Ground) -> int:
    return len(list((ground.state / "sqlite").glob("*.json")))
