# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources that change while templates are made; templates against exact builds."""

import re
import shutil
import sqlite3
import time
from pathlib import Path
from random import Random

from tests.chaos.ground import Done, Ground, Run
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
    _wait(run, when)
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
    """A template made in a state with a past is as one made of nothing.

    The past are other contents, some of them saved while the former one was built.
    """
    row = rows["exact template"]
    row.trials += 1
    wanted = {"more": "", "which": "name", "value": "one"}
    for _ in range(random.randint(1, 2)):
        _change(ground, random, wanted)
        run = ground.start(*BUILD)
        if random.random() < 0.5:
            _wait(run, random.uniform(0.2, 2))
            _change(ground, random, wanted)
        _ended(ground, run, row)
    past = _template(ground, row, ground.state)
    fresh = anew(ground)
    ground.forget_bytecode()
    now = _template(ground, row, fresh)
    if past and now and past != now:
        different = sorted(set(now) ^ set(past))[:3]
        row.wrong.append(f"they differ (log {ground.number:04}): {different}")
    shutil.rmtree(fresh, ignore_errors=True)


def anew(ground: Ground) -> Path:
    """A state directory with nothing but the templates of trytond itself."""
    fresh = ground.place / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / "sqlite").mkdir(parents=True)
    (fresh / "envs").symlink_to((ground.state / "envs").resolve())
    for path in (ground.state / "sqlite").glob("*.json"):
        if '"name": "base"' in path.read_text():
            shutil.copy(path, fresh / "sqlite")
            shutil.copy(path.with_suffix(".sqlite"), fresh / "sqlite")
    return fresh


BUILD = ("template", "--database", "sqlite", "build", "alpha")


def _change(ground: Ground, random: Random, wanted: dict[str, str]) -> None:
    """Save another content, as often as not of the same size."""
    change = random.choice(("content", "field", "field", "default", "comment"))
    if change == "content":
        ground.content(f"Thing {random.randrange(100)}")
    elif change == "field":
        wanted["more"] = f"    field_{random.randrange(9)} = fields.Integer('A')"
    elif change == "default":
        wanted["value"] = f"value {random.randrange(100)}"
    text = PROGRAM.format(**wanted)
    text += f"# {random.random()}\n" if change == "comment" else ""
    (ground.module / "alpha.py").write_text(text)


def _wait(run: Run, seconds: float) -> None:
    """Until so long after its begin, or its end."""
    while time.time() - run.started < seconds and not run.over:
        time.sleep(0.01)


def _ended(ground: Ground, run: Run, row: Row) -> Done:
    """A build's end; one that saw its source change has failed, and that is right."""
    done = run.end()
    what = f"a build (log {ground.number:04})"
    row.hung += [what] * done.hung
    row.wrong += [f"{what} {text}" for text in done.problems()]
    return done


def _template(ground: Ground, row: Row, state: Path) -> list[str]:
    """What is in the template of the module as it is now, in this state."""
    run = ground.start(*BUILD, HARNESS_STATE=str(state))
    done = _ended(ground, run, row)
    digest = built(done.output)
    if done.code or not digest:
        row.wrong.append(f"the build ends with {done.code} (log {ground.number:04})")
        return []
    return dump(state / "sqlite" / f"{digest}.sqlite")


def built(output: str) -> str:
    """The digest of the template that a build has made, or has found.

    It need not be the newest: what was once built is found again.
    """
    found = re.search(r"^template \w+ .*: ([0-9a-f]{20}),", output, re.MULTILINE)
    return found[1] if found else ""


def dump(template: Path) -> list[str]:
    """All statements of a template, without times."""
    connection = sqlite3.connect(f"file:{template}?mode=ro&immutable=1", uri=True)
    try:
        return sorted(TIMES.sub("'time'", line) for line in connection.iterdump())
    finally:
        connection.close()
