# SPDX-License-Identifier: GPL-3.0-or-later
"""Which browsers a run takes, and why."""

from collections.abc import Sequence

from harness.browsers.base import Browsers
from harness.errors import MissingTool


def choose(asked: str, candidates: Sequence[Browsers]) -> tuple[Browsers, str]:
    """The first of the `candidates` that can be used, and the reason.

    What was asked for by name (not ``auto``) is the only candidate.  Raises
    `MissingTool` with the reasons of all that cannot be used.
    """
    refused: list[str] = []
    for one in candidates:
        why = one.why_not()
        if why is None:
            if asked != "auto":
                return one, "asked for"
            return one, "; ".join(["auto: the first that can be used", *refused])
        refused.append(f"not {one.kind}: {why}")
    raise MissingTool(
        f"no browser can be used: {'; '.join(refused)}",
        checked=f"--browser {asked}",
        remedy="mend what is named above, or take another one: --browser docker,"
        " or --selenium URL",
    )
