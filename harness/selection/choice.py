# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change selects, here and in CI: git and the occasion meet the rules."""

from collections.abc import Iterable
from dataclasses import dataclass

from harness.context import Context
from harness.errors import UsageError
from harness.selection import changes, decisions, trigger
from harness.selection.decisions import Decision, Selection

HEADERS = ("changed", "by the rule", "selects")


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A selection, and the revision that the change is compared with."""

    base: str
    selection: Selection


def select(
    context: Context, *, since: str = "", full: bool = False, event: object = None
) -> Chosen:
    """What must be tested of this checkout; `event` is GitHub's document.

    What was asked for (`since`, `full`) comes before what CI's variables say, and
    that before the configuration.  Raises `UsageError` where git does not know
    `since`; where it does not know another base, all is selected.
    """
    gate = context.config.gate
    found = trigger.find(context.environ, event, label=gate.label)
    why = "--full" if full else "" if since else found.everything
    base = since or found.base or gate.base
    try:
        files = changes.files(context, base)
    except UsageError as error:
        if since:
            raise
        files, why = (), why or error.message
    selection = decisions.decide(
        files, config=context.config, graph=context.graph, everything=why
    )
    return Chosen(base=base, selection=selection)


def show(context: Context, chosen: Chosen) -> None:
    """Print the table of decisions."""
    selection = chosen.selection
    rows = grouped(selection.decisions)
    if rows:
        context.console.table(rows, HEADERS)
    if selection.everything:
        context.console.info(f"everything is needed: {selection.everything}")
    elif not rows:
        context.console.info(f"nothing changed since {chosen.base}")


def grouped(decisions: Iterable[Decision]) -> list[tuple[str, str, str]]:
    """The table: one row for what was decided alike."""
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for one in decisions:
        alike.setdefault((one.rule, one.selects), []).append(one.file)
    return [
        (
            files[0] + (f" and {len(files) - 1} more" if len(files) > 1 else ""),
            rule,
            ", ".join(selects) or "what looks at it",
        )
        for (rule, selects), files in alike.items()
    ]
