# SPDX-License-Identifier: GPL-3.0-or-later
"""SQL of roles; what the server makes of it is seen in the integration tests."""

import base64
import hmac
import re

from harness.stack import access, roles
from harness.stack.secrets import NAMES

SECRETS = {name: f"Word-{name}-x7" for name in NAMES}


def test_a_verifier_is_that_of_the_standard() -> None:
    """RFC 7677, section 3: its server signature is made with the server's key."""
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    found = roles.verifier("pencil", salt)
    server = base64.b64decode(found.rpartition(":")[2])
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    message = (
        "n=user,r=rOprNGfwEbeRWgbNEkqO,"
        f"r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}"
    )
    signature = hmac.digest(server, message.encode(), "sha256")
    assert base64.b64encode(signature).decode() == (
        "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    )
    assert roles.verifier("pencil") != roles.verifier("pencil")


def test_no_password_is_said_to_the_server() -> None:
    text = roles.logins(SECRETS)
    assert not [value for value in SECRETS.values() if value in text]
    assert f"ALTER ROLE {roles.SUPERUSER} PASSWORD NULL;" in text


def test_no_role_of_a_service_may_more_than_log_in() -> None:
    text = roles.logins(SECRETS)
    for role in roles.PASSWORDS:
        [line] = re.findall(rf"^ALTER ROLE {role} (.*) PASSWORD '", text, re.MULTILINE)
        assert {"NOSUPERUSER", "NOCREATEROLE", "NOCREATEDB"} <= set(line.split())


def test_a_database_beside_is_not_for_portal_and_api() -> None:
    assert "GRANT" in roles.rights(used=True)
    assert "GRANT" not in roles.rights(used=False)
    for used in (True, False):
        assert "REVOKE ALL ON DATABASE %I FROM PUBLIC" in roles.rights(used=used)


def test_what_is_remembered_tells_databases_and_passwords_apart() -> None:
    found = {
        access.remembered(oid, "processing", ["a.b"], password)
        for oid in ("1", "2")
        for password in ("one", "other")
    }
    assert len(found) == 4
    assert not [one for one in found if "one" in one]
