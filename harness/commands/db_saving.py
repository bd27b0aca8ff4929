# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that are made before something is lost, and their place."""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.context import Ask, Context
from harness.databases import archive, files
from harness.databases import replace as replacing
from harness.databases.archive import Sum
from harness.databases.client import PostgresPrograms
from harness.databases.sealing import Seal
from harness.errors import CommandFailed, DatabaseError, UsageError
from harness.quantities import size as shown

DATE: Final = "%Y%m%d-%H%M%S"
"""In the names of backups."""


@dataclass(frozen=True, kw_only=True)
class Leave:
    """What the user has allowed beforehand; with `save`, a backup comes before."""

    yes: bool = False
    force: bool = False
    save: bool = True
    ask: Ask = None


def place(context: Context) -> Path:
    """The directory of backups, made if it must be."""
    path = context.config.root / context.config.backups
    try:
        path.mkdir(mode=0o700, exist_ok=True, parents=True)
    except OSError as error:
        raise CommandFailed(
            f"there is no place for backups: {error.strerror}",
            checked=str(path),
            remedy="make room, or name another directory: the setting backups",
        ) from error
    return path


def seal(context: Context, environment: str) -> Seal:
    """What encrypts the backups of an environment, where that is asked for."""
    keys = context.config.encrypt_to.get(environment, "").split()
    return Seal(recipients=tuple(keys), environ=context.environ)


def ready(context: Context, environment: str, leave: Leave) -> None:
    """Raises where no backup can be encrypted, before anything is stopped for it."""
    if leave.save:
        seal(context, environment).require()


def dated(context: Context, name: str, environment: str = "", suffix: str = "") -> Path:
    """A file for a backup, below the checkout, that says of what environment it is."""
    directory = place(context)
    suffix = suffix or f"dump{seal(context, environment).suffix}"
    parts = (name, environment, time.strftime(DATE))
    stem = "-".join(filter(None, parts))
    path = directory / f"{stem}.{suffix}"
    number = 1
    while path.exists():
        number += 1
        path = directory / f"{stem}-{number}.{suffix}"
    return path


def outlived(context: Context, stem: str, suffix: str, age: float) -> list[Path]:
    """Remove dated files that are older than `age` seconds, but never the newest.

    `stem` is what stands before the date.
    """
    form = re.compile(rf"{re.escape(stem)}-(\d{{8}}-\d{{6}})(-\d+)?\.{suffix}(\.age)?")
    found = [
        (time.mktime(time.strptime(match[1], DATE)), path)
        for path in place(context).iterdir()
        if (match := form.fullmatch(path.name))
    ]
    until = time.time() - age
    gone = [path for moment, path in sorted(found)[:-1] if moment < until]
    for path in gone:
        path.unlink(missing_ok=True)
        files.checksum(path).unlink(missing_ok=True)
    return gone


def newest(context: Context, name: str, environment: str) -> Path:
    """The newest dated backup; raises `UsageError` where there is none."""
    stem = "-".join(filter(None, (name, environment)))
    form = re.compile(rf"{re.escape(stem)}-\d{{8}}-\d{{6}}(-\d+)?\.dump(\.age)?")
    found = [one for one in place(context).iterdir() if form.fullmatch(one.name)]
    if not found:
        raise UsageError(
            f"there is no backup of {name}",
            checked=f"{place(context)}/{stem}-DATE.dump",
            remedy="name the file, or make one: harness db backup -o FILE",
        )
    return max(found, key=lambda one: (one.stat().st_mtime, one.name))


def saved(context: Context, client: PostgresPrograms, name: str, path: Path) -> Sum:
    """A database in a file."""
    own = seal(context, client.environment)
    if client.dry:
        argv = client.argv("pg_dump", *archive.dump_words(client, name))
        client.say(own.line(client.line(argv), path))
        return Sum(size=0, sha256="")
    with context.console.step(f"backup {name}", ticker=True) as step:
        return files.write(
            client, name, path, lambda count: step.update(shown(count)), own
        )


def before(
    context: Context, client: PostgresPrograms, name: str, leave: Leave
) -> Path | None:
    """Back up what is about to be lost: in the stack, and where it is production.

    Answers the file, if there is one.  Raises `DatabaseError` where that fails;
    nothing is lost then.
    """
    kept = client.kind == "stack" or client.production
    if not leave.save or not kept or name.startswith("harness_"):
        return None
    if not replacing.exists(client, name):
        return None
    path = dated(context, name, client.environment)
    try:
        done = saved(context, client, name, path)
    except DatabaseError as error:
        raise DatabaseError(
            f"{name} cannot be backed up, and is left alone: {error.message}",
            checked=error.checked,
            remedy="mend that, or lose it without a backup: --no-backup",
        ) from error
    if not client.dry:
        context.console.info(f"  backup: {path} ({shown(done.size)})")
    return path
