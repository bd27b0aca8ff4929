# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of ours, started and in order: what a test did to one goes with its run."""

import contextlib

from harness.context import Context
from harness.errors import DatabaseError
from harness.postgres import Address, DockerServer, LocalServer, PostgresServer
from harness.postgres.house import ROLES, House
from harness.postgres.membership import anew


def entered(
    context: Context, chosen: PostgresServer, *, alone: bool
) -> tuple[Address, House | None]:
    """The server, started, and in order; and what puts it in order again.

    A given one is not ours to mend.
    """
    address = chosen.start()
    if not isinstance(chosen, LocalServer | DockerServer):
        return address, None
    directory, tell = chosen.directory(), context.console.warn
    house = House(address, directory / ROLES, tell)
    try:
        house.enter(alone=alone)
    except DatabaseError:
        if not alone:
            raise
        address = anew(chosen, directory)
        house = House(address, directory / ROLES, tell)
        house.enter(alone=alone)
    return address, house


def know(context: Context, chosen: PostgresServer, address: Address) -> None:
    """What roles there are now on a server of ours, are people's."""
    if isinstance(chosen, LocalServer | DockerServer):
        tell = context.console.warn
        with contextlib.suppress(DatabaseError, OSError):
            House(address, chosen.directory() / ROLES, tell).know()
