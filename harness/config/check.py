# SPDX-License-Identifier: GPL-3.0-or-later
"""What no single value can be asked: names that must exist, cycles, paths."""

import os
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from harness.config import described
from harness.config.kinds import shown
from harness.config.names import FILE, TABLE, guess, place
from harness.config.schema import Config

JUDGED: Final = ("coverage", "changed")
"""Rows of the gate that are judged from what others measured."""


def problems(config: Config) -> Iterator[str]:
    """All that does not fit together, one line each."""
    yield from _unknown_templates(config)
    yield from _documents(config)
    yield from _cycles(config)
    yield from _missing_data(config)
    yield from _commands(config)
    yield from _missing_files(config)
    yield from _missing_sources(config)
    yield from _incomplete_suites(config)
    yield from _checks(config)
    yield from _without(config)
    yield from _rules(config)
    yield from _servers(config)
    yield from _apart(config)
    yield from described.problems(config)


def _problem(config: Config, key: str, value: object, why: str) -> str:
    return f"{place(key, config.source_of(key))} = {shown(value)}: {why}"


def _unknown_templates(config: Config) -> Iterator[str]:
    asked = {f"template.{n}.parent": t.parent for n, t in config.template.items()}
    asked |= {f"suite.{n}.template": s.template for n, s in config.suite.items()}
    asked |= {"stack.template": config.stack.template}
    for key, name in asked.items():
        if name and name not in config.template:
            allowed = ", ".join(map(shown, config.template)) or "none is configured"
            hint = guess(name, config.template)
            why = f"there is no such template, allowed: {allowed}{hint}"
            yield _problem(config, key, name, why)


def _documents(config: Config) -> Iterator[str]:
    name, seen = config.stack.template, set[str]()
    while name in config.template and name not in seen:
        seen.add(name)
        if config.template[name].data:
            why = f"{name} has documents, allowed: modules and programs (command)"
            yield _problem(config, "stack.template", config.stack.template, why)
        name = config.template[name].parent


def _cycles(config: Config) -> Iterator[str]:
    done: set[str] = set()
    for start in config.template:
        chain: list[str] = []
        name = start
        while name in config.template and name not in done and name not in chain:
            chain.append(name)
            name = config.template[name].parent
        done.update(chain)
        if name in chain:
            cycle = " → ".join((*chain[chain.index(name) :], name))
            parent = config.template[name].parent
            why = f"the parents are a cycle, {cycle}; allowed: a parent above it"
            yield _problem(config, f"template.{name}.parent", parent, why)


def _missing_data(config: Config) -> Iterator[str]:
    for name, template in config.template.items():
        for path in template.data:
            # Lexically, since a checkout below the root may be a link.
            inner = Path(os.path.normpath(path))
            key = f"template.{name}.data"
            if inner.is_absolute() or inner.parts[:1] == ("..",):
                why = "outside of the root, allowed: files below it, relative to it"
                yield _problem(config, key, path, why)
            elif not (config.root / inner).is_file():
                hint = _near(config.root / inner)
                why = f"there is no such file in {config.root}{hint}"
                yield _problem(config, key, path, why)


def _commands(config: Config) -> Iterator[str]:
    for name, template in config.template.items():
        key = f"template.{name}.command"
        if template.command and not template.reads:
            why = "what it depends on must stand in reads: it would never be run again"
            yield _problem(config, key, list(template.command), why)
        for path in template.reads if not template.command else ():
            if not (config.root / path).exists():
                hint = _near(config.root / path)
                why = f"there is no such path in {config.root}{hint}"
                yield _problem(config, f"template.{name}.reads", path, why)
        for path in (*template.reads, *filter(None, [template.directory])):
            if template.command and not (config.root / path).exists():
                hint = _near(config.root / path)
                why = f"it needs {path}, which is not in {config.root}{hint}"
                yield _problem(config, key, list(template.command), why)


def _missing_files(config: Config) -> Iterator[str]:
    for name, suite in config.suite.items():
        for path in suite.environment_files:
            if not (config.root / path).is_file():
                key = f"suite.{name}.environment_files"
                hint = _near(config.root / path)
                why = f"there is no such file in {config.root}{hint}"
                yield _problem(config, key, path, why)


def _missing_sources(config: Config) -> Iterator[str]:
    for name, source in config.source.items():
        path = config.root / source.path
        if source.path and not source.repository and not path.is_dir():
            key = f"source.{name}.path"
            why = f"there is no such directory, nor a repository to clone{_near(path)}"
            yield _problem(config, key, source.path, why)


def _incomplete_suites(config: Config) -> Iterator[str]:
    for name, suite in config.suite.items():
        key = f"suite.{name}.source"
        for asked in filter(None, (suite.source, *suite.sources)):
            if asked not in config.source:
                allowed = ", ".join(map(shown, config.source)) or "none is configured"
                why = f"there is no such source, allowed: {allowed}"
                yield _problem(config, key, asked, why + guess(asked, config.source))
        for path in suite.paths:
            other, colon, _ = path.rpartition(":")
            if colon and other not in suite.sources:
                allowed = ", ".join(map(shown, suite.sources)) or "none is given"
                why = f"its source must be one of sources: {allowed}"
                key = f"suite.{name}.paths"
                yield _problem(config, key, path, why + guess(other, suite.sources))
        if suite.kind == "pytest":
            wanted = {"source": suite.source, "template": suite.template,
                      "paths": suite.paths}  # fmt: skip
            for missing in (one for one, value in wanted.items() if not value):
                why = f"a suite of this kind needs {missing}"
                yield _problem(config, f"suite.{name}.kind", suite.kind, why)


def _without(config: Config) -> Iterator[str]:
    known = (*config.suite, *config.check)
    for name in config.gate.without:
        if name not in known:
            why = f"there is no such suite or check{guess(name, known)}"
            yield _problem(config, "gate.without", name, why)


def _checks(config: Config) -> Iterator[str]:
    for name, check in config.check.items():
        if not check.run:
            key = f"check.{name}.run"
            yield _problem(config, key, [], "a check needs a command line")
        for line in check.run:
            try:
                words = shlex.split(line)
            except ValueError as error:
                words, why = [], f"it cannot be read as a command: {error}"
            else:
                why = "it says nothing"
            if not words:
                yield _problem(config, f"check.{name}.run", line, why)
        if check.measures and not any("{coverage}" in line for line in check.run):
            why = "it measures, but no line has {coverage}"
            yield _problem(config, f"check.{name}.measures", check.measures, why)
        if name in config.suite or name in JUDGED:
            why = "a suite or a row of the gate has the same name"
            yield _problem(config, f"check.{name}.run", check.run, why)
    for name in JUDGED:
        if name in config.suite:
            why = "a row of the gate has the same name"
            kind = config.suite[name].kind
            yield _problem(config, f"suite.{name}.kind", kind, why)


def _rules(config: Config) -> Iterator[str]:
    tables: dict[str, Iterable[str]] = {
        "source": config.source,
        "tests": config.source,
        "template": config.template,
        "suite": config.suite,
        "check": config.check,
    }
    names = [name for table in tables.values() for name in table]
    known = ("all", *names, *(f"{k}:{name}" for k in tables for name in tables[k]))
    for name, rule in config.rule.items():
        if not rule.files:
            why = "a rule needs patterns of files"
            yield _problem(config, f"rule.{name}.files", rule.files, why)
        for one in rule.selects:
            if one not in known:
                why = f"there is nothing of this name{guess(one, known)}"
                yield _problem(config, f"rule.{name}.selects", one, why)


def _servers(config: Config) -> Iterator[str]:
    for name, suite in config.suite.items():
        key = f"suite.{name}.servers"
        for asked in (one for one in suite.servers if one not in config.server):
            allowed = ", ".join(map(shown, config.server)) or "none is configured"
            why = f"there is no such server, allowed: {allowed}"
            yield _problem(config, key, asked, why + guess(asked, config.server))
    for name, server in config.server.items():
        if not server.command:
            yield f"{FILE}: [{TABLE}.server.{name}]: a server needs a command"


def _apart(config: Config) -> Iterator[str]:
    for name, suite in config.suite.items():
        key = f"suite.{name}.apart"
        if suite.apart and suite.kind != "pytest":
            why = 'allowed in suites of kind "pytest"'
            yield _problem(config, key, suite.apart, why)
        if suite.apart and suite.browser:
            why = "allowed where tests find a browser themselves: browser_aliases"
            yield _problem(config, key, suite.apart, why)
        for one in (one for one in suite.evidence if not one.startswith("/")):
            why = "allowed: a directory inside the image, from / on"
            yield _problem(config, f"suite.{name}.evidence", one, why)


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return ""
    return guess(path.name, (near.name for near in path.parent.iterdir()))
