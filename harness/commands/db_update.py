# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness db update``: on a copy that takes the place of the database at the end."""

from collections.abc import Sequence
from dataclasses import replace

from harness.commands import db, db_place, db_saving
from harness.commands.db_make import Waiting
from harness.commands.db_place import DatabasePlace, DatabaseRequest
from harness.commands.db_saving import Leave
from harness.context import Context
from harness.databases import archive, catalogue
from harness.databases import replace as replacing
from harness.errors import ExitCode, UsageError
from harness.options import meant

SHOWN = 40
"""Changes that are listed, each in a line."""


def update(
    context: Context,
    *,
    wish: DatabaseRequest,
    name: str,
    modules: Sequence[str],
    leave: Leave,
) -> int:
    """Update modules in a database; with `wish.dry`, only list what would change."""
    name = replacing.require_name(db.named(context, name))
    with db_place.opened(context, wish) as place:
        client = place.client
        db.require_there(client, name)
        wanted, active = _modules(context, place, name, modules)
        context.console.info(f"update {', '.join(wanted)} in {name} of {client.title}")
        waiting = Waiting(context)
        if wish.dry:
            live = db_place.opened(context, replace(wish, dry=False))
            with live as real, replacing.claim(real.client, name, waiting=waiting):
                _rehearse(context, real, name, wanted, active)
            _real(context, place, name, wanted, active, leave)
            return ExitCode.OK
        if client.production:
            db.require_leave(client, leave, f"update {name} of {client.title}")
        db_saving.ready(context, client.environment, leave)
        with replacing.claim(client, name, waiting=waiting):
            _real(context, place, name, wanted, active, leave)
    return ExitCode.OK


def _modules(
    context: Context, place: DatabasePlace, name: str, named: Sequence[str]
) -> tuple[list[str], list[str]]:
    """What to update, and what is activated; names what is not installed."""
    states = catalogue.modules(place.client, name)
    active = [one for one, state in states.items() if state == "activated"]
    there = place.installed(active)
    lost = sorted({*active} - there)
    if lost:
        context.console.warn(
            f"activated in {name}, but not installed: {', '.join(lost)}"
        )
    wrong = [one for one in named if one not in active]
    if wrong:
        known = [one for one in wrong if one in states]
        raise UsageError(
            f"not installed in {name}: {', '.join(wrong)}",
            checked=f"{len(active)} modules are activated there",
            remedy=meant(wrong[0], active)
            or (
                "activate it first: add it to stack.modules, harness up"
                if known
                else "harness db size, or a table ir_module, says what is there"
            ),
        )
    sources = [one for one in active if one in context.graph]
    return list(named) or sources or ["ir"], active


def _real(
    context: Context,
    place: DatabasePlace,
    name: str,
    wanted: Sequence[str],
    active: Sequence[str],
    leave: Leave,
) -> None:
    client, path = place.client, None
    with place.quiet(name):
        if leave.save:
            path = db_saving.dated(context, name, client.environment)
            db_saving.saved(context, client, name, path)
            if not client.dry:
                context.console.info(f"  backup: {path}")
        with replacing.building(client, name, template=name) as new:
            changes = _updated(context, place, new, wanted, active)
        if not client.dry and name == context.config.stack.database:
            place.updated(path)
    if not client.dry:
        _tell(context, changes, f"{name} is updated")


def _rehearse(
    context: Context,
    place: DatabasePlace,
    name: str,
    wanted: Sequence[str],
    active: Sequence[str],
) -> None:
    """Update a copy, say what that changed, and forget it."""
    with replacing.scratch(place.client, name) as copy:
        with context.console.step("copy", ticker=True):
            archive.copy(place.client, name, place.client, copy, lambda count: None)
        changes = _updated(context, place, copy, wanted, active)
    _tell(context, changes, f"pending in {name}")


def _updated(
    context: Context,
    place: DatabasePlace,
    new: str,
    wanted: Sequence[str],
    active: Sequence[str],
) -> list[str]:
    if place.client.dry:
        place.update(new, wanted, active, lambda module: None)
        return []
    before = catalogue.facts(place.client, new)
    with context.console.step(f"update {', '.join(wanted)}", ticker=True) as step:
        place.update(new, wanted, active, step.update)
    return list(catalogue.differences(before, catalogue.facts(place.client, new)))


def _tell(context: Context, changes: list[str], title: str) -> None:
    context.console.info(f"{title}: {len(changes) or 'no'} changes")
    for text in changes[:SHOWN]:
        context.console.info(f"  {text}")
    if len(changes) > SHOWN:
        context.console.info(f"  … and {len(changes) - SHOWN} more")
