# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness db list``, ``size``, ``psql``, ``console``; what all of ``db`` shares."""

from dataclasses import replace

from harness.commands import db_place
from harness.commands.db_place import DatabaseRequest
from harness.commands.db_saving import Leave
from harness.context import Context, confirm
from harness.databases import catalogue
from harness.databases.client import PostgresPrograms
from harness.errors import DatabaseError, ExitCode, UsageError
from harness.options import meant
from harness.quantities import size as shown
from harness.run import servers

TESTS = "harness_"
"""How the names of templates and leases begin."""


def require_leave(client: PostgresPrograms, leave: Leave, what: str) -> None:
    """Ask whether `what` may be done; raises `UsageError` where it may not."""
    allow(leave, what, title=client.title, production=client.production, dry=client.dry)


def allow(
    leave: Leave, what: str, *, title: str, production: bool, dry: bool = False
) -> None:
    """`require_leave` without a server: all that destroys data asks this."""
    if production and not leave.force:
        raise UsageError(
            f"this is production: {what} is refused",
            checked=title,
            remedy="if you mean it: --force",
        )
    if not (leave.yes or dry):
        confirm(leave.ask, what)


def named(context: Context, name: str) -> str:
    """The database that is meant: without a name, the stack's."""
    return name or context.config.stack.database


def require_there(client: PostgresPrograms, name: str) -> None:
    """Raises `DatabaseError` where a database is not there."""
    there = [one.name for one in catalogue.all_(client)]
    if name not in there:
        listed = [one for one in there if not one.startswith(TESTS)]
        if more := len(there) - len(listed):
            listed.append(f"{more} of tests")
        raise DatabaseError(
            f"there is no database {name} on {client.title}",
            checked=f"there are {', '.join(listed) or 'none'}",
            remedy=meant(name, there) or "harness db create, or another place: --on",
        )


def of_tests(context: Context, wish: DatabaseRequest, name: str) -> DatabaseRequest:
    """The wish, for a lease or a template with the server of the tests."""
    if wish.on or not name.startswith(TESTS):
        return wish
    kind, _ = servers.choose(context)
    return replace(wish, on=kind)


def list_(context: Context, *, wish: DatabaseRequest, as_json: bool) -> int:
    """All databases of a place."""
    with db_place.opened(context, wish) as place:
        found = catalogue.all_(place.client)
        title = place.client.title
    if as_json:
        documents = [one.document() for one in found]
        context.answer({"place": title, "databases": documents})
        return ExitCode.OK
    context.console.info(f"databases of {title}")
    context.console.table(
        [(one.name, shown(one.size), one.sessions, one.what) for one in found],
        ("name", "size", "sessions", ""),
    )
    return ExitCode.OK


LARGEST = 15
"""Tables that ``size`` shows."""


def size(context: Context, *, wish: DatabaseRequest, name: str, as_json: bool) -> int:
    """A database's size, and that of its largest tables."""
    name = named(context, name)
    with db_place.opened(context, of_tests(context, wish, name)) as place:
        total = catalogue.size(place.client, name)
        tables = catalogue.relations(place.client, name)
    if as_json:
        rows = [{"table": t, "size": s, "rows": n} for t, s, n in tables]
        context.answer({"name": name, "size": total, "tables": rows})
        return ExitCode.OK
    context.console.info(f"{name}: {shown(total)}, {len(tables)} tables")
    context.console.table(
        [(table, shown(bytes_), count) for table, bytes_, count in tables[:LARGEST]],
        ("table", "size", "rows, about"),
    )
    return ExitCode.OK


def psql(
    context: Context,
    *,
    wish: DatabaseRequest,
    name: str,
    sql: str,
    rest: tuple[str, ...],
    terminal: bool,
) -> int:
    """``psql`` on any database, also on a lease; its exit code."""
    name = named(context, name)
    with db_place.opened(context, of_tests(context, wish, name)) as place:
        client = place.client
        one = (f"--command={sql}",) if sql else ()
        argv = (*client.as_owner, f"--dbname={name}", *one, *rest)
        if client.dry:
            client.say(client.line(client.argv("psql", *argv, terminal=terminal)))
            return ExitCode.OK
        require_there(client, name)
        return client.attach("psql", *argv, terminal=terminal)


def console(
    context: Context, *, wish: DatabaseRequest, name: str, terminal: bool
) -> int:
    """Tryton's console on any of its databases; its exit code."""
    name = named(context, name)
    with db_place.opened(context, of_tests(context, wish, name)) as place:
        require_there(place.client, name)
        active = active_of(place.client, name)
        return place.console(name, active, terminal=terminal)


def active_of(client: PostgresPrograms, name: str) -> list[str]:
    """The modules that are activated in a database."""
    states = catalogue.modules(client, name)
    return sorted(module for module, state in states.items() if state == "activated")
