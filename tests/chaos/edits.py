# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources that change while templates are made; templates against exact builds."""

import re
import shutil
import sqlite3
import time
from pathlib import Path
from random import Random

from tests.chaos.ground import Ground
from tests.chaos.table import Row

TIMES = re.compile(r"'?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?'?")


def edit(ground: Ground, random: Random, rows: dict[str, Row]) -> None:
    """A file is saved while its layer is built, then put back as it was."""
    row = rows["edit during build"]
    row.trials += 1
    server = random.choice(("local", "sqlite"))
    one, other = (f"{name} {random.randrange(10**6)}" for name in ("before", "after"))
    ground.content(one)
    run = ground.test(server)
    when = random.uniform(0.2, 4)
    while time.time() - run.started < when and not run.over:
        time.sleep(0.01)
    ground.content(other)
    done = run.end()
    what = f"{server}: saved at {when:.2f} s (log {ground.number:04})"
    row.hung += [what] * done.hung
    row.wrong += [f"{what}: {text}" for text in done.problems()]
    for name in random.sample((one, other), 2):
        ground.content(name)
        wrong, leaked, late = ground.calm(server)
        row.wrong += [f"{what}: as {name}: {text}" for text in wrong]
        row.leaked += [f"{what}: {text}" for text in leaked]
        row.hung += [f"{what}: {text}" for text in late]


PROGRAM = """\
from trytond.model import ModelSQL, ModelView, fields

class Thing(ModelSQL, ModelView):
    "Thing"
    __name__ = 'alpha.thing'
    name = fields.Char("Name", required=True)
{more}

    @classmethod
    def default_{which}(cls):
        return helper()

def helper():
    return {value!r}
"""


def exact(ground: Ground, random: Random, rows: dict[str, Row]) -> None:
    """A template made in a state with a past is as one made of nothing."""
    row = rows["exact template"]
    row.trials += 1
    wanted = {"more": "", "which": "name", "value": "one"}
    for _ in range(random.randint(1, 3)):
        change = random.choice(("content", "field", "default", "comment"))
        if change == "content":
            ground.content(f"Thing {random.randrange(100)}")
        elif change == "field":
            wanted["more"] = f"    field_{random.randrange(9)} = fields.Integer('A')"
        elif change == "default":
            wanted["value"] = f"value {random.randrange(100)}"
        text = PROGRAM.format(**wanted)
        text += f"# {random.random()}\n" if change == "comment" else ""
        (ground.module / "alpha.py").write_text(text)
        words = ("template", "--database", "sqlite", "build", "alpha")
        done = ground.start(*words).end()
        if done.code or done.hung:
            row.wrong.append(
                f"the build ends with {done.code} (log {ground.number:04})"
            )
            return
    past = _dump(ground.state)
    fresh = ground.place / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / "sqlite").mkdir(parents=True)
    (fresh / "envs").symlink_to(ground.state / "envs")
    for path in (ground.state / "sqlite").glob("*.json"):
        if '"name": "base"' in path.read_text():
            shutil.copy(path, fresh / "sqlite")
            shutil.copy(path.with_suffix(".sqlite"), fresh / "sqlite")
    done = ground.start(*words, HARNESS_STATE=str(fresh)).end()
    if done.code or done.hung:
        row.wrong.append(f"the exact build ends with {done.code}: {done.output[-200:]}")
    elif past != (now := _dump(fresh)):
        different = [line for line in now if line not in set(past)][:3]
        row.wrong.append(f"they differ (log {ground.number:04}): {different}")
    shutil.rmtree(fresh, ignore_errors=True)


def _dump(state: Path) -> list[str]:
    """All statements of the newest template of the module, without times."""
    files = [
        path.with_suffix(".sqlite")
        for path in (state / "sqlite").glob("*.json")
        if '"name": "alpha' in path.read_text()
    ]
    newest = max(files, key=lambda path: path.with_suffix(".json").stat().st_mtime)
    connection = sqlite3.connect(f"file:{newest}?mode=ro&immutable=1", uri=True)
    try:
        return sorted(TIMES.sub("'time'", line) for line in connection.iterdump())
    finally:
        connection.close()
