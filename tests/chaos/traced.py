# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits one after the other: what is found by traces, against exact builds and runs.

Templates are compared by their dumps, on SQLite and on PostgreSQL in turn; no test may
come out otherwise that ``--affected`` would have left out.  The sources are small ones
of the campaign's own, or a copy of somebody's (`traced_source`).
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
from tests.chaos.traced_source import Clone, SourceGround

SERVERS = ("sqlite", "local")
EDITS, MORE = 2, 12
"""So many follow one another; more of a module that takes long to begin with."""
SOME = 0.25
"""The share of what was built anew that is compared all the same."""
MISSED = 8
"""The exit code of a check that found a test left out wrongly."""
VERSION = 180000
"""Of the embedded PostgreSQL."""
NONE = "no template: its build has failed"
DECKS: dict[str, list[str]] = {server: [] for server in SERVERS}
"""The edits that are to come: each of them once, then again."""


def rows() -> list[str]:
    """The names of what is counted."""
    return [f"traced {what}, {one}" for one in SERVERS for what in ("template", "test")]


def trace(ground: Ground, random: Random, rows: dict[str, Row]) -> None:
    """Some edits; each template is as one of nothing, no test is missed."""
    server = min(SERVERS, key=lambda one: rows[f"traced template, {one}"].trials)
    (ground.project / "extras").mkdir(exist_ok=True)
    ground.remove("test_alpha.py")
    try:
        Trial(ground, random, rows, server, Sources(ground)).edit(EDITS)
    finally:
        ground.remove("test_traced.py")
        ground.remove("helping.py")
        clear(ground)


def copied(ground: SourceGround, random: Random, rows: dict[str, Row]) -> None:
    """The same with a copy of somebody's module, whose tests need not all pass."""
    server = min(SERVERS, key=lambda one: rows[f"traced template, {one}"].trials)
    clone = Clone(ground, random)
    trial = Trial(ground, random, rows, server, clone)
    trial.template_name = trial.module = ground.origin.name
    try:
        trial.edit(MORE)
    finally:
        clone.write()


class Trial:
    """A sequence of edits on one server."""

    template_name, module = "demo", "alpha"

    def __init__(
        self,
        ground: Ground,
        random: Random,
        rows: dict[str, Row],
        server: str,
        sources: Sources | Clone,
    ) -> None:
        self.ground = ground
        self.random = random
        self.server = server
        self.template = rows[f"traced template, {server}"]
        self.test = rows[f"traced test, {server}"]
        self.sources = sources
        self.name = "the first"

    def edit(self, times: int) -> None:
        """So many edits of the deck."""
        self.sources.write()
        self.run("template", "build", self.template_name)
        self.run("test", "tryton", self.module, "--affected")
        edits = self.sources.edits()
        for _ in range(times):
            deck = DECKS[self.server]
            deck += [] if deck else self.random.sample(sorted(edits), len(edits))
            self.name = deck.pop()
            word = "".join(self.random.choices("bcdefg", k=self.random.randint(2, 6)))
            edits[self.name](word)
            self.sources.write()
            if self.compare():
                self.check()

    def run(self, *words: str, row: Row | None = None, **more: str) -> Done:
        """A command on this server; what is always wrong is noted."""
        row = row or self.template
        mode = {VARIABLE: self.sources.mode} if self.sources.mode else {}
        words = (*words, "--database", self.server)
        done = replace(self.ground.start(*words, **mode, **more).end(), tests=False)
        row.hung += [self.what] * done.hung
        row.wrong += [f"{self.what} {text}" for text in done.problems()]
        if done.code not in self.right:
            row.wrong.append(f"{self.what}: {words[0]} ends with {done.code}")
        return done

    @property
    def right(self) -> tuple[int, ...]:
        """How commands may end: edits of somebody's module may break it."""
        return (0, 1, 7, MISSED) if isinstance(self.sources, Clone) else (0, MISSED)

    @property
    def what(self) -> str:
        """The edit, and where it can be read what followed."""
        return f"{self.name} (log {self.ground.number:04})"

    def check(self) -> None:
        """All tests run: would one have been left out that came out otherwise?"""
        self.test.trials += 1
        words = ("test", "tryton", self.module, "--affected=check")
        if self.run(*words, row=self.test).code == MISSED:
            self.test.wrong.append(f"{self.what}: a test would have been missed")

    def compare(self) -> bool:
        """The template that traces find is the one that an exact build gives.

        Whether there is one: where the build fails, an exact one must fail, too.
        """
        self.template.trials += 1
        done = self.run("template", "build", self.template_name)
        anew = f"layer {self.module} built" in done.output
        if done.code or (anew and (isinstance(self.sources, Clone) or self._lucky())):
            return not done.code
        one, other = getattr(self, f"_{self.server}")(built(done.output))
        differing = contents.differences(one, other)
        if differing:
            self.template.wrong.append(
                f"{self.what}: {len(differing)} lines differ: {differing[:3]}"
            )
        return True

    def _lucky(self) -> bool:
        return self.random.random() > SOME

    def _sqlite(self, found: str) -> tuple[list[str], list[str]]:
        """What is in it, and in one that was made in an empty state.

        Somebody's module stands on too many others for that: they are as they were.
        """
        own = isinstance(self.sources, Sources)
        fresh = anew(self.ground) if own else self.ground.state
        words = ("template", "build", self.template_name, "--exact")
        done = self.run(*words, HARNESS_STATE=str(fresh))
        exact = fresh / "sqlite" / f"{built(done.output)}.sqlite"
        pair = (
            dump(self.ground.state / "sqlite" / f"{found}.sqlite"),
            [NONE] if done.code else dump(exact),
        )
        if own:
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
        words = ("template", "export", self.template_name, "--build", "-o", str(file))
        if self.run(*words, **more).code:
            return [NONE]
        with zipfile.ZipFile(file) as archive:
            content = archive.extract("content", place)
        words = ("pg_restore", "-f", str(text), content)
        programs.run(binaries(VERSION), *words, env=self.ground.environ())
        return Path(text).read_text("utf-8").splitlines()
