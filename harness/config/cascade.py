# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found in file, profile, environment and options; what comes later wins."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from harness.config.kinds import shown
from harness.config.names import (
    FILE,
    FOUND,
    PREFIX,
    PROFILE,
    folded,
    guess,
    place,
    table,
    variable,
)
from harness.config.schema import NAMED, SECTIONS, Config, keys, kinds_of

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
Overrides = Mapping[str, tuple[object, str]]
"""Per dotted key a value, or its text, and the name of the option it came from."""


@dataclass(kw_only=True)
class Cascade:
    """What was found so far, with all problems."""

    names: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, tuple[object, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add_tables(
        self, content: object, source: str, extra: Iterable[str] = ()
    ) -> dict[str, object]:
        """Take what the file, or a profile in it, says.

        The tables and values called as in `extra` are not looked at, but returned.
        """
        settings = [name for name in kinds_of(Config) if name != PROFILE]
        rest = {}
        for name, value in self._items(content, "", source):
            if name in SECTIONS:
                self._add_section(value, name, source)
            elif name in NAMED:
                self._add_named(value, name, source)
            elif name in settings:
                self._set(name, value, source)
            elif name in extra:
                rest[name] = value
            else:
                known = (*settings, *SECTIONS, *NAMED, *extra)
                self._unknown(name, value, source, known)
        return rest

    def add_environ(self, environ: Mapping[str, str]) -> None:
        known = {variable(key): key for key in keys(self.names)}
        for name in sorted(environ):
            if name == variable(PROFILE) and not environ[name]:
                continue  # the same as without it
            if name in known:
                self._set(known[name], environ[name], name)
            elif name.startswith(PREFIX):
                hint = guess(name, known)
                self.problems.append(f"environment: {name}: unknown variable{hint}")

    def add_overrides(self, overrides: Overrides) -> None:
        known = keys(self.names)
        for key, (value, option) in overrides.items():
            if key in known:
                self._set(key, value, option)
            else:
                problem = f'there is no key "{key}"{guess(key, known)}'
                self.problems.append(f"command line: {option}: {problem}")

    def _add_section(self, content: object, section: str, source: str) -> None:
        known = kinds_of(SECTIONS[section])
        for name, value in self._items(content, section, source):
            if name in known:
                self._set(f"{section}.{name}", value, source)
            else:
                self._unknown(f"{section}.{name}", value, source, known)

    def _add_named(self, tables: object, section: str, source: str) -> None:
        known = kinds_of(NAMED[section])
        for name, content in self._items(tables, section, source):
            if not self._new(section, name, source):
                continue
            for key, value in self._items(content, f"{section}.{name}", source):
                if key in known:
                    self._set(f"{section}.{name}.{key}", value, source)
                else:
                    self._unknown(f"{section}.{name}.{key}", value, source, known)

    def _new(self, section: str, name: str, source: str) -> bool:
        taken = self.names.setdefault(section, [])
        if source not in (FILE, FOUND) and name in taken:
            return True  # a profile changes what stands in the file
        where = f"{FILE}: [{table(source)}.{section}.{shown(name)}]"
        if not _NAME.fullmatch(name):
            allowed = "letters, digits, _ and -, a letter first"
            self.problems.append(f"{where}: bad name, allowed: {allowed}")
            return False
        for other in taken:
            if folded(other) == folded(name):
                why = f'the {section} "{other}" has the same name'
                self.problems.append(f"{where}: {why} (case, - and _ do not count)")
                return False
        taken.append(name)
        return True

    def _items(
        self, content: object, key: str, source: str
    ) -> Iterable[tuple[str, object]]:
        if isinstance(content, dict):
            return content.items()
        name = f"{table(source)}.{key}" if key else table(source)
        header = f"[{name}.NAME]" if key in NAMED else f"[{name}]"
        given = f"{name} = {shown(content)}"
        self.problems.append(f"{FILE}: {given}: allowed: a table, {header}")
        return ()

    def _unknown(
        self, key: str, value: object, source: str, siblings: Iterable[str]
    ) -> None:
        # The right name in the wrong table is more likely than a slip of it.
        name = key.rpartition(".")[2]
        same = [other for other in keys({}) if other.endswith(f".{name}")]
        hint = guess(same[0], same) if same else guess(name, siblings)
        given = "" if isinstance(value, dict) else f" = {shown(value)}"
        self.problems.append(f"{place(key, source)}{given}: unknown key{hint}")

    def _set(self, key: str, value: object, source: str) -> None:
        kind = keys(self.names)[key]
        in_file = source in (FILE, FOUND) or source.startswith(f"{PROFILE} ")
        as_text = isinstance(value, str) and not in_file
        try:
            raw = kind.read(str(value)) if as_text else value
            self.values[key] = kind.parse(raw), source
        except ValueError:
            where = place(key, source)
            hint = guess(str(value), kind.choices)
            problem = f"{where} = {shown(value)}: allowed: {kind.allowed}{hint}"
            self.problems.append(problem)
