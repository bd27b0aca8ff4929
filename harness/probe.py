# SPDX-License-Identifier: GPL-3.0-or-later
"""Which database server a run takes, and why."""

from collections.abc import Callable, Mapping

from harness.errors import MissingTool, UsageError

ORDER = ("docker", "local", "sqlite")
"""What ``auto`` tries, one after the other."""

WhyNot = Callable[[], str | None]


def choose(asked: str, candidates: Mapping[str, WhyNot]) -> tuple[str, str]:
    """The server and the reason.

    `candidates` say why they cannot be used here, or None.  What was asked for
    by name never falls back: raises `MissingTool` with the reason instead.
    """
    if asked != "auto":
        if asked.startswith("postgresql://"):
            return "given", "its address was given"
        if asked not in candidates:
            raise UsageError(
                f"the database server {asked!r} is not there yet",
                checked=f"known are auto, {', '.join(candidates)}, postgresql://…",
                remedy="--database local",
            )
        reason = candidates[asked]()
        if reason:
            raise MissingTool(
                f"the database server {asked} cannot be used: {reason}",
                remedy="choose another one: --database auto",
            )
        return asked, "asked for"
    refused: list[str] = []
    for name in ORDER:
        reason = candidates[name]()
        if reason is None:
            why = f"; {', '.join(refused)}" if refused else ""
            return name, f"auto: the first that can be used{why}"
        refused.append(f"not {name}: {reason}")
    raise MissingTool(f"no database server can be used: {'; '.join(refused)}")
