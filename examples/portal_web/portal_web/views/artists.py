# SPDX-License-Identifier: GPL-3.0-or-later
"""One's artists."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request
from pyramid.view import view_config
from trytond.pool import Pool

from .. import paging
from ..forms import Choice, Field, Form, TextArea
from ..i18n import N_
from ..models import artist as model
from .base import attempt, attempt_step, go, page, say

KINDS = [("solo", N_("Solo artist")), ("group", N_("Group"))]


@view_config(
    route_name="artists",
    renderer="artists.jinja2",
    request_method="GET",
    permission="member",
)
def artists(request: Request) -> dict[str, Any]:
    """The list."""
    query = paging.clean(request.GET.get("q"))
    found = paging.find(
        Pool().get(model.MODEL),
        [model.own(request.identity.party), paging.containing(query, "name", "code")],
        page=request.GET.get("page"),
        size=request.registry.portal.page_size,
    )
    return {"page": found, "query": query}


def artist_form(request: Request, artist: Any = None) -> Form:
    """Name and description; whether it is a group is said once."""
    fields: list[Field] = [
        Field("name", N_("Name"), required=True),
        TextArea("description", N_("Description")),
    ]
    if artist is None:
        fields.insert(1, Choice("kind", N_("Kind"), KINDS, required=True))
    initial = {"name": artist.name, "description": artist.description} if artist else {}
    sent = request.POST if request.method == "POST" else None
    return Form(fields, sent, initial or {"kind": "solo"})


@view_config(
    route_name="artist_new", renderer="artist_edit.jinja2", permission="member"
)
def new(request: Request) -> Any:
    """Another artist."""
    form = artist_form(request)
    if request.method == "POST" and form.validate():
        artist = attempt(
            request,
            form,
            lambda: model.create(
                request.identity.party,
                name=form["name"],
                group=form["kind"] == "group",
                description=form["description"],
            ),
        )
        if artist:
            say(request, request.translate("The artist is saved."))
            return go(request, "artist", id=artist.id)
    return page(request, form, artist=None)


@view_config(
    route_name="artist_edit", renderer="artist_edit.jinja2", permission="member"
)
def edit(artist: Any, request: Request) -> Any:
    """Change it."""
    form = artist_form(request, artist)
    if request.method == "POST" and form.validate():
        changed = attempt(
            request,
            form,
            lambda: (
                model.change(artist, name=form["name"], description=form["description"])
                or True
            ),
        )
        if changed:
            say(request, request.translate("The artist is saved."))
            return go(request, "artist", id=artist.id)
    return page(request, form, artist=artist)


def member_form(request: Request) -> Form:
    """Who is asked into a group."""
    return Form(
        [
            Field(
                "member",
                N_("Artist"),
                required=True,
                help=N_("The code, such as A000001, or the whole name."),
            ),
            Field("instrument", N_("Instrument")),
        ],
        request.POST if request.method == "POST" else None,
    )


@view_config(
    route_name="artist",
    renderer="artist.jinja2",
    request_method="GET",
    permission="member",
)
def show(artist: Any, request: Request) -> dict[str, Any]:
    """One of them."""
    return page(request, member_form(request), artist=artist)


def one_of(form: Form, name: str, found: list[Any]) -> Any:
    """The one that is meant; None with the reason in the form."""
    if len(found) == 1:
        return found[0]
    form.reject(
        name,
        N_("Several have this name: give the code.") if found else N_("There is none."),
    )
    return None


@view_config(
    route_name="artist_members",
    renderer="artist.jinja2",
    request_method="POST",
    permission="member",
)
def add_member(artist: Any, request: Request) -> Any:
    """Ask another artist into the group."""
    form = member_form(request)
    if not artist.group:
        raise HTTPNotFound
    if form.validate():
        member = one_of(form, "member", model.lookup(form["member"]))
        if member and member.group:
            form.reject("member", N_("A group cannot be a member of a group."))
        elif member and any(one.member.id == member.id for one in artist.members):
            form.reject("member", N_("This artist is in the list already."))
        elif member and attempt(
            request,
            form,
            lambda: model.add_member(
                artist,
                member,
                instrument=form["instrument"],
                party=request.identity.party,
            ),
        ):
            say(request, request.translate("The member is saved."))
            return go(request, "artist", id=artist.id)
    return page(request, form, artist=artist)


@view_config(
    route_name="artist_member_remove", request_method="POST", permission="member"
)
def remove_member(artist: Any, request: Request) -> HTTPSeeOther:
    """A member leaves."""
    membership = model.find_membership(artist, int(request.matchdict["part"]))
    if membership is None:
        raise HTTPNotFound
    attempt_step(
        request,
        lambda: model.remove_member(membership),
        request.translate("The member is removed."),
    )
    return go(request, "artist", id=artist.id)
