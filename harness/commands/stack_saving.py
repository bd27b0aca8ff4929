# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of a stack before something changes: its databases, and its files."""

import os
from collections.abc import Iterable
from pathlib import Path

from harness import proc
from harness.commands import db_saving
from harness.commands.db_saving import Leave
from harness.commands.stack import Stack, labelled
from harness.databases import sealing
from harness.databases.client import PostgresPrograms
from harness.databases.sealing import Seal
from harness.errors import CommandFailed
from harness.quantities import size as shown
from harness.stack import roles


def client(stack: Stack, *, dry: bool = False) -> PostgresPrograms:
    """The way to the stack's databases, through its containers only."""

    def beginning(program: str, terminal: bool) -> list[str]:
        options = [] if terminal else ["-T"]
        return stack.looking.argv("exec", *options, "db", program)

    project, own = stack.project, stack.context.config.stack.database
    return PostgresPrograms(
        kind="stack",
        title=f"the stack {project.name} ({project.environment})",
        start=beginning,
        env=stack.looking.env,
        environment=project.environment,
        dry=dry,
        say=stack.context.console.info,
        owner=roles.OWNER,
        rights=lambda name: (roles.rights(used=name == own),),
    )


def before(stack: Stack, name: str) -> Path | None:
    """Back up a database that is about to be changed, and the files; its file.

    Raises where that fails; nothing is changed then.
    """
    files(stack, labelled(stack, "volume"), dry=False)
    return db_saving.before(stack.context, client(stack), name, Leave())


def files(stack: Stack, volumes: Iterable[str], *, dry: bool) -> None:
    """All files of these volumes, of services of one's own too; no database's."""
    for volume in sorted(volumes):
        if volume != f"{stack.project.name}_db":
            _archive(stack, volume, dry=dry)


def _archive(stack: Stack, volume: str, *, dry: bool) -> None:
    """The files of a volume as an archive, whole or not there, for its owner's eyes."""
    context = stack.context
    seal = db_saving.seal(context, stack.project.environment)
    path = db_saving.dated(context, volume, suffix=f"tar{seal.suffix}")
    argv = stack.engine.argv(*inside(stack, f"{volume}:/files:ro", "-cf", "-", "."))
    if dry:
        context.console.info(seal.line(proc.line(argv), path))
        return
    part = path.with_name(f".{path.name}.part")
    try:
        with context.console.step(f"backup {volume}", ticker=True):
            _written(stack, argv, part, seal)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    back = stack.engine.argv(*inside(stack, f"{volume}:/files", "-xf", "-"))
    context.console.info(
        f"  backup: {path} ({shown(path.stat().st_size)}), back by: "
        + sealing.back(proc.line(back), path, "KEY" if seal.recipients else "")
    )


def _written(stack: Stack, argv: list[str], part: Path, seal: Seal) -> None:
    with part.open("wb") as stream:
        part.chmod(0o600)
        with (
            seal.around(stream) as sink,
            proc.Child(
                argv, env=stack.engine.environ, stdout=sink, stderr=proc.PIPE
            ) as child,
        ):
            _, said = child.process.communicate()
            code = child.code()
        os.fsync(stream.fileno())
    if code:
        raise CommandFailed(
            f"the files cannot be backed up: {said.decode(errors='replace').strip()}",
            checked=proc.line(argv),
        )


def inside(stack: Stack, mount: str, *words: str) -> list[str]:
    """The words of ``docker`` for a ``tar`` in a volume; its input is this one's."""
    image = stack.project.image("db")
    return [
        "run", "--rm", "--interactive", "--network", "none", "--user", "0",
        "--volume", mount, "--entrypoint", "tar", image, "-C", "/files", *words,
    ]  # fmt: skip
