# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits one after the other: what is found by traces, against exact builds and runs.

Templates are compared by their dumps, on SQLite and on PostgreSQL in turn; no test may
come out otherwise that ``--affected`` would have left out.
"""

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from random import Random

from harness.run.servers import binaries
from harness.template import contents, programs
from tests.chaos.edits import anew, built, dump
from tests.chaos.ground import Done, Ground
from tests.chaos.table import Row
from tests.chaos.traced_project import VARIABLE, Sources, clear

SERVERS = ("sqlite", "local")
EDITS = 3
"""So many follow one another."""
SOME = 0.25
"""The share of what was built anew that is compared all the same."""
MISSED = 8
"""The exit code of a check that found a test left out wrongly."""
VERSION = 180000
"""Of the embedded PostgreSQL."""
DECKS: dict[str, list[str]] = {server: [] for server in SERVERS}
"""The edits that are to come: each of them once, then again."""


def rows() -> list[str]:
    """The names of what is counted."""
    return [f"traced {what}, {one}" for one in SERVERS for what in ("template", "test")]


def trace(ground: Ground, random: Random, rows: dict[str, Row]) -> None:
    """Some edits; each template is as one of nothing, no test is missed."""
    server = min(SERVERS, key=lambda one: rows[f"traced template, {one}"].trials)
    trial = Trial(ground, random, rows, server)
    (ground.project / "extras").mkdir(exist_ok=True)
    ground.remove("test_alpha.py")
    try:
        trial.sources.write()
        trial.run("template", "build", "demo")
        trial.run("test", "tryton", "alpha", "--affected")
        edits = trial.sources.edits()
        for _ in range(EDITS):
            deck = DECKS[server]
            deck += [] if deck else random.sample(sorted(edits), len(edits))
            trial.name = deck.pop()
            edits[trial.name]("".join(random.choices("bcdefg", k=random.randint(2, 6))))
            trial.sources.write()
            trial.compare()
            trial.check()
    finally:
        ground.remove("test_traced.py")
        ground.remove("helping.py")
        clear(ground)


class Trial:
    """A sequence of edits on one server."""

    def __init__(
        self, ground: Ground, random: Random, rows: dict[str, Row], server: str
    ) -> None:
        self.ground = ground
        self.random = random
        self.server = server
        self.template = rows[f"traced template, {server}"]
        self.test = rows[f"traced test, {server}"]
        self.sources = Sources(ground)
        self.name = "the first"

    def run(self, *words: str, row: Row | None = None, **more: str) -> Done:
        """A command on this server; what is always wrong is noted."""
        row = row or self.template
        mode = {VARIABLE: self.sources.mode} if self.sources.mode else {}
        words = (*words, "--database", self.server)
        done = replace(self.ground.start(*words, **mode, **more).end(), tests=False)
        row.hung += [self.what] * done.hung
        row.wrong += [f"{self.what} {text}" for text in done.problems()]
        if done.code not in (0, MISSED):
            row.wrong.append(f"{self.what}: {words[0]} ends with {done.code}")
        return done

    @property
    def what(self) -> str:
        """The edit, and where it can be read what followed."""
        return f"{self.name} (log {self.ground.number:04})"

    def check(self) -> None:
        """All tests run: would one have been left out that came out otherwise?"""
        self.test.trials += 1
        words = ("test", "tryton", "alpha", "--affected=check")
        if self.run(*words, row=self.test).code == MISSED:
            self.test.wrong.append(f"{self.what}: a test would have been missed")

    def compare(self) -> None:
        """The template that traces find is the one that an exact build gives."""
        self.template.trials += 1
        done = self.run("template", "build", "demo")
        if done.code or ("layer alpha built" in done.output and self._lucky()):
            return
        one, other = getattr(self, f"_{self.server}")(built(done.output))
        differing = contents.differences(one, other)
        if differing:
            self.template.wrong.append(
                f"{self.what}: {len(differing)} lines differ: {differing[:3]}"
            )

    def _lucky(self) -> bool:
        return self.random.random() > SOME

    def _sqlite(self, found: str) -> tuple[list[str], list[str]]:
        """What is in it, and in one that was made in an empty state."""
        fresh = anew(self.ground)
        more = {"HARNESS_STATE": str(fresh)}
        done = self.run("template", "build", "demo", "--exact", **more)
        pair = (
            dump(self.ground.state / "sqlite" / f"{found}.sqlite"),
            dump(fresh / "sqlite" / f"{built(done.output)}.sqlite"),
        )
        shutil.rmtree(fresh, ignore_errors=True)
        return pair

    def _local(self, found: str) -> tuple[list[str], list[str]]:
        """The same on the server; exact is what whole files are called."""
        traced = self._exported("traced")
        return traced, self._exported("exact", HARNESS_EXACT="true")

    def _exported(self, name: str, **more: str) -> list[str]:
        place = self.ground.place / "exported"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        file, text = place / name, place / "text"
        self.run("template", "export", "demo", "--build", "-o", str(file), **more)
        with zipfile.ZipFile(file) as archive:
            content = archive.extract("content", place)
        words = ("pg_restore", "-f", str(text), content)
        programs.run(binaries(VERSION), *words, env=self.ground.environ())
        return Path(text).read_text("utf-8").splitlines()
