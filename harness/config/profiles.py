# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles: tables that are laid over those of the file, by name or by themselves."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from harness.config import document
from harness.config.cascade import Cascade, Overrides
from harness.config.kinds import shown
from harness.config.names import (
    FILE,
    NONE,
    PROFILE,
    TABLE,
    WHEN,
    guess,
    place,
    variable,
)
from harness.errors import ConfigError


def lay_over(
    cascade: Cascade,
    profiles: object,
    *,
    root: Path,
    environ: Mapping[str, str],
    overrides: Overrides,
) -> None:
    """Add the profile that is chosen; the others are only checked.

    What is chosen by itself gets a value here, which later ones replace.
    """
    if not isinstance(profiles, dict):
        header = f"[{TABLE}.{PROFILE}.NAME]"
        given = f"{PROFILE} = {shown(profiles)}"
        cascade.problems.append(f"{FILE}: {TABLE}.{given}: allowed: a table, {header}")
        return
    option = overrides.get(PROFILE)
    name = variable(PROFILE)
    asked, source = option or (environ.get(name, ""), name)
    chosen = str(asked) or _fitting(cascade, profiles, root)
    if chosen not in (*profiles, "", NONE):
        known = (*profiles, NONE)
        allowed = ", ".join(map(shown, known))
        cascade.problems.append(
            f"{place(PROFILE, source)} = {shown(chosen)}: there is no such profile,"
            f" allowed: {allowed}{guess(chosen, known)}"
        )
    if chosen in profiles and not asked:
        cascade.values[PROFILE] = chosen, f"{FILE}: {PROFILE}.{chosen}.{WHEN}"
    for one, content in profiles.items():
        taken = cascade if one == chosen else deepcopy(cascade)
        before = len(taken.problems)
        rest = taken.add_tables(content, f"{PROFILE} {one}", [WHEN])
        taken.problems.extend(_wrong(one, rest))
        if taken is not cascade:
            cascade.problems += taken.problems[before:]


def _fitting(cascade: Cascade, profiles: Mapping[str, object], root: Path) -> str:
    """The profile whose files are all there; nothing if there is none."""
    found = [
        name
        for name, content in profiles.items()
        if (paths := _paths(content)) and all((root / one).exists() for one in paths)
    ]
    if len(found) > 1:
        cascade.problems.append(
            f"{FILE}: [{TABLE}.{PROFILE}]: the files of {' and '.join(found)} are"
            f" there, allowed: one of them; choose it with --{PROFILE}"
        )
    return next(iter(found), "")


def begun(root: Path, chosen: str) -> dict[str, dict[str, str]]:
    """Profiles of the file that are cloned in part: what is not, with its clone's line.

    Without a `chosen` one, those of which some files are there, and not all.
    """
    table: Any = document.read(root) if (root / FILE).is_file() else {}
    found = {}
    for name, content in table.get(PROFILE, {}).items():
        there = [(root / one).exists() for one in _paths(content)]
        if name == chosen or (not chosen and any(there) and not all(there)):
            own = content.get("source", {})
            places = (one.get("path") or f"{table.get('src', 'src')}/{source}"
                      for source, one in own.items())  # fmt: skip
            wanted = dict.fromkeys((*_paths(content), *places))
            found[name] = _lacking(root, table, content, wanted)
    return {name: lost for name, lost in found.items() if lost}


def refuse_lacking(root: Path, table: Mapping[str, object], chosen: object) -> None:
    """Raise `ConfigError` where the profile that was asked for lacks what it is for.

    Each setting that needs it would be a problem of its own, and none of them wrong.
    """
    profiles = table.get(PROFILE)
    content = profiles.get(chosen, {}) if isinstance(profiles, dict) else {}
    lost = _lacking(root, table, content, _paths(content))
    if not lost:
        return
    raise ConfigError(
        f"the profile {chosen} is asked for, and lacks {', '.join(lost)}",
        checked=f"{PROFILE}.{chosen}.{WHEN}",
        remedy=f"{cloning(lost)} (or without it: --profile none)",
    )


def cloning(lost: Mapping[str, str]) -> str:
    """The words that bring what is not there."""
    return " && ".join(filter(None, lost.values())) or "clone them"


def _lacking(
    root: Path, table: object, content: object, paths: Iterable[str]
) -> dict[str, str]:
    """What is not there, each with the line that clones it, if that is known."""
    found = {}
    for one in paths:
        if (root / one).exists():
            continue
        places = (str(place) for place in (Path(one), *Path(one).parents))
        known = {place: _repository(place, content, table) for place in places}
        place = next(filter(known.get, known), one)
        address = known[place]
        found[place] = f"git clone {address} {place}" if address else ""
    return found


def _repository(place: str, *tables: Any) -> str:
    for table in tables:
        try:
            return str(table["source"][Path(place).name]["repository"])
        except (KeyError, TypeError):
            continue  # of another kind: a problem of its own
    return ""


def _paths(content: object) -> list[str]:
    paths = content.get(WHEN) if isinstance(content, dict) else None
    if not isinstance(paths, list):
        return []
    return [one for one in paths if isinstance(one, str) and one]


def _wrong(name: str, rest: Mapping[str, object]) -> Iterator[str]:
    where = place(WHEN, f"{PROFILE} {name}")
    if name == NONE:
        yield f"{where.rpartition('.')[0]}: bad name, it is the word for no profile"
    if WHEN in rest and rest[WHEN] != _paths(rest):
        yield f"{where} = {shown(rest[WHEN])}: allowed: a list of paths"
