# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness db backup``, ``restore``, ``destroy``."""

import shlex
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from harness import proc
from harness.commands import db, db_place, db_server, stack
from harness.commands.db_make import claimed
from harness.commands.db_place import DatabasePlace, DatabaseRequest
from harness.commands.db_saving import Leave, dated, saved
from harness.context import Context
from harness.databases import archive, catalogue, rights
from harness.databases import replace as replacing
from harness.databases.archive import Seen
from harness.databases.client import PostgresPrograms
from harness.errors import DatabaseError, ExitCode, UsageError
from harness.postgres import memory
from harness.quantities import size as shown
from harness.run import servers

Write = Callable[[bytes], object]


def backup(
    context: Context,
    *,
    wish: DatabaseRequest,
    name: str,
    output: Path | None,
    stdout: Write | None,
    force: bool,
    as_json: bool,
) -> int:
    """Write a backup to `stdout`, or to a file: `output`, or one with its date."""
    name = db.named(context, name)
    with db_place.opened(context, db.of_tests(context, wish, name)) as place:
        db.require_there(place.client, name)
        if stdout is not None and not wish.dry:
            _streamed(context, place, name, stdout)
            return ExitCode.OK
        path = output or dated(context, name, place.client.environment)
        path = path.absolute()
        if path.exists() and not force:
            raise UsageError(
                f"{path} exists", remedy="name another file, or replace it: --force"
            )
        done = saved(context, place.client, name, path)
    if as_json:
        found = {"file": str(path), "size": done.size, "sha256": done.sha256}
        context.answer(found)
    elif not wish.dry:
        context.console.info(f"{path}: {shown(done.size)}, sha256 {done.sha256}")
    return ExitCode.OK


def _streamed(context: Context, place: DatabasePlace, name: str, stdout: Write) -> None:
    with context.console.step(f"backup {name}", ticker=True) as step:
        done = archive.dump(
            place.client, name, stdout, lambda count: step.update(shown(count))
        )
    context.console.info(f"{shown(done.size)}, sha256 {done.sha256}")


def restore(
    context: Context,
    *,
    wish: DatabaseRequest,
    path: Path,
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
    checked = archive.require(path)
    if not checked:
        context.console.warn(f"{archive.checksum(path)} is not there: not compared")
    with claimed(context, wish, name, leave) as place:
        _restored(context, place, path, name, trusted=trusted, privileges=privileges)
    return ExitCode.OK


def _restored(
    context: Context,
    place: DatabasePlace,
    path: Path,
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
                client.say(f"{client.line(argv)} < {shlex.quote(str(path))}")
            return
        total = shown(path.stat().st_size)
        with context.console.step(f"restore {name}", ticker=True) as step:
            with lesser as writer:
                wanted = _filled(
                    context, writer, path, new,
                    lambda count: step.update(f"{shown(count)}, the file has {total}"),
                    privileges=privileges,
                )  # fmt: skip
            found = catalogue.tables(client, new)
            if found != wanted:
                raise DatabaseError(
                    f"{found} of {wanted} tables came out of {path}",
                    checked=client.title,
                    remedy="take another backup; nothing was changed",
                )
            place.settle(new)
    context.console.info(f"{name} on {client.title}: {found} tables restored")


def _filled(
    context: Context,
    client: PostgresPrograms,
    path: Path,
    new: str,
    seen: Seen,
    *,
    privileges: bool,
) -> int:
    """Fill a database from a backup; the number of tables in that."""
    try:
        wanted = archive.tables(client, path)
    except DatabaseError as error:
        if "unsupported version" not in str(error):
            raise
    else:
        archive.load(client, path, new, seen, privileges=privileges)
        return wanted
    # A newer server's: the newest programs of this machine read it.
    reader = db_server.newest(context)
    wanted = archive.tables(reader, path)
    archive.convert(reader, path, client, new, seen)
    return wanted


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
