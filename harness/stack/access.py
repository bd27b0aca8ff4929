# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may come in: roles of the server with their passwords, processing's user.

What was made before there were roles is brought to them; each step may be done again.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from harness import proc
from harness.errors import DatabaseError
from harness.stack import roles
from harness.stack.database import DEADLINE, StackDatabase
from harness.store import write_atomically

PROGRAM: Final = "worker.py"
"""Makes the user; beside what activates modules."""
WHICH: Final = (
    "SELECT system_identifier || '/' || oid FROM pg_control_system(), pg_database"
    " WHERE datname = current_database()"
)
"""Tells a database from any other that had, or will have, its name."""


def login(made: StackDatabase, secrets: Mapping[str, str]) -> list[str]:
    """Make the roles of services, or give them the passwords of today.

    Those databases that are the superuser's: they are from before there were roles.
    """
    return made.unseen("postgres", roles.logins(secrets))


def adopt(made: StackDatabase, name: str) -> None:
    """Give a database, and what is in it, to the owner of databases."""
    made.sql(name, roles.adoption())
    made.protect(name)
    # Last: by this it is known to be done.
    made.sql("postgres", f'ALTER DATABASE "{name}" OWNER TO {roles.OWNER}')


def employ(
    made: StackDatabase,
    mark: Path,
    *,
    user: str,
    groups: Sequence[str],
    password: str,
    remedy: str,
) -> None:
    """Make the user of Tryton that processing is, unless that is known to be done.

    `mark` remembers it.  Raises `DatabaseError` where a group is not in the database;
    `remedy` brings it there.
    """
    # Another database of the same name has another one, and so has another server.
    (which,) = made.sql(made.name, WHICH)
    wanted = remembered(which, user, groups, password)
    if _read(mark) == wanted:
        return
    made.forget()
    words = [f"--group={one}" for one in groups]
    program = made.script.with_name(PROGRAM)
    call = made.called(program, made.name, "--login", user, *words)
    done = made.compose.run(*call, check=False, timeout=DEADLINE)
    if done.code:
        raise _refusal(made.name, user, done, remedy)
    write_atomically(mark, wanted)


def admit(made: StackDatabase, database: str) -> str:
    """Give admin the password of this environment; why that cannot be, or nothing.

    Where it has that one already, nothing is written.
    """
    made.forget()
    words = ("--login", "admin", "--secret", "admin_password")
    call = made.called(made.script.with_name(PROGRAM), database, *words)
    done = made.compose.run(*call, check=False, timeout=DEADLINE)
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return (said or ["it says nothing"])[-1] if done.code else ""


def remembered(which: str, user: str, groups: Sequence[str], password: str) -> str:
    """What a mark says; a password cannot be guessed from it."""
    facts = "\n".join([which, user, *groups, password])
    found = hashlib.scrypt(facts.encode(), salt=which.encode(), n=2**14, r=8, p=1)
    return found.hex()


def _refusal(name: str, user: str, done: proc.Completed, remedy: str) -> DatabaseError:
    lost = re.search(r"^no group (\S+)$", done.stdout, re.MULTILINE)
    if not lost:
        return DatabaseError(
            f"the user {user} of processing cannot be made in {name}",
            checked="\n".join(done.stderr.strip().splitlines()[-5:]),
        )
    return DatabaseError(
        f"processing has no user of its own yet: {name} has no group {lost[1]}",
        checked="stack.processing_groups; the database is older than the modules",
        remedy=remedy,
    )


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""
