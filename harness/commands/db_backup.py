# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness db backup``: once, or each day."""

from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.commands import db, db_place, stack, stack_saving
from harness.commands.db_place import DatabasePlace, DatabaseRequest
from harness.commands.db_saving import dated, outlived, saved, seal
from harness.context import Context
from harness.databases import archive
from harness.errors import ExitCode, UsageError
from harness.quantities import size as shown


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What belongs to a backup that is made each day: `files` are those of the stack's
    other volumes, `age` the seconds after which dated ones go; 0 is never.
    """

    files: bool = False
    age: int = 0

    def __bool__(self) -> bool:
        return self.files or bool(self.age)


def backup(
    context: Context,
    *,
    wish: DatabaseRequest,
    name: str,
    output: Path | None,
    stdout: IO[bytes] | None,
    force: bool,
    schedule: Schedule,
    as_json: bool,
) -> int:
    """Write a backup to `stdout`, or to a file: `output`, or one with its date."""
    name = db.named(context, name)
    if schedule and (output or stdout):
        raise UsageError(
            "--files and --keep-for are for backups with a date in their names",
            remedy="leave -o out: they go to the setting backups",
        )
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
        opened = _of_files(context, place, wish) if schedule.files else None
        done = saved(context, place.client, name, path)
        stems = {"-".join(filter(None, (name, place.client.environment))): "dump"}
    if opened:
        # After it: what the database knows of is there.
        volumes = stack.labelled(opened, "volume")
        stack_saving.files(opened, volumes, dry=wish.dry)
        stems |= dict.fromkeys(volumes, "tar")
    gone: list[Path] = []
    if schedule.age and not wish.dry:
        for stem, suffix in stems.items():
            gone += outlived(context, stem, suffix, schedule.age)
    if as_json:
        found = {"file": str(path), "size": done.size, "sha256": done.sha256}
        context.answer({**found, "removed": [str(one) for one in gone]})
    elif not wish.dry:
        context.console.info(f"{path}: {shown(done.size)}, sha256 {done.sha256}")
        for one in gone:
            context.console.info(f"  removed, too old: {one}")
    return ExitCode.OK


def _of_files(
    context: Context, place: DatabasePlace, wish: DatabaseRequest
) -> stack.Stack:
    """The stack whose files are wanted."""
    if place.client.kind != "stack":
        raise UsageError(
            f"{place.client.title} has no files beside its databases",
            remedy="leave --files out, or take --on stack",
        )
    return stack.open_(context, wish.environment)


def _streamed(
    context: Context, place: DatabasePlace, name: str, stdout: IO[bytes]
) -> None:
    own = seal(context, place.client.environment)
    with (
        context.console.step(f"backup {name}", ticker=True) as step,
        own.around(stdout) as sink,
    ):
        done = archive.dump(
            place.client, name, sink.write, lambda count: step.update(shown(count))
        )
    what = "encrypted" if own.recipients else f"sha256 {done.sha256}"
    context.console.info(f"{shown(done.size)}, {what}")
