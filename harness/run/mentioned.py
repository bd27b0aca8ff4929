# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests a change of a module's members concerns: those who mention them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Set

from harness.plugins.trace import members
from harness.plugins.trace.facts import Now, unlisted, words
from harness.plugins.trace.mentions import TESTS, Index

Fact = tuple[str, str]


class Mentioned:
    """What tests mention, by what they depend on, in the sources as they are `now`.

    A function that is not as it was concerns those that depend on it anyway.
    """

    def __init__(self, now: Now, facts: Iterable[Fact]) -> None:
        self.now = now
        self.stale = {fact for fact in facts if fact[0].startswith("members ")}
        self.who: dict[Fact, Set[str] | None] = {}
        """By what has changed: the facts that mention it; None: it concerns all."""

    def learn(self, names: Collection[str]) -> None:
        """Find who mentions what has changed, among these facts."""
        code = [one for one in map(_code, names) if one]
        files = {path for _, path, _ in code}
        index = Index(self._uses(code), files)
        for fact, then in self.stale:
            path = fact.partition(" ")[2]
            named = compare(unlisted(then), unlisted(self.now.digest(fact)))
            self.who[fact, then] = None if named is None else index.who(path, named)

    def why(self, needs: Iterable[Fact], stale: Iterable[Fact]) -> list[str]:
        """How members that have changed concern a test."""
        names = {name for name, _ in needs}
        return [
            words(fact, then, self.now.digest(fact))
            for fact, then in stale
            if (who := self.who[fact, then]) is None or not names.isdisjoint(who)
        ]

    def _uses(
        self, code: Iterable[tuple[str, str, str]]
    ) -> Iterator[tuple[str, str, Iterable[str]]]:
        for fact, path, name in code:
            known = self.now.skeleton(path)
            own = {name.rpartition(".")[2]} - {""}
            yield fact, path, {*known.uses.get(name, ()), *own}


def compare(then: Mapping[str, str], now: Mapping[str, str]) -> set[str] | None:
    """The names of what differs; tests that go, or come in another order, concern all.

    Of what comes or goes it counts that it is imported.
    """
    tests = [name for name in then if members.test(name)]
    if not now or tests != [name for name in now if name in tests]:
        return None
    changed = {name for name in then if name in now and then[name] != now[name]}
    moved = {_last(name) for name in then.keys() ^ now.keys()}
    inside = {TESTS} if any("." in name for name in then.keys() ^ now.keys()) else set()
    named = {_last(name) for name in changed} | moved | inside
    return named | {f"+{name}" for name in moved}


def _code(fact: str) -> tuple[str, str, str] | None:
    """A fact about code, its file, and the function that it is of."""
    kind, _, name = fact.partition(" ")
    if kind == "function":
        path, _, inside = name.rpartition(":")
        return fact, path, inside
    code = kind == "module" or (kind == "file" and name.endswith(".py"))
    return (fact, name, "") if code else None


def _last(name: str) -> str:
    return name.rpartition(".")[2]
