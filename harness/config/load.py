# SPDX-License-Identifier: GPL-3.0-or-later
"""The cascade: file, environment and options become one checked configuration."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from harness.config import check, document
from harness.config.kinds import shown
from harness.config.names import (
    FILE,
    NOT_SETTINGS,
    PREFIX,
    TABLE,
    folded,
    guess,
    place,
    variable,
)
from harness.config.schema import NAMED, SECTIONS, Config, keys, kinds_of
from harness.errors import ConfigError

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def load(
    root: Path,
    environ: Mapping[str, str],
    overrides: Mapping[str, tuple[object, str]],
) -> Config:
    """The configuration of the stack in `root`.

    `overrides` has, per dotted key, a value (or its text) and the name of the
    option it came from.  All problems are raised together, as one ConfigError.
    """
    cascade = _Cascade()
    cascade.add_file(document.read(root))
    cascade.add_environ(environ)
    cascade.add_overrides(overrides)
    config = _assembled(root, cascade)
    problems = [*cascade.problems, *check.problems(config)]
    if problems:
        many = f"{len(problems)} problems" if len(problems) > 1 else "1 problem"
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise ConfigError(
            f"the configuration has {many}:{lines}",
            checked=f"{root / FILE}, the variables {PREFIX}*, the command line",
            remedy="correct each line above at the place that it names",
        )
    return config


@dataclass(kw_only=True)
class _Cascade:
    """What was found so far; what comes later wins."""

    names: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, tuple[object, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add_file(self, table: object) -> None:
        known = tuple(kinds_of(Config))
        tables = (*SECTIONS, *NAMED)
        for name, value in self._items(table, ""):
            if name in SECTIONS:
                self._add_section(value, name)
            elif name in NAMED:
                self._add_named(value, name)
            elif name in known:
                self._set(name, value, FILE)
            else:
                self._unknown(name, name, value, (*known, *tables))

    def add_environ(self, environ: Mapping[str, str]) -> None:
        known = {variable(key): key for key in keys(self.names)}
        for name in sorted(environ):
            if name in known:
                self._set(known[name], environ[name], name)
            elif name.startswith(PREFIX) and name not in NOT_SETTINGS:
                hint = guess(name, (*known, *NOT_SETTINGS))
                self.problems.append(f"environment: {name}: unknown variable{hint}")

    def add_overrides(self, overrides: Mapping[str, tuple[object, str]]) -> None:
        known = keys(self.names)
        for key, (value, option) in overrides.items():
            if key in known:
                self._set(key, value, option)
            else:
                problem = f'there is no key "{key}"{guess(key, known)}'
                self.problems.append(f"command line: {option}: {problem}")

    def _add_section(self, table: object, section: str) -> None:
        known = kinds_of(SECTIONS[section])
        for name, value in self._items(table, section):
            if name in known:
                self._set(f"{section}.{name}", value, FILE)
            else:
                self._unknown(f"{section}.{name}", name, value, known)

    def _add_named(self, tables: object, section: str) -> None:
        known = kinds_of(NAMED[section])
        for name, table in self._items(tables, section):
            if not self._new(section, name):
                continue
            for key, value in self._items(table, f"{section}.{name}"):
                if key in known:
                    self._set(f"{section}.{name}.{key}", value, FILE)
                else:
                    self._unknown(f"{section}.{name}.{key}", key, value, known)

    def _new(self, section: str, name: str) -> bool:
        where = f"{FILE}: [{TABLE}.{section}.{shown(name)}]"
        taken = self.names.setdefault(section, [])
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

    def _items(self, table: object, key: str) -> Iterable[tuple[str, object]]:
        if isinstance(table, dict):
            return table.items()
        name = f"{TABLE}.{key}" if key else TABLE
        header = f"[{name}.NAME]" if key in NAMED else f"[{name}]"
        given = f"{name} = {shown(table)}"
        self.problems.append(f"{FILE}: {given}: allowed: a table, {header}")
        return ()

    def _unknown(
        self, key: str, name: str, value: object, siblings: Iterable[str]
    ) -> None:
        # The right name in the wrong table is more likely than a slip of it.
        same = [other for other in keys({}) if other.endswith(f".{name}")]
        hint = guess(same[0], same) if same else guess(name, siblings)
        given = "" if isinstance(value, dict) else f" = {shown(value)}"
        self.problems.append(f"{FILE}: {TABLE}.{key}{given}: unknown key{hint}")

    def _set(self, key: str, value: object, source: str) -> None:
        kind = keys(self.names)[key]
        as_text = isinstance(value, str) and source != FILE
        try:
            raw = kind.read(str(value)) if as_text else value
            self.values[key] = kind.parse(raw), source
        except ValueError:
            where = place(key, source)
            hint = guess(str(value), kind.choices)
            problem = f"{where} = {shown(value)}: allowed: {kind.allowed}{hint}"
            self.problems.append(problem)


def _assembled(root: Path, cascade: _Cascade) -> Config:
    def settings(table: type, prefix: str) -> dict[str, object]:
        known = ((name, prefix + name) for name in kinds_of(table))
        values = cascade.values
        return {name: values[key][0] for name, key in known if key in values}

    tables: dict[str, object] = {
        section: table(**settings(table, f"{section}."))
        for section, table in SECTIONS.items()
    }
    for section, table in NAMED.items():
        named = {
            name: table(**settings(table, f"{section}.{name}."))
            for name in cascade.names.get(section, ())
        }
        tables[section] = MappingProxyType(named)
    origins = {key: source for key, (_, source) in cascade.values.items()}
    make: type = Config
    config: Config = make(
        root=root,
        origins=MappingProxyType(origins),
        **settings(Config, ""),
        **tables,
    )
    return config
