# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the gate: what a merge needs, and what a change selects."""

from dataclasses import dataclass
from typing import Annotated

from harness.config import kinds


def percent() -> kinds.Kind:
    """A whole number from 0 to 100."""

    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(value)
        if not 0 <= value <= 100:
            raise ValueError(value)
        return value

    return kinds.Kind(allowed="a percentage, 0 to 100", parse=parse, read=int)


@dataclass(frozen=True, kw_only=True)
class GateSettings:
    """``[tool.harness.gate]``.

    A change is what differs from the common ancestor with `base`.  `label` is the
    one of a pull request that selects everything.  `program` is how the harness is
    called in lines to paste.  `jobs` checks run at a time (0: one per two CPUs, at
    least two).  `coverage` and `changed` are least percentages of the lines and
    branches of all sources, and of the changed lines; 0 judges nothing.  A suite with
    more than `flaky` tests that passed only when run again is not passed.  Suites and
    checks of these names are no part of it: `without`.
    """

    base: Annotated[str, kinds.text("a branch, tag or commit", r"[^\s-]\S*")] = "main"
    label: Annotated[str, kinds.text("the name of a label")] = "full gate"
    program: Annotated[str, kinds.text("a command")] = "harness"
    jobs: Annotated[int, kinds.number()] = 0
    coverage: Annotated[int, percent()] = 0
    changed: Annotated[int, percent()] = 0
    flaky: Annotated[int, kinds.number()] = 0
    without: Annotated[tuple[str, ...], kinds.strings("names of suites, checks")] = ()


@dataclass(frozen=True, kw_only=True)
class CheckTable:
    """``[tool.harness.check.NAME]``: commands that must all succeed.

    In the lines of `run`, ``{python}`` is the harness's interpreter, ``{harness}``
    the harness, ``{coverage}`` a file for coverage data of the directories
    `measures`.  It is needed when a changed file matches one of `paths` (none: any
    file), or `always`.  `quick` ones are in the pre-push hook, `alone` ones run
    when nothing else does.  `programs` must be there, or the check is not passed;
    Debian's `packages` are installed for it in CI.  `seconds` is a guess until it was
    measured; it is ended after `timeout`.
    """

    run: Annotated[tuple[str, ...], kinds.strings("command lines")] = ()
    paths: Annotated[tuple[str, ...], kinds.strings("patterns of files")] = ()
    quick: Annotated[bool, kinds.flag()] = False
    always: Annotated[bool, kinds.flag()] = False
    alone: Annotated[bool, kinds.flag()] = False
    programs: Annotated[tuple[str, ...], kinds.strings("names of programs")] = ()
    packages: Annotated[tuple[str, ...], kinds.strings("names of packages")] = ()
    measures: Annotated[tuple[str, ...], kinds.strings("directories")] = ()
    seconds: Annotated[int, kinds.duration()] = 10
    timeout: Annotated[int, kinds.duration(1)] = 3600


@dataclass(frozen=True, kw_only=True)
class RuleTable:
    """``[tool.harness.rule.NAME]``: what a change of `files` selects.

    The first rule that matches a file decides, before those of the harness.
    `selects` has names of sources, templates, suites and checks (``source:NAME`` is
    that kind only), or ``all``; empty, nothing but the checks that look at the file.
    """

    files: Annotated[tuple[str, ...], kinds.strings("patterns of files")] = ()
    selects: Annotated[tuple[str, ...], kinds.strings("names, or all")] = ()
