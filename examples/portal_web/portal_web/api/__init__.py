# SPDX-License-Identifier: GPL-3.0-or-later
"""The API: JSON for programs.

What is registered or published can be read by everybody; uploads need a token
(``POST /v1/tokens``), or the portal's session and its CSRF token.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from pyramid.config import Configurator
from pyramid.renderers import JSON

CODE = r"{code:[A-Z][0-9]{1,12}}"
UUID = r"{uuid:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}}"

ROUTES = {
    "health": "/health",
    "root": "/",
    "openapi": "/v1/openapi.json",
    "artists": "/v1/artists",
    "artist": f"/v1/artists/{CODE}",
    "creations": "/v1/creations",
    "creation": f"/v1/creations/{CODE}",
    "releases": "/v1/releases",
    "release": f"/v1/releases/{CODE}",
    "licences": "/v1/licences",
    "tokens": "/v1/tokens",
    "token": "/v1/tokens/current",
    "uploads": "/v1/uploads",
    "upload": f"/v1/uploads/{UUID}",
}


def renderer() -> JSON:
    """JSON with dates, durations in seconds, and decimals as text."""
    made = JSON(ensure_ascii=False)
    made.add_adapter(dt.datetime, lambda value, _: value.isoformat() + "Z")
    made.add_adapter(dt.date, lambda value, _: value.isoformat())
    made.add_adapter(dt.timedelta, _seconds)
    made.add_adapter(Decimal, lambda value, _: str(value))
    return made


def _seconds(value: dt.timedelta, request: Any) -> float | int:
    seconds = value.total_seconds()
    return int(seconds) if seconds.is_integer() else seconds


def includeme(config: Configurator) -> None:
    """Routes, views and the JSON of this API."""
    config.add_renderer("json", renderer())
    for name, pattern in ROUTES.items():
        config.add_route(name, pattern)
    config.include("portal_web.api.cors")
    config.scan("portal_web.api")
