# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness db create``, ``delete``, ``rebuild``, ``copy``, ``…-setup``."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from harness.commands import db, db_place, db_saving
from harness.commands.db_place import DatabasePlace, DatabaseRequest
from harness.commands.db_saving import Leave
from harness.context import Context
from harness.databases import archive, catalogue
from harness.databases import replace as replacing
from harness.databases.client import quoted
from harness.errors import DatabaseError, ExitCode, UsageError
from harness.quantities import duration
from harness.quantities import size as shown
from harness.run import needs
from harness.template.layer import Document, Program, Request


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a new database is to hold; nothing said: the stack's modules.

    `datasets` are the names of documents among those of the template, all
    without any; a `reclimit` of 0 is no limit.  One that is to be `filled` has data.
    """

    modules: tuple[str, ...] = ()
    template: str = ""
    datasets: tuple[str, ...] = ()
    reclimit: int = 0
    empty: bool = False
    filled: bool = False


def request(context: Context, content: Content) -> Request:
    """The content as templates have it; raises `UsageError` for unknown names."""
    config = context.config
    if content.template and content.template not in config.template:
        raise UsageError(
            f"there is no template {content.template!r}",
            checked=f"configured are {', '.join(config.template) or 'none'}",
            remedy=f"add [tool.harness.template.{content.template}]",
        )
    names = (content.template,) if content.template else content.modules
    found = needs.request(config, names or config.stack.modules)
    if content.filled and not found.data:
        others = [
            name for name in config.template if needs.request(config, (name,)).data
        ]
        others.sort(key=config.stack.template.__eq__)  # the stack's own is the last
        raise UsageError(
            f"the template {content.template} has no data: there are none for these"
            " sources",
            checked=f"template.{content.template}.data"
            f" ({config.source_of(f'template.{content.template}.data')})",
            remedy=f"take another one: harness db rebuild --template {others[-1]}"
            if others
            else f"add them: [tool.harness.template.{content.template}]",
        )
    if content.datasets:
        known = {_dataset(one): one for one in found.data}
        lacking = [name for name in content.datasets if name not in known]
        if lacking:
            raise UsageError(
                f"there is no data set {', '.join(lacking)}",
                checked=f"the template has {', '.join(known) or 'none'}",
                remedy="take one of these, or add it to the template's data",
            )
        data = tuple(one for name, one in known.items() if name in content.datasets)
        found = replace(found, data=data)
    return replace(found, reclimit=content.reclimit or found.reclimit)


def _dataset(data: Document | Program) -> str:
    """What a document, or a program that makes data, is called."""
    return data.name if isinstance(data, Program) else data.path.stem


def create(
    context: Context, *, wish: DatabaseRequest, name: str, content: Content
) -> int:
    """Make a database; one that is there is an error."""
    name = replacing.require_name(db.named(context, name))
    wanted = None if content.empty else request(context, content)
    with (
        db_place.opened(context, wish, start=True) as place,
        replacing.claim(place.client, name, waiting=Waiting(context)),
    ):
        if replacing.exists(place.client, name):
            raise UsageError(
                f"the database {name} is there already",
                checked=place.client.title,
                remedy=f"harness db rebuild {name} replaces it",
            )
        if wanted:
            place.require(wanted)
        with place.quiet(name):  # services that wait for it are started
            _make(context, place, name, wanted)
    return ExitCode.OK


def rebuild(
    context: Context,
    *,
    wish: DatabaseRequest,
    name: str,
    content: Content,
    leave: Leave,
) -> int:
    """Make a database anew; the former one serves until the new one is whole."""
    name = replacing.require_name(db.named(context, name))
    wanted = None if content.empty else request(context, content)
    with claimed(context, wish, name, leave, wanted) as place:
        _make(context, place, name, wanted)
    return ExitCode.OK


@contextmanager
def claimed(
    context: Context,
    wish: DatabaseRequest,
    name: str,
    leave: Leave,
    wanted: Request | None = None,
    source: str = "",
) -> Iterator[DatabasePlace]:
    """The place of a database that may be replaced, with nobody else at it.

    What is `wanted` in its place can be made there, or the `source` of it is there.
    """
    with db_place.opened(context, wish, start=True) as place:
        client = place.client
        if wanted:
            place.require(wanted)
        if source:
            db.require_there(client, source)
        if replacing.exists(client, name):
            what = f"replace the database {name} of {client.title}"
            db.require_leave(client, leave, what)
            db_saving.ready(context, client.environment, leave)
        with (
            replacing.claim(client, name, waiting=Waiting(context)),
            place.quiet(name),
        ):
            db_saving.before(context, client, name, leave)
            yield place


def _make(
    context: Context, place: DatabasePlace, name: str, wanted: Request | None
) -> None:
    client, began = place.client, time.monotonic()
    if wanted is None:
        with replacing.building(client, name):
            pass
        how = "empty"
    else:
        count = 0
        with context.console.step(f"database {name}", ticker=True) as step:

            def listener(module: str) -> None:
                nonlocal count
                count += 1
                step.update(f"module {count}, {module}")

            how = place.make(name, wanted, listener)
    if not client.dry:
        bytes_ = shown(catalogue.size(client, name))
        seconds = duration(time.monotonic() - began)
        context.console.info(f"{name} on {client.title}: {bytes_}, {how}, in {seconds}")


@dataclass(frozen=True)
class Waiting:
    """Says once that somebody else is at work."""

    context: Context

    def __call__(self) -> None:
        """Somebody else has the lock."""
        self.context.console.info("somebody else is working on it, waiting …")


def delete(
    context: Context, *, wish: DatabaseRequest, names: Sequence[str], leave: Leave
) -> int:
    """Delete databases, whoever is connected."""
    with db_place.opened(context, wish) as place:
        client = place.client
        for name in names:
            if name.startswith("harness_t_"):
                raise UsageError(
                    f"{name} is a template", remedy="harness template prune"
                )
            if name in catalogue.OWN:
                raise UsageError(f"{name} is PostgreSQL's own")
            db.require_there(client, name)
        among = ", ".join(names)
        db.require_leave(client, leave, f"delete {among} of {client.title}")
        db_saving.ready(context, client.environment, leave)
        for name in names:
            with (
                replacing.claim(client, name, waiting=Waiting(context)),
                place.quiet(name),
            ):
                db_saving.before(context, client, name, leave)
                replacing.drop(client, name)
            if not client.dry:
                context.console.info(f"{name} is deleted")
    return ExitCode.OK


def copy(
    context: Context, *, wish: DatabaseRequest, source: str, target: str, leave: Leave
) -> int:
    """Copy a database while it is used; an older copy is replaced."""
    replacing.require_name(target)
    if source == target:
        raise UsageError("both names are the same", remedy="name another one")
    with claimed(context, wish, target, leave, source=source) as place:
        copied(context, place, source, target)
    return ExitCode.OK


def copied(context: Context, place: DatabasePlace, source: str, target: str) -> None:
    """The copying itself, with the claim on `target`."""
    client = place.client
    total = catalogue.size(client, source)
    with replacing.building(client, target) as new:
        if client.dry:
            client.say(archive.copy_line(client, source, client, new))
            return
        with context.console.step(f"copy {source}", ticker=True) as step:
            archive.copy(
                client, source, client, new,
                lambda count: step.update(f"{shown(count)} of about {shown(total)}"),
            )  # fmt: skip
        _require_same(place, source, new)
        replacing.carry_settings(client, source, new)
    context.console.info(f"{target} is a copy of {source}")


def _require_same(place: DatabasePlace, source: str, new: str) -> None:
    counts = [catalogue.tables(place.client, name) for name in (source, new)]
    if counts[0] != counts[1]:
        raise DatabaseError(
            f"the copy has {counts[1]} tables, {source} has {counts[0]}",
            checked=place.client.title,
            remedy=f"do it again while nobody changes tables in {quoted(source)}",
        )
