# SPDX-License-Identifier: GPL-3.0-or-later
"""``kill -9`` of every kind of process at random moments, also between two steps of a
removal.
"""

import time
from random import Random

from tests.chaos.ground import Ground, Run, _kill
from tests.chaos.table import Row

KINDS = (
    "harness", "session", "worker", "supervisor", "server", "backend", "builder",
)  # fmt: skip
OF_SERVER = frozenset({"supervisor", "server", "backend"})
LAST = frozenset({"harness", "session", "supervisor", "server"})
"""After one of these nothing of the run goes on."""
WAIT = 4.0
"""Seconds that a kind of process gets to appear."""


def kill(ground: Ground, random: Random, rows: dict[str, Row]) -> None:
    """A run, several kills in it, and the next run."""
    server = random.choice(("local", "local", "sqlite"))
    building = random.random() < 0.5
    if building:
        ground.content(f"Thing {random.randrange(10**6)}")
    run = ground.test(server)
    time.sleep(random.uniform(0, 0.3))
    many = random.random() < 0.4
    wanted = [
        kind
        for kind in KINDS
        if (building or kind != "builder")
        and (server == "local" or kind not in OF_SERVER)
        and not (many and kind in LAST)
    ]
    hit: list[Row] = []
    moments = []
    for _ in range(16 if many else random.randint(1, 3)):
        trials = {kind: rows[f"kill {kind}"].trials for kind in wanted}
        kind = min(wanted, key=lambda one: (trials[one], random.random()))
        if _strike(ground, random, run, kind, patience=1.0 if hit else WAIT):
            rows[f"kill {kind}"].trials += 1
            hit.append(rows[f"kill {kind}"])
            moments.append(f"{kind} at {time.time() - run.started:.2f} s")
        if kind in LAST or run.over:
            break
    if not hit and _strike(ground, random, run, "harness", patience=WAIT):
        rows["kill harness"].trials += 1
        hit.append(rows["kill harness"])
        moments.append(f"harness at {time.time() - run.started:.2f} s")
    what = f"{server}: {', '.join(moments) or 'none'} (log {ground.number:04})"
    done = run.end()
    _judge(
        ground, server, hit or [rows["kill harness"]], what, done.hung, done.problems()
    )


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
    ground: Ground, random: Random, run: Run, kind: str, *, patience: float
) -> bool:
    """Kill one of a kind, some time after it has appeared."""
    deadline = time.monotonic() + patience
    while not run.over and time.monotonic() < deadline:
        found = [one for one in ground.processes() if one.kind == kind]
        if found:
            time.sleep(
                random.choice((0.0, random.uniform(0, 0.3), random.uniform(0, 2)))
            )
            return _kill(random.choice(found).pid)
        time.sleep(0.01)
    return False


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
    """The server's or the command's end while templates are removed."""
    row = rows["kill in removal"]
    run = ground.start("template", "--database", "local", "prune", "--all")
    kind = random.choice(("harness", "harness", "server", "backend"))
    deadline = time.monotonic() + 20
    while not run.over and time.monotonic() < deadline:
        if any(one.kind == "backend" for one in ground.processes()):
            break
        time.sleep(0.002)
    time.sleep(random.uniform(0, 0.4))
    victims = [one for one in ground.processes() if one.kind == kind]
    row.trials += 1
    what = f"{kind} at {time.time() - run.started:.2f} s (log {ground.number:04})"
    if victims:
        _kill(random.choice(victims).pid)
    done = run.end()
    _judge(ground, "local", [row], what, done.hung, done.problems())
