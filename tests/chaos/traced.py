# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates that are found by traces, against exact builds of the same sources."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from textwrap import dedent

from tests.chaos.edits import anew, built, dump
from tests.chaos.ground import Ground
from tests.chaos.table import Row

BUILD = ("template", "build", "demo", "--database", "sqlite")
SOME = 0.25
"""The share of what was built anew that is compared all the same."""
VARIABLE = "ALPHA_MODE"

ALPHA = """\
from functools import wraps
from trytond.model import ModelSQL, ModelView, fields
from . import helpers
from .helpers import LABEL, name_of

SIZE = {constant}

def shout(function):
    @wraps(function)
    def inner(*args):
        return function(*args) + {decorated!r}
    return inner

class Thing(ModelSQL, ModelView):
    "Thing"
    __name__ = 'alpha.thing'
    _order_name = {attribute!r}
    name = fields.Char(LABEL, required=True)
    size = fields.Integer("Size")
{field}
    @classmethod
    def default_name(cls, end={signature!r}):
        return name_of(cls) + end + {entered!r}

    @classmethod
    def default_size(cls):
        return SIZE

    @classmethod
    @shout
    def loud(cls):
        return {script!r}

    @classmethod
    def never(cls):
        {comment}
        return {never!r}
"""
HELPERS = """\
import csv
import os

LABEL = {label!r}

def name_of(cls):
    with open(os.path.join(os.path.dirname(__file__), 'names.csv')) as file:
        return next(csv.reader(file))[0]

def idle():
    return {idle!r}
"""
TOOLS = """\
def price(text):
    return text + {tool!r}

def unused():
    return {unused!r}
"""
SCRIPT = """\
    >>> import json, os
    >>> from proteus import Model
    >>> from alpha.alpha import Thing as Code
    >>> from tools import price
    >>> Thing = Model.get('alpha.thing')
    >>> Thing(name=price(json.load(open('prices.json'))[0])).save()
    >>> Thing(name=Code.loud() + os.environ.get('ALPHA_MODE', '')).save()
    >>> for name in sorted(os.listdir('extras')):
    ...     Thing(name=name).save()
"""
CONFIGURATION = """\
[tool.harness]
[tool.harness.source.alpha]
[tool.harness.suite.tryton]
[tool.harness.template.demo]
modules = ["alpha"]
data = ["fill.txt"]
reads = ["extras"]
"""
IN_CODE = (
    "constant", "decorated", "attribute", "field", "signature", "entered", "script",
    "comment", "never", "label", "idle", "tool", "unused",
)  # fmt: skip
"""What of the Python is edited; the last ones and `script` no build of alpha enters."""


class Sources:
    """The files as they are, and what changes them."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.words = {**dict.fromkeys(IN_CODE, "a"), "constant": "1", "field": ""}
        self.words["comment"] = "# a"
        self.files = {"record": "a", "names.csv": "a", "prices.json": "a", "po": "a"}
        self.extras = {"one"}
        self.more: set[str] = set()
        self.mode = ""

    def edits(self) -> dict[str, Callable[[str], None]]:
        """By what they change; each is given a new word."""

        def code(key: str) -> Callable[[str], None]:
            return lambda word: self.words.update({key: _as(key, word)})

        def file(key: str) -> Callable[[str], None]:
            return lambda word: self.files.update({key: word})

        made = {key: code(key) for key in IN_CODE}
        made |= {key: file(key) for key in self.files}
        made["variable"] = lambda word: setattr(self, "mode", word)
        made["extra"] = lambda word: setattr(
            self, "extras", self.extras ^ {f"x{len(word)}"}
        )
        made["file"] = lambda word: setattr(self, "more", self.more ^ {"more.py"})
        return made

    def write(self) -> None:
        """Save them all; who is as before keeps its time."""
        module, project = self.ground.module, self.ground.project
        for name, text in self._texts(module, project):
            name.parent.mkdir(parents=True, exist_ok=True)
            if not name.exists() or name.read_text() != text:
                name.write_text(text)
        extras = project / "extras"
        for name in {path.name for path in extras.iterdir()} - self.extras:
            (extras / name).unlink()
        if not self.more:
            (module / "more.py").unlink(missing_ok=True)

    def _texts(self, module: Path, project: Path) -> Iterator[tuple[Path, str]]:
        yield module / "alpha.py", ALPHA.format(**self.words)
        yield module / "helpers.py", HELPERS.format(**self.words)
        yield project / "tools.py", TOOLS.format(**self.words)
        yield project / "fill.txt", SCRIPT
        yield project / "pyproject.toml", CONFIGURATION
        yield module / "names.csv", self.files["names.csv"]
        yield module / "locale/de.po", f'msgid ""\nmsgstr "{self.files["po"]}"\n'
        yield project / "prices.json", f'["{self.files["prices.json"]}"]'
        record = self.files["record"]
        yield (
            module / "alpha.xml",
            dedent(f"""\
            <tryton><data><record model="alpha.thing" id="{record}">
            <field name="size">3</field></record></data></tryton>
            """),
        )
        for name in self.more:
            yield module / name, "MORE = 1\n"
        for name in self.extras:
            yield project / "extras" / name, ""


def _as(key: str, word: str) -> str:
    """A word where a key stands in the code."""
    forms = {
        "constant": str(len(word) * 1000 + ord(word[-1])),
        "comment": f"# {word}",
        "field": f"    field_{word} = fields.Char('{word}')\n",
    }
    return forms.get(key, word)


def clear(ground: Ground) -> None:
    """What only this kind has goes."""
    for name in ("tools.py", "fill.txt", "prices.json"):
        (ground.project / name).unlink(missing_ok=True)
    shutil.rmtree(ground.project / "extras", ignore_errors=True)
    for name in ("helpers.py", "names.csv", "more.py"):
        (ground.module / name).unlink(missing_ok=True)
    shutil.rmtree(ground.module / "locale", ignore_errors=True)
    (ground.module / "alpha.py").unlink()


def trace(ground: Ground, random: Random, rows: dict[str, Row]) -> None:
    """Some edits, one after the other; each template is as one of nothing."""
    row = rows["traced template"]
    sources = Sources(ground)
    (ground.project / "extras").mkdir(exist_ok=True)
    try:
        sources.write()
        ground.start(*BUILD).end()
        edits = sources.edits()
        for name in random.sample(sorted(edits), 3):
            edits[name]("".join(random.choices("bcdefg", k=random.randint(2, 6))))
            sources.write()
            _compare(ground, random, row, name, sources.mode)
    finally:
        clear(ground)


def _compare(ground: Ground, random: Random, row: Row, name: str, mode: str) -> None:
    row.trials += 1
    past, output = _template(ground, row, ground.state, name, mode)
    if not past or ("layer alpha built" in output and random.random() > SOME):
        return
    fresh = anew(ground)
    now, _ = _template(ground, row, fresh, name, mode, "--exact")
    if now and now != past:
        log, different = f"log {ground.number:04}", sorted({*now} ^ {*past})[:3]
        row.wrong.append(f"{name}: they differ ({log}): {different}")
    shutil.rmtree(fresh, ignore_errors=True)


def _template(
    ground: Ground, row: Row, state: Path, name: str, mode: str, *words: str
) -> tuple[list[str], str]:
    """What is in the template as the sources are now, in this state; the output."""
    more = {"HARNESS_STATE": str(state), **({VARIABLE: mode} if mode else {})}
    done = ground.start(*BUILD, *words, **more).end()
    what = f"{name} (log {ground.number:04})"
    row.hung += [what] * done.hung
    row.wrong += [f"{what} {text}" for text in done.problems()]
    found = built(done.output)
    if done.code or not found:
        row.wrong.append(f"{what}: the build ends with {done.code}")
        return [], done.output
    return dump(state / "sqlite" / f"{found}.sqlite"), done.output
