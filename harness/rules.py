# SPDX-License-Identifier: GPL-3.0-or-later
"""From changed files to what must be tested: rules are data, this is pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.config import Config


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What one changed file selects, by which rule."""

    file: str
    rule: str
    selects: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What must be tested, each with the reason.

    `everything` is the reason for all of it, or empty.  `words` has the modules
    that a suite is narrowed to; none: all that it has.
    """

    everything: str = ""
    decisions: tuple[Decision, ...] = ()
    suites: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
