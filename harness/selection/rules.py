# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: which files, by patterns, select what must be tested; they are data."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import PurePosixPath
from typing import Final

from harness.config import Config


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`files` are patterns; `selects` names of what they concern."""

    name: str
    files: tuple[str, ...]
    selects: tuple[str, ...]

    def matches(self, file: str) -> bool:
        """Whether it decides about a file."""
        return matches(file, self.files)


def rules(config: Config) -> tuple[Rule, ...]:
    """All rules for a project, the first to match decides."""
    own = (
        Rule(name=name, files=table.files, selects=table.selects)
        for name, table in config.rule.items()
    )
    return (*own, *(made for one in _given() for made in _expanded(config, one)))


@cache
def _given() -> tuple[Rule, ...]:
    text = resources.files("harness.data").joinpath("rules.toml").read_text("utf-8")
    return tuple(
        Rule(
            name=one["name"],
            files=tuple(one["files"]),
            selects=tuple(one["selects"]),
        )
        for one in tomllib.loads(text)["rule"]
    )


def _expanded(config: Config, rule: Rule) -> Iterator[Rule]:
    """A rule about each source or each directory of data, as many rules."""
    if any("{source}" in file for file in rule.files):
        for name, places in sources(config).items():
            for place in places:
                yield _with(rule, source=place, names={"{source}": (name,)})
    elif any("{data}" in file for file in rule.files):
        for place, names in _data(config).items():
            yield _with(rule, data=place, names={"{template}": names})
    else:
        yield rule


def _with(rule: Rule, *, names: Mapping[str, tuple[str, ...]], **places: str) -> Rule:
    files = rule.files
    for key, place in places.items():
        files = tuple(one.replace(f"{{{key}}}", _literal(place)) for one in files)
    [(mark, meant)] = names.items()
    selects = tuple(
        one.replace(mark, name)
        for one in rule.selects
        for name in (meant if mark in one else ("",))
    )
    about = ", ".join(meant)
    return Rule(name=f"{rule.name} {about}", files=files, selects=selects)


def sources(config: Config) -> dict[str, tuple[str, ...]]:
    """Where each source may lie, used or not."""
    return {
        name: (_clean(table.path),)
        if table.path
        else (_clean(f"{config.src}/{name}"), _clean(f"{config.examples}/{name}"))
        for name, table in config.source.items()
    }


def _data(config: Config) -> dict[str, tuple[str, ...]]:
    """Directories with data, and the templates made of it."""
    found: dict[str, dict[str, None]] = {}
    for name, table in config.template.items():
        for path in table.data:
            parent = PurePosixPath(_clean(path)).parent.as_posix()
            # Scripts read what lies beside them; of the root only themselves.
            place = parent if parent != "." else _clean(path)
            found.setdefault(place, {})[name] = None
        for path in table.reads:
            found.setdefault(_clean(path), {})[name] = None
    return {place: tuple(names) for place, names in found.items()}


def _clean(path: str) -> str:
    return PurePosixPath(path).as_posix()


# -- patterns ----------------------------------------------------------------


def matches(file: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns means the file."""
    return any(_compiled(pattern).fullmatch(file) for pattern in patterns)


def _literal(text: str) -> str:
    return re.sub(r"([*?\\])", r"\\\1", text)


_TOKEN: Final = re.compile(r"\\(.)|(/\*\*$)|(\*\*/)|(\*\*)|(\*)|(\?)")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = ["", "(?:/.*)?", "(?:.*/)?", ".*", "[^/]*", "[^/]"]
    made, at = "", 0
    for token in _TOKEN.finditer(pattern):
        made += re.escape(pattern[at : token.start()])
        number = token.lastindex or 1
        made += re.escape(token[1]) if number == 1 else parts[number - 1]
        at = token.end()
    return re.compile(made + re.escape(pattern[at:]), re.DOTALL)
