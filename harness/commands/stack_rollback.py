# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness rollback``: to the images that served before, and the database of then."""

import contextlib
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from harness import proc
from harness.commands import (
    db,
    db_files,
    db_saving,
    stack_before,
    stack_dump,
    stack_health,
    stack_release,
    stack_up,
)
from harness.commands.db_place import DatabaseRequest
from harness.commands.db_saving import Leave
from harness.commands.db_stack import UP
from harness.commands.stack import Stack, open_
from harness.commands.stack_images import REVISION
from harness.context import Context
from harness.databases import files, sealing
from harness.databases.sealing import Backup
from harness.errors import ExitCode, ImageError, UsageError
from harness.stack import project as projects
from harness.stack.compose import replicas
from harness.stack.releases import CODE, Releases


@dataclass(frozen=True, kw_only=True)
class Return:
    """What is gone back to."""

    images: Mapping[str, str]
    """Ids by the names that they get."""
    told: Mapping[str, str]
    """What each of these is, in words."""
    dump: str
    """The backup of before the update by what is left, if it did one."""


def rollback(
    context: Context,
    *,
    environment: str,
    services: Sequence[str],
    data: bool,
    identity: Path | None,
    dry: bool,
    leave: Leave,
) -> int:
    """Give the names of images back to those that served before, and start these.

    With `data` the database becomes the one of then, too: what was written since is
    lost, after a backup.
    """
    stack = open_(context, environment)
    named = stack.project.services(services)
    wanted = stack.project.started(named)
    if named and data:
        raise UsageError(
            "the database goes back with all services, which have one code for it",
            remedy="leave their names out, or --with-database",
        )
    _ = stack.compose  # refuses bad secrets before anything is done
    goal = _goal(stack, named or wanted, data=data)
    context.console.header(
        f"harness rollback ({stack.project.environment})",
        [*goal.told.items(), *([("database", goal.dump)] if data else [])],
    )
    if goal.dump and CODE in goal.told and not data:
        key = " (and --identity FILE)" if goal.dump.endswith(sealing.SUFFIX) else ""
        context.console.warn(
            "the database was updated by the images that are left, and stays so;"
            f" --with-database{key} takes the backup of before: {goal.dump}"
        )
    backup = Backup.of(Path(goal.dump), identity, context.environ)
    if data:
        files.require(backup)
    if dry:
        return _show(stack, goal, wanted, identity if data else None, data=data)
    # Those that a killed rollback has stopped, too.
    there = stack.looking.ps()
    counts = Counter(one.service for one in there if not one.deployed)
    needed = stack.project.closure([*wanted, "erpserver"])
    stack_before.check_settings(stack, needed)
    stack_before.check_certificate(stack, wanted)
    if data:
        _restore(stack, backup, leave)
    for name, number in goal.images.items():
        stack.engine.run("tag", number, name)
    stack.require_images(needed)
    stack_up.begin(stack, wanted, wait=True, counts=counts)
    if data:
        stack_release.returned(stack)
    return ExitCode.OK


def _goal(stack: Stack, services: Sequence[str], *, data: bool) -> Return:
    """Raises `UsageError` where there is nothing to go back to."""
    place = stack_release.directory(stack)
    environment = stack.project.environment
    if environment == "development":
        raise UsageError(
            "development has nothing to go back to: it runs the sources that are here",
            remedy=f"check out those of then, and {stack.line('restart')};"
            " or --environment production",
        )
    known = Releases.read(place)
    images = known.goal(stack_release.current(stack, services))
    dump = known.dump_of(stack_release.current(stack, projects.SERVICES))
    if data and not Path(dump).is_file():
        raise UsageError(
            "there is no backup of before an update by the images that are here",
            checked=f"{dump} is not there any more" if dump else str(place),
            remedy=f"leave --with-database out, or {stack.line('db restore')} FILE",
        )
    if not images and not data:
        raise UsageError(
            f"there is nothing to go back to: no other images served {environment}",
            checked=str(place),
            remedy=f"{stack.line('up')} keeps those that it replaces; older ones are"
            " built of older sources: git, harness build",
        )
    names = stack.project.images(services)
    return Return(
        images={names[target]: number for target, number in images.items()},
        told={one: _told(stack, one, number) for one, number in images.items()},
        dump=dump,
    )


def _told(stack: Stack, target: str, number: str) -> str:
    """What an image is; raises `ImageError` where it is not there any more."""
    found = stack.engine.inspect("image", number)
    if found is None:
        raise ImageError(
            f"the image of {target} that served before is not there any more",
            checked=f"docker image inspect {number}; nothing was changed",
            remedy="build it of the sources of then: git, harness build",
        )
    made = str(found["Created"])[:16].replace("T", " ")
    revision = (found["Config"].get("Labels") or {}).get(REVISION, "")
    return f"of {made} UTC, {number[7:19]} {revision}".rstrip()


def _restore(stack: Stack, backup: Backup, leave: Leave) -> None:
    """The database becomes that of a backup; its services are stopped for it.

    They start again where it does not; else it is for others to start.
    """
    project, name = stack.project, stack.context.config.stack.database
    db.allow(
        leave,
        f"replace the database {name} by its backup {backup.path.name}:"
        " what was written since is lost",
        title=f"the stack {project.name} ({project.environment})",
        production=project.environment == "production",
    )
    db_saving.ready(stack.context, project.environment, leave)
    with _stopped(stack):
        db_files.back(
            stack.context,
            wish=DatabaseRequest(on="stack", environment=project.environment),
            backup=backup,
            name=name,
            trusted=False,
            privileges=True,
            leave=replace(leave, yes=True),
        )


@contextlib.contextmanager
def _stopped(stack: Stack) -> Iterator[None]:
    """In the block, and after it, no service uses the database."""
    there = stack.looking.ps()
    found = [o for o in there if o.service in projects.PYTHON and o.state in UP]
    stack_health.stop(stack, [one.name for one in found])
    again = partial(stack_health.begin, stack, found)
    with stack_health.otherwise(stack, again):
        yield


def _show(
    stack: Stack,
    goal: Return,
    wanted: Sequence[str],
    identity: Path | None,
    *,
    data: bool,
) -> int:
    if data:
        key = ("--identity", shlex.quote(str(identity))) if identity else ()
        words = ("--on", "stack", *key, shlex.quote(goal.dump))
        stack.context.console.info(stack.line("db restore", *words))
    for name, number in goal.images.items():
        stack.context.console.info(proc.line(stack.engine.argv("tag", number, name)))
    call = stack_up.started(stack, replicas(stack.looking.ps()), wanted, wait=True)
    return stack.show([stack_dump.DATABASE, call])
