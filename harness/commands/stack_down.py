# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness down``; with ``--volumes`` after a question, and backups of all data."""

from harness import proc
from harness.commands import db, db_saving, db_stack, stack_saving
from harness.commands.db_saving import Leave
from harness.commands.stack import Stack, labelled, open_, remove
from harness.context import Context
from harness.databases import catalogue
from harness.errors import ExitCode, HarnessError

KINDS = ("container", "network")


def down(
    context: Context, *, environment: str, volumes: bool, dry: bool, leave: Leave
) -> int:
    """End and remove all; with `volumes`, the data too; `dry` only says how."""
    stack = open_(context, environment)
    data = labelled(stack, "volume") if volumes else []
    if data:
        db.allow(
            leave,
            f"remove all data of the stack {stack.project.name}"
            f" ({', '.join(sorted(data))})",
            title=f"the stack {stack.project.name} ({stack.project.environment})",
            production=stack.project.environment == "production",
            dry=dry,
        )
        if leave.save:
            db_saving.place(context)
            db_saving.ready(context, stack.project.environment, leave)
            _still(stack, dry=dry)
            save(stack, data, dry=dry)
    kinds = (*KINDS, "volume") if volumes else KINDS
    if not remove(stack, kinds, dry=dry):
        context.console.info(f"the stack {stack.project.name} is not up")
    return ExitCode.OK


def _still(stack: Stack, *, dry: bool) -> None:
    """End all that writes: what comes after a backup would be in none."""
    found = stack.looking.ps()
    names = [o.name for o in found if o.service != "db" and o.state in db_stack.UP]
    if names and dry:
        stack.context.console.info(proc.line(stack.engine.argv("stop", *names)))
    elif names:
        with stack.context.console.step(f"stop {', '.join(names)}", ticker=True):
            stack.engine.run("stop", *names, timeout=300)


def save(stack: Stack, data: list[str], *, dry: bool) -> None:
    """Back up what is in volumes: each database, and the files.

    Raises where that fails; nothing is lost then.
    """
    context, name = stack.context, stack.project.name
    try:
        stack_saving.files(stack, data, dry=dry)
        if f"{name}_db" in data:
            _databases(stack, dry=dry)
    except HarnessError as error:
        context.console.warn(
            "there is no backup of all data, so nothing is removed;"
            f" {stack.line('up')} starts what was ended"
        )
        more = f"{error.remedy}; or " if error.remedy else ""
        error.remedy = f"{more}lose them without a backup: --no-backup"
        raise


def _databases(stack: Stack, *, dry: bool) -> None:
    context, environment = stack.context, stack.project.environment
    with db_stack.opened(context, environment, dry=dry, start=True) as place:
        if dry and not _runs(stack):
            return  # what is in there is known when it runs
        for name in catalogue.people(place.client):
            db_saving.before(context, place.client, name, Leave())


def _runs(stack: Stack) -> bool:
    found = stack.looking.ps()
    return any(one.service == "db" and one.state == "running" for one in found)
