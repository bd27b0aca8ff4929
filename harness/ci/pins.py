# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions that the workflow uses, by the commits of their releases."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness import proc
from harness.errors import HarnessError, MissingTool
from harness.store import write_atomically

DATA: Final = Path(__file__).parents[1] / "data" / "actions.toml"
FORGE: Final = "https://github.com"
WAIT: Final = 60.0
"""Seconds that the forge has for an answer."""
_RELEASE: Final = re.compile(r"refs/tags/v(\d+)\.(\d+)\.(\d+)(\^\{\})?$")
_HEAD: Final = """\
# The actions of the workflow: each by the commit that its release tag names.
# Written by: harness ci refresh
"""


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A release of an action."""

    version: str
    commit: str


def read(path: Path = DATA) -> dict[str, Pin]:
    """The pins by the name of the action."""
    tables = tomllib.loads(path.read_text("utf-8"))
    return {name: Pin(**table) for name, table in tables.items()}


def write(pins: Mapping[str, Pin], path: Path = DATA) -> None:
    """Write them down, in the order of their names."""
    blocks = [
        f'\n["{name}"]\nversion = "{pin.version}"\ncommit = "{pin.commit}"\n'
        for name, pin in sorted(pins.items())
    ]
    write_atomically(path, _HEAD + "".join(blocks))
    path.chmod(0o644)


def ask(name: str, environ: Mapping[str, str], *, forge: str = FORGE) -> Pin:
    """The newest release of an action.

    Raises `MissingTool` where the forge does not answer or knows no release.
    """
    address = f"{forge}/{name}"
    env = {**environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        argv = ["git", "ls-remote", "--tags", address]
        listed = proc.run(argv, env=env, timeout=WAIT).stdout
    except HarnessError as error:
        raise _silent(address, error.message) from error
    found = newest(listed)
    if found is None:
        raise _silent(address, "it has no tag such as v1.2.3")
    return found


def newest(listed: str) -> Pin | None:
    """The highest release in what ``git ls-remote --tags`` has printed.

    An annotated tag is listed twice: the line with ``^{}`` has the commit.
    """
    commits: dict[tuple[int, ...], tuple[bool, str]] = {}
    for line in listed.splitlines():
        commit, _, name = line.partition("\t")
        if match := _RELEASE.match(name):
            number = tuple(int(part) for part in match.groups()[:3])
            peeled = bool(match[4])
            if peeled or number not in commits:
                commits[number] = (peeled, commit)
    if not commits:
        return None
    number = max(commits)
    return Pin(version="v" + ".".join(map(str, number)), commit=commits[number][1])


def _silent(address: str, why: str) -> MissingTool:
    return MissingTool(
        f"{address} cannot be asked for its releases: nothing has been changed",
        checked=why,
        remedy="run harness ci refresh where that address can be reached",
    )
