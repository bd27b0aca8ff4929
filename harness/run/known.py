# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests of a watched step: which there are, and what they depend on."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from harness import store
from harness.results import Finished
from harness.run.affected import Affected
from harness.run.session import StepSession
from harness.selection.affected import Traced
from harness.template.broker import Broker
from harness.template.layers import Layers


class KnownTests:
    """What rounds have told of them."""

    def __init__(self) -> None:
        self.tests: Mapping[Path, Mapping[str, str]] = {}
        """By file: their keys and ids."""
        self.left: Collection[str] = ()
        """Keys of those that the round that goes on, or went last, leaves out."""

    def found(self, tests: Iterable[tuple[str, str, str]]) -> None:
        """These, by id, file and key, are those of their files."""
        found: dict[Path, dict[str, str]] = {}
        for name, file, key in tests:
            found.setdefault(Path(file), {})[key] = name
        self.tests = {**self.tests, **found}

    def leave(self, affected: Affected, directory: Path) -> None:
        """Have a round leave out what is `left`, and write traces in a directory."""
        affected.left = self.left
        affected.directory = directory

    def traced(
        self, made: StepSession, broker: Broker, layers: Layers, *, failed: bool
    ) -> Traced | None:
        """What traces say of the tests; None: nothing.

        That a test has `failed` when it last ran may be a reason to run it.
        """
        affected = made.affected
        if not affected.active:
            return None
        affected.decide(made.environ(broker), layers, failed=failed)
        tests = affected.known.tests
        stale = {
            key: frozenset(
                (name, affected.stale[name, then])
                for name, then in tests[key].needs & affected.stale.keys()
            )
            for key in affected.reasons
        }
        return Traced(known=tests.keys(), stale=stale)

    def forget(self, files: Iterable[Path]) -> None:
        """These files are gone."""
        gone = set(files)
        self.tests = {path: one for path, one in self.tests.items() if path not in gone}

    @property
    def all(self) -> frozenset[str]:
        """The keys of all tests."""
        return frozenset(key for keys in self.tests.values() for key in keys)

    def keys(self, ids: Iterable[str]) -> dict[str, Path]:
        """The keys of those of the tests that there are, with their files."""
        wanted = set(ids)
        return {
            key: path
            for path, keys in self.tests.items()
            for key, name in keys.items()
            if name in wanted
        }

    def record(
        self, made: StepSession, broker: Broker, run: str, finished: Finished
    ) -> None:
        """Note what the tests of a round depended on, and which there are now."""
        if not made.affected.active or made.make is None:
            return
        told = made.affected.collected()
        whole = "-k" not in made.step.options
        there = {key for *_, key in told.tests}
        files = {key.partition("::")[0] for key in there}
        gone = [
            key
            for key in made.affected.known.tests
            if whole and key.partition("::")[0] in files and key not in there
        ]
        used = {**{one.digest: one for one in made.expected}, **broker.asked}
        with store.noting(made.failures):
            made.affected.record(finished, run, used.values(), made.make.digest, gone)
        if whole:
            self.found(told.tests)
