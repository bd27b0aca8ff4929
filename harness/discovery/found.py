# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found, as a table of settings, and as words that say from where."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.model import Module


@dataclass(frozen=True, kw_only=True)
class Member:
    """A module that was found, with the directory that installs it.

    `why` says what its name and its series were read from, or who needs it.
    `tests` are modules that only its tests need, each with what names it; `absent` are
    those that it can do without, and that are nowhere.
    """

    module: Module
    home: Path
    series: str
    why: str
    tested: bool = False
    extras: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    """What its ``requirements.txt`` names."""
    tests: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The module's."""
        return self.module.name


@dataclass(frozen=True, kw_only=True)
class Discovered:
    """The modules of the repository `root`, and those beside it that they need."""

    root: Path
    members: tuple[Member, ...]

    @property
    def series(self) -> str:
        """The series of most of the modules under test."""
        return Counter(one.series for one in self.members).most_common(1)[0][0]

    def table(self) -> dict[str, object]:
        """As ``[tool.harness]`` has it."""
        tested = [one.name for one in self.members if one.tested]
        return {
            "series": self.series,
            "source": {one.name: self._source(one) for one in self.members},
            "suite": {"tryton": {"modules": tested}},
        }

    def _source(self, part: Member) -> dict[str, object]:
        table: dict[str, object] = {"path": os.path.relpath(part.home, self.root)}
        if not part.module.version:
            table["series"] = part.series
        if part.listed:
            table["requirements"] = list(part.listed)
        if part.extras:
            table["extras"] = list(part.extras)
        if part.tests:
            table["modules"] = list(part.tests)
        return table

    def rows(self) -> Iterator[tuple[str, str]]:
        """What was taken, and from where: a row for each module that is ours."""
        for one in self.members:
            path = os.path.relpath(one.home, self.root)
            words = [f"{path}, series {one.series} ({one.why})"]
            words += [f"extra {name} of its package" for name in one.extras]
            yield one.name, "; ".join([*words, *self._more(one)])

    def _more(self, part: Member) -> Iterator[str]:
        if part.listed:
            yield f"{', '.join(part.listed)} (requirements.txt)"
        if part.tests:
            named = (f"{name} ({where})" for name, where in part.tests.items())
            yield f"for its tests {', '.join(named)}"
        if part.absent:
            named = (f"{name} ({where})" for name, where in part.absent.items())
            yield f"left out, since nobody has it: {', '.join(named)}"

    def text(self) -> str:
        """The same as a file of TOML has it, with comments that say from where."""
        lines = ["[tool.harness]", f'series = "{self.series}"']
        for one in self.members:
            lines += ["", f"# {one.name}: {one.why}"]
            lines += [f"# {more}" for more in self._more(one)]
            lines.append(f"[tool.harness.source.{one.name}]")
            lines += [
                f"{key} = {json.dumps(value)}"
                for key, value in self._source(one).items()
            ]
        tested = [one.name for one in self.members if one.tested]
        lines += ["", "# what runs when no module is named"]
        lines += ["[tool.harness.suite.tryton]", f"modules = {json.dumps(tested)}"]
        return "\n".join([*lines, ""])
