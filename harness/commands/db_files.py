# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness db restore``, ``verify``, ``destroy``: backups as databases again."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final

from harness import proc
from harness.commands import db, db_place, db_saving, db_server, stack
from harness.commands.db_make import Waiting, claimed
from harness.commands.db_place import DatabasePlace, DatabaseRequest
from harness.commands.db_saving import Leave, dated, saved
from harness.context import Context
from harness.databases import archive, catalogue, files, rights, sealing
from harness.databases import replace as replacing
from harness.databases.archive import Seen
from harness.databases.client import PostgresPrograms
from harness.databases.sealing import Backup
from harness.errors import DatabaseError, ExitCode, UsageError
from harness.postgres import memory
from harness.quantities import size as shown
from harness.run import servers
from harness.steps import ConsoleStep

VERIFIED: Final = "verify"
"""What the database is called that a backup is tried in, behind ``building_``."""


def restore(
    context: Context,
    *,
    wish: DatabaseRequest,
    path: Path,
    identity: Path | None,
    name: str,
    trusted: bool,
    privileges: bool,
    leave: Leave,
) -> int:
    """Make a database from a backup, verified before and after.

    Unless it is `trusted`, a role without rights restores it; without `privileges`
    nobody is granted any.
    """
    name = replacing.require_name(db.named(context, name))
    backup = Backup.of(path, identity, context.environ)
    checked = files.require(backup)
    if not checked:
        context.console.warn(f"{files.checksum(path)} is not there: not compared")
    back(
        context, wish=wish, backup=backup, name=name, trusted=trusted,
        privileges=privileges, leave=leave,
    )  # fmt: skip
    return ExitCode.OK


def back(
    context: Context,
    *,
    wish: DatabaseRequest,
    backup: Backup,
    name: str,
    trusted: bool,
    privileges: bool,
    leave: Leave,
) -> None:
    """`restore` a backup that was looked at."""
    with claimed(context, wish, name, leave) as place:
        _restored(context, place, backup, name, trusted=trusted, privileges=privileges)


def _restored(
    context: Context,
    place: DatabasePlace,
    backup: Backup,
    name: str,
    *,
    trusted: bool,
    privileges: bool,
) -> None:
    client = place.client
    with replacing.building(client, name) as new:
        lesser = nullcontext(client) if trusted else rights.lesser(client, new)
        if client.dry:
            with lesser as writer:
                words = archive.restore_words(writer, new, privileges=privileges)
                argv = writer.argv("pg_restore", *words)
                line = client.line(argv)
                client.say(sealing.back(line, backup.path, backup.identity))
            return
        with context.console.step(f"restore {name}", ticker=True) as step:
            with lesser as writer:
                found = _read_back(
                    context, client, writer, backup, new, step, privileges=privileges
                )
            place.settle(new)
    context.console.info(f"{name} on {client.title}: {found} tables restored")


def _read_back(
    context: Context,
    client: PostgresPrograms,
    writer: PostgresPrograms,
    backup: Backup,
    new: str,
    step: ConsoleStep,
    *,
    privileges: bool,
) -> int:
    """Fill a database from a backup; raises where that is not all of it.

    Answers the number of tables.
    """
    total = shown(backup.path.stat().st_size)
    wanted = _filled(
        context, writer, backup, new,
        lambda count: step.update(f"{shown(count)}, the file has {total}"),
        privileges=privileges,
    )  # fmt: skip
    found = catalogue.tables(client, new)
    if found != wanted:
        raise DatabaseError(
            f"{found} of {wanted} tables came out of {backup.path}",
            checked=client.title,
            remedy="take another backup; nothing was changed",
        )
    return found


def verify(
    context: Context,
    *,
    wish: DatabaseRequest,
    path: Path | None,
    identity: Path | None,
    trusted: bool,
    as_json: bool,
) -> int:
    """Restore a backup beside all others, look at it, and remove it again.

    Without a `path` the newest of the stack's database.
    """
    environment = wish.environment or context.config.stack.environment
    name = db.named(context, "")
    wanted = path is None
    path = (path or db_saving.newest(context, name, environment)).absolute()
    backup = Backup.of(path, identity, context.environ)
    summed = files.require(backup)
    with db_place.opened(context, wish, start=True) as place:
        client = place.client
        with (
            _doubted(path),
            replacing.claim(client, VERIFIED, waiting=Waiting(context)),
            replacing.scratch(client, VERIFIED) as new,
        ):
            client.protect(new, VERIFIED)  # nobody else reads it
            lesser = nullcontext(client) if trusted else rights.lesser(client, new)
            title = f"restore {path.name} beside the others"
            with context.console.step(title, ticker=True) as step, lesser as writer:
                tables = _read_back(
                    context, client, writer, backup, new, step, privileges=False
                )
            try:
                states = catalogue.modules(client, new)
            except DatabaseError:
                if wanted:  # the stack's is of Tryton
                    raise
                states = {}
            size = catalogue.size(client, new)
    active = sorted(one for one, state in states.items() if state == "activated")
    if as_json:
        context.answer({
            "file": str(path), "checksum": summed, "tables": tables, "size": size,
            "modules": active, "place": client.title,
        })  # fmt: skip
        return ExitCode.OK
    context.console.info(
        f"{path.name} comes back whole on {client.title}: {tables} tables,"
        f" {shown(size)}, {len(active)} modules of Tryton"
        + ("" if summed else "; it has no checksum beside it")
    )
    return ExitCode.OK


def _filled(
    context: Context,
    client: PostgresPrograms,
    backup: Backup,
    new: str,
    seen: Seen,
    *,
    privileges: bool,
) -> int:
    """Fill a database from a backup; the number of tables in that."""
    try:
        wanted = archive.tables(client, backup)
    except DatabaseError as error:
        if "unsupported version" not in str(error):
            raise
    else:
        archive.load(client, backup, new, seen, privileges=privileges)
        return wanted
    # A newer server's: the newest programs of this machine read it.
    reader = db_server.newest(context)
    wanted = archive.tables(reader, backup)
    archive.convert(reader, backup, client, new, seen)
    return wanted


@contextmanager
def _doubted(path: Path) -> Iterator[None]:
    """What cannot be restored is no backup."""
    try:
        yield
    except DatabaseError as error:
        error.message = f"{path.name} does not come back: {error.message}"
        error.remedy = error.remedy or "make another backup, and try the one before"
        raise


# -- destroy -------------------------------------------------------------------


def destroy(context: Context, *, wish: DatabaseRequest, leave: Leave) -> int:
    """Remove all data of a server, after a backup of each database."""
    kind, _ = db_place.choose(context, wish.on, wish.environment)
    if kind not in ("stack", "local"):
        raise UsageError(
            f"the data of that server ({kind}) are not the harness's to remove",
            remedy="harness db delete NAME, or harness clean --all",
        )
    with db_place.opened(context, wish, start=kind == "stack" and leave.save) as place:
        client = place.client
        names = catalogue.people(client)
        holds = f" with {', '.join(names)}" if names else ""
        db.require_leave(client, leave, f"remove all data of {client.title}{holds}")
        for name in names if leave.save else ():
            path = dated(context, name, client.environment)
            done = saved(context, client, name, path)
            if not wish.dry:
                context.console.info(f"  {path}: {shown(done.size)}")
    if kind == "stack":
        _destroy_volume(context, wish)
    elif not wish.dry:
        _destroy_local(context)
    if not wish.dry:
        context.console.info("the data are gone; harness db restore brings them back")
    return ExitCode.OK


def _destroy_volume(context: Context, wish: DatabaseRequest) -> None:
    opened = stack.open_(context, wish.environment)
    volume = f"{opened.project.name}_db"
    stack.remove(opened, ("container", "network"), dry=wish.dry)
    if wish.dry:
        context.console.info(proc.line(opened.engine.argv("volume", "rm", volume)))
    elif volume in stack.labelled(opened, "volume"):
        opened.engine.run("volume", "rm", volume)


WAIT = 30.0
"""Seconds that the embedded server gets to end."""


def _destroy_local(context: Context) -> None:
    server = servers.local(context)
    directory = server.directory()
    deadline = time.monotonic() + WAIT
    while memory.in_use(directory):
        if time.monotonic() > deadline:
            raise DatabaseError(
                "the embedded server is in use",
                checked=str(directory),
                remedy="end the other runs, or wait for them",
            )
        time.sleep(0.1)
    import shutil

    shutil.rmtree(directory)
    (context.store.path / "server").unlink(missing_ok=True)
