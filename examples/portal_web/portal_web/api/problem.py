# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

from pyramid.exceptions import BadCSRFToken, PredicateMismatch
from pyramid.httpexceptions import HTTPException
from pyramid.interfaces import IRoutesMapper
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import exception_view_config, forbidden_view_config
from trytond import backend
from trytond.exceptions import UserError

logger = logging.getLogger(__name__)


class Problem(Exception):
    """What is wrong with a request, for its sender."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}
        self.more = more


def respond(problem: Problem) -> Response:
    """The response that says it."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
    }
    if problem.detail:
        body["detail"] = problem.detail
    response = Response(
        json.dumps({**body, **problem.more}, ensure_ascii=False).encode(),
        status=problem.status,
        content_type="application/problem+json",
    )
    response.headers.update(problem.headers)
    return response


@exception_view_config(Problem)
def known(error: Problem, request: Request) -> Response:
    """A problem that a view found."""
    return respond(error)


@exception_view_config(HTTPException)
def http_error(error: HTTPException, request: Request) -> Response:
    """An error of the framework; a method that is not offered is a 405."""
    if isinstance(error, PredicateMismatch) and request.matched_route:
        methods = sorted(offered(request))
        return respond(
            Problem(
                405, f"Use {', '.join(methods)}.", headers={"Allow": ", ".join(methods)}
            )
        )
    if error.status_int < 400:
        return error
    detail = "There is no such resource." if error.status_int == 404 else ""
    return respond(Problem(error.status_int, detail))


def offered(request: Request) -> set[str]:
    """The methods of the route that was matched."""
    found = methods(request.registry)
    return set(found[request.matched_route.name])


def methods(registry: Any) -> dict[str, set[str]]:
    """The methods of all routes, as they are configured."""
    mapper = registry.getUtility(IRoutesMapper)
    found: dict[str, set[str]] = {route.name: set() for route in mapper.get_routes()}
    for category in registry.introspector.get_category("views"):
        view = category["introspectable"]
        if view["route_name"] in found and view["request_methods"]:
            wanted = view["request_methods"]
            names = {wanted} if isinstance(wanted, str) else set(wanted)
            found[view["route_name"]] |= names
    return found


@exception_view_config(BadCSRFToken)
def bad_token(error: BadCSRFToken, request: Request) -> Response:
    """A session without its token may come from another site."""
    return respond(Problem(403, "The header X-CSRF-Token does not fit the session."))


@forbidden_view_config()
def forbidden(request: Request) -> Response:
    """Who asks is not known."""
    challenge = {"WWW-Authenticate": 'Bearer realm="portal"'}
    return respond(
        Problem(401, "A token is needed: POST /v1/tokens.", headers=challenge)
    )


@exception_view_config(UserError)
def refused(error: UserError, request: Request) -> Response:
    """Tryton's rules are against it."""
    return respond(Problem(422, error.message))


@exception_view_config(UnicodeDecodeError)
def bad_text(error: UnicodeDecodeError, request: Request) -> Response:
    """What was sent is no text."""
    return respond(Problem(400, "This is not UTF-8."))


@exception_view_config(backend.DatabaseOperationalError)
def no_database(error: Exception, request: Request) -> Response:
    """The database does not answer, or others were faster all the time."""
    logger.error("%s %r: %s", request.method, request.environ["PATH_INFO"], error)
    return respond(Problem(503, "Try again.", headers={"Retry-After": "1"}))


@exception_view_config(Exception)
def failure(error: Exception, request: Request) -> Response:
    """What nobody thought of; the reason is in the log alone."""
    logger.error("%s %r", request.method, request.environ["PATH_INFO"], exc_info=error)
    return respond(Problem(500))
