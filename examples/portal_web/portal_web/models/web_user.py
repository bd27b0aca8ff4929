# SPDX-License-Identifier: GPL-3.0-or-later
"""Web users: registration, proof of the address, login."""

from __future__ import annotations

import datetime as dt
import hmac
from typing import Any

from trytond.exceptions import RateLimitException
from trytond.pool import Pool

ROLE = "licensor"


class TooManyAttempts(Exception):
    """Somebody tries passwords."""


def find(email: str) -> Any:
    """The web user with an address, or None."""
    found = Pool().get("web.user").search([("email", "=", email.lower())], limit=1)
    return found[0] if found else None


def register(*, email: str, password: str, name: str, language: str) -> Any:
    """A new web user and its party; the address is to be proved by its token."""
    pool = Pool()
    Party = pool.get("party.party")
    Role = pool.get("collecting_society.web_user.role")
    WebUser = pool.get("web.user")
    party = Party(name=name, lang=find_language(language))
    party.save()
    user = WebUser(email=email, party=party)
    user.roles = Role.search([("code", "=", ROLE)])
    user.set_email_token()
    user.save()
    WebUser.write([user], {"password": password})
    return user


def find_language(code: str) -> Any:
    """Tryton's language of a code."""
    (language,) = Pool().get("ir.lang").search([("code", "=", code)], limit=1)
    return language


def register_again(user: Any, *, password: str, name: str) -> None:
    """Who registers last an address that is not proved is who may prove it.

    Whoever was before, perhaps a stranger, does not get an account of the owner.
    """
    user.party.name = name
    user.party.save()
    user.set_email_token()
    user.save()
    Pool().get("web.user").write([user], {"password": password})


def find_token(token: str) -> Any:
    """The web user who is to prove the address by a token, or None."""
    found = Pool().get("web.user").search([("email_token", "=", token)], limit=1)
    if found and hmac.compare_digest(found[0].email_token.encode(), token.encode()):
        return found[0]
    return None


def verify(token: str) -> Any:
    """The web user whose address is proved now, or None."""
    user = find_token(token)
    if user is None:
        return None
    Pool().get("web.user").validate_email_token([token])
    return user


def log_in(email: str, password: str) -> str | None:
    """The key of a new session; None if address and password do not fit.

    Attempts are counted, so the transaction must be kept in both cases.
    Raises `TooManyAttempts`.
    """
    try:
        user = Pool().get("web.user").authenticate(email, password)
    except RateLimitException as error:
        raise TooManyAttempts from error
    if user is None or not user.email_valid or not user.party:
        return None
    return str(user.new_session())


def change_password(user: Any, *, old: str, new: str) -> bool:
    """Whether the old one fitted; all sessions of the user end then."""
    pool = Pool()
    WebUser = pool.get("web.user")
    Session = pool.get("web.user.session")
    if not WebUser.check_password(old, user.password_hash)[0]:
        return False
    WebUser.write([user], {"password": new})
    Session.delete(Session.search([("user", "=", user.id)]))
    return True


def change_profile(
    user: Any,
    *,
    name: str,
    birthdate: dt.date | None,
    language: str,
    default_artist: Any,
) -> None:
    """Write what a web user says of itself."""
    party = user.party
    party.name = name
    party.birthdate = birthdate
    party.lang = find_language(language)
    party.save()
    user.default_artist = default_artist
    user.save()


def language(user: Any) -> str | None:
    """The code of the language of a web user, if it has one."""
    return user.party.lang.code if user.party.lang else None
