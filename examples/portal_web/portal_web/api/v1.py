# SPDX-License-Identifier: GPL-3.0-or-later
"""The views of version 1."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from pyramid.csrf import check_csrf_token
from pyramid.httpexceptions import HTTPForbidden
from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import forget
from pyramid.view import view_config
from trytond.pool import Pool
from trytond.transaction import Transaction

from .. import paging
from ..models import artist as artists
from ..models import content as contents
from ..models import creation as creations
from ..models import release as releases
from ..models import web_user
from ..security import SESSION, authenticated_by
from . import openapi, records
from .problem import Problem, respond

MOST = 100
PUBLIC: dict[str, list[Any]] = {
    artists.MODEL: [],
    creations.MODEL: [("state", "=", "registered")],
    releases.MODEL: [("state", "=", "published")],
}


@view_config(route_name="health", renderer="json", request_method="GET")
def health(request: Request) -> dict[str, str]:
    """Whether the application and its database answer."""
    Transaction().connection.cursor().execute("SELECT 1")
    return {"status": "ok", "service": request.registry.portal.service}


@view_config(route_name="root", renderer="json", request_method="GET")
@view_config(route_name="openapi", renderer="json", request_method="GET")
def description(request: Request) -> dict[str, Any]:
    """What this API offers."""
    return openapi.describe(request.registry.portal.api_url)


def integer(request: Request, name: str, default: int, most: int) -> int:
    """A number of the query, from 1 to `most`.  Raises `Problem`."""
    text = request.GET.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:10]) <= most:
        raise Problem(
            400,
            f"{name} must be a whole number from 1 to {most}.",
            errors=[{"parameter": name, "detail": f"1 to {most}"}],
        )
    return int(text)


def listing(
    request: Request,
    model: str,
    show: Callable[[Any], Any],
    *names: str,
    domain: list[Any] | None = None,
) -> dict[str, Any]:
    """A page of a list, with links to the pages around it."""
    number = integer(request, "page", 1, 10**9)
    size = integer(request, "per_page", request.registry.portal.page_size, MOST)
    query = paging.clean(request.GET.get("q"))
    where = [PUBLIC.get(model, []), domain or [], paging.containing(query, *names)]
    found = paging.find(Pool().get(model), where, page=number, size=size)
    link(request, found, query)
    beyond = number > found.pages
    return {
        "items": [] if beyond else [show(record) for record in found.items],
        "page": number,
        "per_page": size,
        "pages": found.pages,
        "total": found.total,
    }


def link(request: Request, found: paging.Page, query: str) -> None:
    """Say in the header ``Link`` where other pages are (RFC 8288)."""
    places = {
        "first": 1,
        "prev": found.previous,
        "next": found.next,
        "last": found.pages,
    }
    base = request.registry.portal.api_url.rstrip("/") + request.path
    links = []
    for name, number in places.items():
        if number:
            words = {"page": number, "per_page": found.size}
            if query:
                words = {"q": query, **words}
            links.append(f'<{base}?{urlencode(words)}>; rel="{name}"')
    request.response.headers["Link"] = ", ".join(links)


def single(request: Request, model: str, show: Callable[[Any], Any]) -> dict[str, Any]:
    """The record of the code in the path, if it is for everybody."""
    code = request.matchdict["code"]
    found = Pool().get(model).search([PUBLIC[model], ("code", "=", code)])
    if not found:
        raise Problem(404, "There is no such resource.")
    return dict(show(found[0]))


@view_config(route_name="artists", renderer="json", request_method="GET")
def list_artists(request: Request) -> dict[str, Any]:
    """Artists, by name."""
    return listing(request, artists.MODEL, records.artist, "name", "code")


@view_config(route_name="artist", renderer="json", request_method="GET")
def get_artist(request: Request) -> dict[str, Any]:
    """One artist."""
    return single(request, artists.MODEL, records.artist_whole)


@view_config(route_name="creations", renderer="json", request_method="GET")
def list_creations(request: Request) -> dict[str, Any]:
    """Registered creations, by title."""
    names = ("title", "code", "iswc", "artist.name")
    return listing(request, creations.MODEL, records.creation, *names)


@view_config(route_name="creation", renderer="json", request_method="GET")
def get_creation(request: Request) -> dict[str, Any]:
    """One registered creation."""
    return single(request, creations.MODEL, records.creation_whole)


@view_config(route_name="releases", renderer="json", request_method="GET")
def list_releases(request: Request) -> dict[str, Any]:
    """Published releases, the newest first."""
    names = ("title", "code", "gtin", "artist.name")
    return listing(request, releases.MODEL, records.release, *names)


@view_config(route_name="release", renderer="json", request_method="GET")
def get_release(request: Request) -> dict[str, Any]:
    """One published release."""
    return single(request, releases.MODEL, records.release_whole)


@view_config(route_name="licences", renderer="json", request_method="GET")
def list_licences(request: Request) -> dict[str, Any]:
    """All licences, the freest first."""
    return {"items": [records.licence(one) for one in creations.licences()]}


def body(request: Request) -> dict[str, str]:
    """The object of a JSON body, of texts.  Raises `Problem`."""
    if request.content_type != "application/json":
        raise Problem(415, "Send application/json.")
    try:
        sent = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Problem(400, "This is not JSON.") from None
    if not isinstance(sent, dict) or not all(
        isinstance(value, str) for value in sent.values()
    ):
        raise Problem(422, "Send an object whose values are texts.")
    return sent


@view_config(route_name="tokens", renderer="json", request_method="POST")
def create_token(request: Request) -> dict[str, str] | Response:
    """A token for an address and its password; attempts that fail are counted."""
    sent = body(request)
    missing = [name for name in ("email", "password") if not sent.get(name)]
    if missing:
        errors = [{"field": name, "detail": "is needed"} for name in missing]
        raise Problem(422, "Address and password are needed.", errors=errors)
    request.work.keep = True
    try:
        if any("\x00" in value for value in sent.values()):
            key = None
        else:
            key = web_user.log_in(sent["email"], sent["password"])
    except web_user.TooManyAttempts:
        again = {"Retry-After": "300"}
        return respond(Problem(429, "Too many attempts.", headers=again))
    if key is None:
        challenge = {"WWW-Authenticate": 'Bearer realm="portal"'}
        return respond(
            Problem(401, "Address and password do not fit.", headers=challenge)
        )
    request.response.status_int = 201
    return {"token": key, "token_type": "Bearer"}


def member(request: Request) -> Any:
    """Who asks; with the portal's session, its CSRF token is needed too."""
    if request.identity is None:
        raise HTTPForbidden
    if authenticated_by(request) == SESSION and request.method != "GET":
        check_csrf_token(request, token=None)
    return request.identity


@view_config(route_name="token", request_method="DELETE")
def delete_token(request: Request) -> Response:
    """The token that was sent ends."""
    member(request)
    forget(request)
    return Response(status=204)


@view_config(route_name="uploads", renderer="json", request_method="GET")
def list_uploads(request: Request) -> dict[str, Any]:
    """One's uploads, the newest first."""
    own = contents.own(member(request))
    return listing(request, contents.MODEL, records.upload, "name", "code", domain=own)


@view_config(route_name="upload", renderer="json", request_method="GET")
def get_upload(request: Request) -> dict[str, Any]:
    """One of one's uploads."""
    own = contents.own(member(request))
    uuid = request.matchdict["uuid"]
    found = Pool().get(contents.MODEL).search([*own, ("uuid", "=", uuid)])
    if not found:
        raise Problem(404, "There is no such resource.")
    return records.upload(found[0])


def own_creation(user: Any, code: str) -> Any:
    """The creation of a code, if it belongs to a user.  Raises `Problem`."""
    Creation = Pool().get(creations.MODEL)
    found = Creation.search([creations.own(user.party), ("code", "=", code)])
    if not found:
        errors = [{"field": "creation", "detail": "is none of yours"}]
        raise Problem(422, "There is no such creation.", errors=errors)
    return found[0]


OVERHEAD = 1 << 16
"""How much longer than its file a request may be."""


@view_config(route_name="uploads", renderer="json", request_method="POST")
def create_upload(request: Request) -> dict[str, Any]:
    """Take a ``file``, with its ``category`` and the code of its ``creation``."""
    user = member(request)
    if request.content_type != "multipart/form-data":
        raise Problem(415, "Send multipart/form-data.")
    if (request.content_length or 0) > contents.limit() + OVERHEAD:
        most = contents.limit() // contents.MEGABYTE
        raise Problem(413, f"At most {most} MB are allowed.")
    try:
        sent = request.POST
    except ValueError:
        raise Problem(400, "This is not multipart/form-data.") from None
    file = sent.get("file")
    if not getattr(file, "filename", None):
        errors = [{"field": "file", "detail": "is needed"}]
        raise Problem(422, "A file is needed.", errors=errors)
    category = sent.get("category", "audio")
    if category not in contents.CATEGORIES:
        allowed = ", ".join(contents.CATEGORIES)
        errors = [{"field": "category", "detail": f"must be one of {allowed}"}]
        raise Problem(422, "There is no such category.", errors=errors)
    code = paging.clean(sent.get("creation"))
    try:
        content = contents.receive(
            file.file,
            name=file.filename,
            category=category,
            creation=own_creation(user, code) if code else None,
            user=user,
            files=request.registry.portal.files,
            work=request.work,
        )
    except contents.UploadError as error:
        detail = error.message % error.values if error.values else error.message
        raise Problem(error.status, detail) from error
    request.response.status_int = 201
    request.response.headers["Location"] = request.route_path(
        "upload", uuid=content.uuid
    )
    return records.upload(content)
