# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose pages may ask this API from a browser: the origins of the settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from pyramid.tweens import INGRESS

METHODS = "GET, POST, DELETE"
HEADERS = "Authorization, Content-Type, X-CSRF-Token"


def tween_factory(
    handler: Callable[[Request], Response], registry: Any
) -> Callable[[Request], Response]:
    """The tween that answers preflights, and marks what other sites may read."""
    origins = registry.portal.api_origins

    def tween(request: Request) -> Response:
        origin = request.headers.get("Origin")
        preflight = (
            request.method == "OPTIONS"
            and "Access-Control-Request-Method" in request.headers
        )
        if origin not in origins:
            return Response(status=403) if preflight else handler(request)
        response = Response(status=204) if preflight else handler(request)
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers.add("Vary", "Origin")
        if preflight:
            response.headers["Access-Control-Allow-Methods"] = METHODS
            response.headers["Access-Control-Allow-Headers"] = HEADERS
            response.headers["Access-Control-Max-Age"] = "600"
        return response

    return tween


def includeme(config: Configurator) -> None:
    """The tween, outside of transactions."""
    config.add_tween(f"{__name__}.tween_factory", under=INGRESS)
