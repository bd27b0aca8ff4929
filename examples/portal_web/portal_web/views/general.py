# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages for everybody, and what is shown when something is wrong."""

from __future__ import annotations

import logging
from typing import Any

from pyramid.exceptions import BadCSRFToken
from pyramid.httpexceptions import HTTPException, HTTPSeeOther, HTTPServiceUnavailable
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import exception_view_config, forbidden_view_config, view_config
from trytond import backend
from trytond.pool import Pool
from trytond.transaction import Transaction

from .. import paging
from ..i18n import LANGUAGES, N_
from ..models import creation
from .base import go

logger = logging.getLogger(__name__)


@view_config(route_name="home", renderer="home.jinja2", request_method="GET")
def home(request: Request) -> dict[str, Any]:
    """What this is."""
    return {}


@view_config(
    route_name="health", renderer="json", request_method="GET", require_csrf=False
)
def health(request: Request) -> dict[str, str]:
    """Whether the application and its database answer."""
    cursor = Transaction().connection.cursor()
    cursor.execute("SELECT 1")
    return {"status": "ok", "service": request.registry.portal.service}


@view_config(route_name="licences", renderer="licences.jinja2", request_method="GET")
def licences(request: Request) -> dict[str, Any]:
    """The licences that a creation can be under."""
    return {"licences": creation.licences()}


@view_config(
    route_name="repertoire", renderer="repertoire.jinja2", request_method="GET"
)
def repertoire(request: Request) -> dict[str, Any]:
    """What is registered, for everybody to search."""
    query = paging.clean(request.GET.get("q"))
    domain = [
        ("state", "=", "registered"),
        paging.containing(query, "title", "code", "iswc", "artist.name"),
    ]
    Creation = Pool().get(creation.MODEL)
    found = paging.find(
        Creation,
        domain,
        page=request.GET.get("page"),
        size=request.registry.portal.page_size,
    )
    return {"page": found, "query": query}


@view_config(route_name="language", request_method="POST")
def language(request: Request) -> HTTPSeeOther:
    """Go on in another language, on the same page."""
    chosen = request.POST.get("language")
    if chosen in LANGUAGES:
        request.session["language"] = chosen
    return HTTPSeeOther(local(request.POST.get("next")) or "/")


def local(address: str | None) -> str | None:
    """An address of this site, as it was given; None for all others."""
    if not address or not address.startswith("/") or address[1:2] in {"/", "\\"}:
        return None
    return None if any(ord(c) < 33 or ord(c) == 92 for c in address) else address


@forbidden_view_config(renderer="error.jinja2")
def forbidden(request: Request) -> Any:
    """Log in first."""
    if request.method in {"GET", "HEAD"}:
        return go(request, "login", _query={"next": request.path_qs})
    return go(request, "login")


TITLES = {
    400: N_("This request cannot be understood"),
    404: N_("There is no such page"),
    405: N_("This is not possible here"),
    413: N_("This is too large"),
    500: N_("Something went wrong"),
    503: N_("The portal is not available now"),
}
ADVICE = {
    400: N_("Go back, load the page again and repeat what you did."),
    404: N_("Perhaps it has moved, or it belongs to somebody else."),
    503: N_("Please try again in a moment."),
}


def show(request: Request, status: int) -> dict[str, Any]:
    """The page of an error, which needs no database."""
    request.response.status_int = status
    request.override_renderer = "error.jinja2"
    title = TITLES.get(status, TITLES[400 if status < 500 else 500])
    return {"title": title, "advice": ADVICE.get(status, ""), "status": status}


@exception_view_config(HTTPException, renderer="error.jinja2")
def http_error(error: HTTPException, request: Request) -> Any:
    """Redirections as they are, errors as pages."""
    if error.status_int < 400:
        return error
    return show(request, error.status_int)


@exception_view_config(BadCSRFToken, renderer="error.jinja2")
def bad_token(error: BadCSRFToken, request: Request) -> dict[str, Any]:
    """The form is from somebody else, or from a session that has ended."""
    return show(request, 400)


@exception_view_config(UnicodeDecodeError, renderer="error.jinja2")
def bad_text(error: UnicodeDecodeError, request: Request) -> dict[str, Any]:
    """What was sent is no text."""
    return show(request, 400)


@exception_view_config(backend.DatabaseOperationalError, renderer="error.jinja2")
def no_database(error: Exception, request: Request) -> dict[str, Any]:
    """The database does not answer, or others were faster all the time."""
    logger.error("%s %r: %s", request.method, request.environ["PATH_INFO"], error)
    return show(request, HTTPServiceUnavailable.code)


@exception_view_config(Exception, renderer="error.jinja2")
def failure(error: Exception, request: Request) -> dict[str, Any] | Response:
    """What nobody thought of; the reason is in the log alone."""
    logger.error("%s %r", request.method, request.environ["PATH_INFO"], exc_info=error)
    return show(request, 500)
