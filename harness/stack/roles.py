# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles of the stack's database server: who may do what, as SQL.

`SUPERUSER` has no password, so it is there for who is in db's container already.
`OWNER` owns databases and what is in them; portal and API read and write, and do not
change tables.  Passwords go to the server as what it keeps of them.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Final

SUPERUSER: Final = "postgres"
OWNER: Final = "tryton"
"""Of databases; erpserver's.  Until these roles it was the server's superuser."""
PASSWORDS: Final = {
    OWNER: "database_password",
    "portal": "portal_database_password",
    "api": "api_database_password",
}
"""Roles that services log in as, and the secret of each."""
PLAIN: Final = (
    "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT"
)
"""Inheriting matters for the owner: by that it owns the schema public."""
ITERATIONS: Final = 4096
HELPER: Final = "harness_renaming"

SUPERUSERS_DATABASES: Final = (
    "SELECT datname FROM pg_database WHERE datdba = current_user::regrole"
    " AND NOT datistemplate AND datname <> 'postgres'"
)
"""Those that were made before there was an owner."""


def verifier(password: str, salt: bytes = b"") -> str:
    """What PostgreSQL keeps of a password of ASCII characters (SCRAM-SHA-256)."""
    salt = salt or secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    stored = hashlib.sha256(client).digest()
    first, *rest = (base64.b64encode(one).decode() for one in (salt, stored, server))
    return f"SCRAM-SHA-256${ITERATIONS}:{first}${':'.join(rest)}"


def renamed() -> Iterator[tuple[str, str]]:
    """(as whom, statement): give a superuser called like the owner its new name.

    No role can rename itself, and a step that was done already is not an error.
    """
    helper = f"IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{HELPER}') THEN"
    yield (
        OWNER,
        f"DO $$ BEGIN {helper} CREATE ROLE {HELPER} SUPERUSER LOGIN; END IF; END $$",
    )
    yield HELPER, f"ALTER ROLE {OWNER} RENAME TO {SUPERUSER}"


def logins(passwords: Mapping[str, str]) -> str:
    """SQL that makes the roles, or gives them their `passwords`, by secret.

    It answers the databases that the superuser owns.
    """
    lines = [
        "SET client_min_messages = warning;",
        f"DROP ROLE IF EXISTS {HELPER};",
        f"ALTER ROLE {SUPERUSER} PASSWORD NULL;",
    ]
    for role, name in PASSWORDS.items():
        lines += [
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')"
            f" THEN CREATE ROLE {role}; END IF; END $$;",
            f"ALTER ROLE {role} {PLAIN} PASSWORD '{verifier(passwords[name])}';",
        ]
    # trytond lists databases by way of template1; nobody else has to.
    for database in ("postgres", "template1"):
        lines.append(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC;")
    lines.append(f"GRANT CONNECT ON DATABASE template1 TO {OWNER};")
    lines.append(f"{SUPERUSERS_DATABASES};")
    return "\n".join(lines)


def adoption() -> str:
    """A statement that gives what the superuser owns in a database to the owner."""
    return _read("adopt")


def rights(*, used: bool) -> str:
    """A statement that sets who may do what in the database that it runs in.

    It is made again after each change of tables; `used` is a database of portal and
    API.
    """
    return _read("rights" if used else "closed")


def _read(name: str) -> str:
    """A statement of the package's data, without the words about it."""
    text = resources.files("harness.data").joinpath(f"{name}.sql").read_text("utf-8")
    return "\n".join(one for one in text.splitlines() if not one.startswith("--"))
