# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks, what they may see, and what browsers are told.

A session of the browser is a signed cookie; it names a session of ``web.user``,
which the database knows and can end.  Programs give the key of such a session as
a bearer token.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request, RequestLocalCache
from pyramid.response import Response
from pyramid.security import Allowed, Denied
from pyramid.session import JSONSerializer, SignedCookieSessionFactory
from pyramid.tweens import INGRESS
from trytond.pool import Pool

KEY = "key"
BEARER = "bearer"
SESSION = "session"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
STRICT_TRANSPORT = "max-age=31536000"


def bearer(request: Request) -> str | None:
    """The token that a program sends."""
    scheme, token = request.authorization or ("", "")
    if scheme.lower() != "bearer" or not isinstance(token, str):
        return None
    return token.strip() or None


class SecurityPolicy:
    """Identities are records of ``web.user``."""

    def __init__(self) -> None:
        self._identities = RequestLocalCache(self._load)

    def _load(self, request: Request) -> Any:
        key = bearer(request) or request.session.get(KEY)
        if not key or "\x00" in key:
            return None
        user = Pool().get("web.user").get_user(key)
        if user and user.active and user.email_valid and user.party:
            return user
        return None

    def identity(self, request: Request) -> Any:
        """The web user, if the session is alive and the address is proved."""
        return self._identities.get_or_create(request)

    def authenticated_userid(self, request: Request) -> int | None:
        """The web user's id."""
        user = self.identity(request)
        return user.id if user else None

    def permits(self, request: Request, context: Any, permission: str) -> Any:
        """``member``: anybody who is logged in; contexts hold only their own."""
        if permission == "member" and self.identity(request) is not None:
            return Allowed("logged in")
        return Denied("not logged in")

    def remember(
        self, request: Request, userid: str, **_: Any
    ) -> list[tuple[str, str]]:
        """Begin a session with the key of a session of Tryton."""
        language = request.session.get("language")
        request.session.invalidate()
        request.session[KEY] = userid
        if language:
            request.session["language"] = language
        self._identities.clear(request)
        return []

    def forget(self, request: Request, **_: Any) -> list[tuple[str, str]]:
        """End the session, here and in the database."""
        key = bearer(request) or request.session.get(KEY)
        if key:
            Pool().get("web.user.session").remove(key)
        language = request.session.get("language")
        request.session.invalidate()
        if language:
            request.session["language"] = language
        self._identities.clear(request)
        return []


def authenticated_by(request: Request) -> str | None:
    """How the identity was proved: `BEARER`, `SESSION` or not at all."""
    if request.identity is None:
        return None
    return BEARER if bearer(request) else SESSION


def headers_tween_factory(
    handler: Callable[[Request], Response], registry: Any
) -> Callable[[Request], Response]:
    """The tween that sets what browsers are told."""
    headers = dict(HEADERS)
    if registry.portal.secure:
        headers["Strict-Transport-Security"] = STRICT_TRANSPORT

    def tween(request: Request) -> Response:
        response = handler(request)
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        if not request.environ["PATH_INFO"].startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return tween


def includeme(config: Configurator) -> None:
    """Sessions, identities, and headers of all responses."""
    settings = config.registry.portal
    config.set_session_factory(
        SignedCookieSessionFactory(
            settings.secret,
            cookie_name="portal_session",
            serializer=JSONSerializer(),
            timeout=settings.session_timeout,
            reissue_time=settings.session_timeout // 10,
            domain=settings.cookie_domain or None,
            secure=settings.secure,
            httponly=True,
            samesite="Lax",
            salt="portal_web.session.",
        )
    )
    config.set_security_policy(SecurityPolicy())
    config.add_tween(f"{__name__}.headers_tween_factory", under=INGRESS)
