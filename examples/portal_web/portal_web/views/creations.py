# SPDX-License-Identifier: GPL-3.0-or-later
"""One's creations."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request
from pyramid.view import view_config
from trytond.modules.collecting_society import identifier
from trytond.pool import Pool

from .. import paging
from ..forms import Check, Choice, Choices, Field, Form, Invalid, Number, TextArea
from ..i18n import N_
from ..models import artist as artists
from ..models import creation as model
from .artists import one_of
from .base import attempt, attempt_step, go, page, say

STATES = {
    "draft": N_("Draft"),
    "submitted": N_("Submitted"),
    "registered": N_("Registered"),
    "rejected": N_("Rejected"),
    "withdrawn": N_("Withdrawn"),
}
RIGHTS = {"performing": N_("Performing right"), "mechanical": N_("Mechanical right")}


@view_config(
    route_name="creations",
    renderer="creations.jinja2",
    request_method="GET",
    permission="member",
)
def creations(request: Request) -> dict[str, Any]:
    """The list."""
    query = paging.clean(request.GET.get("q"))
    found = paging.find(
        Pool().get(model.MODEL),
        [
            model.own(request.identity.party),
            paging.containing(query, "title", "code", "iswc", "artist.name"),
        ],
        page=request.GET.get("page"),
        size=request.registry.portal.page_size,
    )
    return {"page": found, "query": query, "states": STATES}


def check_iswc(text: str) -> None:
    """Raises `Invalid`."""
    if not identifier.is_iswc(text):
        raise Invalid(N_("This is not an ISWC: its check digit or its form is wrong."))


def creation_form(request: Request, creation: Any = None) -> Form:
    """All that a creation says itself."""
    user = request.identity
    fields = [
        Field("title", N_("Title"), required=True),
        Choice("artist", N_("Artist"), artists.choices(user.party), required=True),
        Field(
            "iswc",
            N_("ISWC"),
            help=N_("Such as T-034.524.680-1; leave it empty if there is none."),
            check=check_iswc,
        ),
        Check("instrumental", N_("Instrumental, without lyrics")),
        TextArea("lyrics", N_("Lyrics"), longest=20_000),
        Choices("genres", N_("Genres"), model.genre_choices()),
    ]
    initial = {"artist": user.default_artist and user.default_artist.id}
    if creation:
        initial = {field.name: getattr(creation, field.name) for field in fields}
        initial["artist"] = creation.artist.id
        initial["genres"] = [genre.id for genre in creation.genres]
    return Form(fields, request.POST if request.method == "POST" else None, initial)


def validate(form: Form, creation: Any = None) -> bool:
    """Read what was sent; an ISWC is written one way, and belongs to one creation."""
    if form.validate() and form["iswc"]:
        form.values["iswc"] = identifier.format_iswc(form["iswc"])
        if model.iswc_taken(form["iswc"], creation):
            form.reject("iswc", N_("Another creation has this ISWC."))
    return form.good


@view_config(
    route_name="creation_new", renderer="creation_edit.jinja2", permission="member"
)
def new(request: Request) -> Any:
    """Another creation."""
    form = creation_form(request)
    if request.method == "POST" and validate(form):
        creation = attempt(request, form, lambda: model.save(None, form.values))
        if creation:
            say(request, request.translate("The creation is saved."))
            return go(request, "creation", id=creation.id)
    return page(request, form, creation=None)


def check_editable(creation: Any) -> None:
    """Only drafts can be changed; raises `HTTPNotFound`."""
    if not model.editable(creation):
        raise HTTPNotFound


@view_config(
    route_name="creation_edit", renderer="creation_edit.jinja2", permission="member"
)
def edit(creation: Any, request: Request) -> Any:
    """Change it."""
    check_editable(creation)
    form = creation_form(request, creation)
    if request.method == "POST" and validate(form, creation):
        changed = attempt(request, form, lambda: model.save(creation, form.values))
        if changed:
            say(request, request.translate("The creation is saved."))
            return go(request, "creation", id=creation.id)
    return page(request, form, creation=creation)


def contribution_form(request: Request, *, sent: bool) -> Form:
    """Who contributed what, and with which shares."""
    shares = [
        Number(
            kind,
            N_("Performing right, %")
            if kind == "performing"
            else N_("Mechanical right, %"),
            least=model.HUNDRED * 0,
            most=model.HUNDRED,
        )
        for kind in model.KINDS
    ]
    return Form(
        [
            Field(
                "contributor",
                N_("Artist"),
                required=True,
                help=N_("The code, such as A000001, or the whole name."),
            ),
            Choice("role", N_("Role"), model.role_choices(), required=True),
            *shares,
        ],
        request.POST if sent else None,
    )


def licence_form(request: Request, *, sent: bool) -> Form:
    """One of the licences."""
    return Form(
        [Choice("licence", N_("Licence"), model.licence_choices(), required=True)],
        request.POST if sent else None,
    )


def show_page(
    request: Request,
    creation: Any,
    *,
    contribution: Form | None = None,
    licence: Form | None = None,
) -> dict[str, Any]:
    """The page of a creation, with the form that was sent, if one was."""
    contribution = contribution or contribution_form(request, sent=False)
    licence = licence or licence_form(request, sent=False)
    if not (contribution.good and licence.good):
        request.response.status_int = 422
    return {
        "creation": creation,
        "contribution_form": contribution,
        "licence_form": licence,
        "editable": model.editable(creation),
        "shares": model.shares(creation),
        "rights": RIGHTS,
        "states": STATES,
    }


@view_config(
    route_name="creation",
    renderer="creation.jinja2",
    request_method="GET",
    permission="member",
)
def show(creation: Any, request: Request) -> dict[str, Any]:
    """One of them."""
    return show_page(request, creation)


@view_config(
    route_name="creation_contributions",
    renderer="creation.jinja2",
    request_method="POST",
    permission="member",
)
def add_contribution(creation: Any, request: Request) -> Any:
    """Somebody contributed to it."""
    check_editable(creation)
    form = contribution_form(request, sent=True)
    if form.validate():
        artist = one_of(form, "contributor", artists.lookup(form["contributor"]))
        if artist:
            _check_contribution(form, creation, artist)
        if form.good and attempt(
            request,
            form,
            lambda: (
                model.add_contribution(
                    creation,
                    artist,
                    int(form["role"]),
                    {kind: form[kind] for kind in model.KINDS},
                )
                or True
            ),
        ):
            say(request, request.translate("The contribution is saved."))
            return go(request, "creation", id=creation.id)
    return show_page(request, creation, contribution=form)


def _check_contribution(form: Form, creation: Any, artist: Any) -> None:
    role = model.find_role(int(form["role"]))
    if model.contributes(creation, artist, role.id):
        form.reject("role", N_("This artist has this role already."))
    given = [kind for kind in model.KINDS if form[kind]]
    if given and role.kind != "authorship":
        form.reject(given[0], N_("Only authors have rights of a creation."))
        return
    shares = model.shares(creation)
    for kind in given:
        left = model.HUNDRED - shares[kind]
        if form[kind] > left:
            form.reject(kind, N_("Only %(left)s %% are left."), left=left)


@view_config(
    route_name="creation_licences",
    renderer="creation.jinja2",
    request_method="POST",
    permission="member",
)
def add_licence(creation: Any, request: Request) -> Any:
    """Put it under a licence."""
    check_editable(creation)
    form = licence_form(request, sent=True)
    if form.validate():
        number = int(form["licence"])
        if model.licensed(creation, number):
            form.reject("licence", N_("It is under this licence already."))
        elif attempt(
            request, form, lambda: model.add_licence(creation, number) or True
        ):
            say(request, request.translate("The licence is saved."))
            return go(request, "creation", id=creation.id)
    return show_page(request, creation, licence=form)


@view_config(
    route_name="creation_part_remove", request_method="POST", permission="member"
)
def remove_part(creation: Any, request: Request) -> HTTPSeeOther:
    """Take a contribution or a licence away."""
    check_editable(creation)
    parts = request.matchdict
    if not model.remove_part(creation, parts["kind"], int(parts["part"])):
        raise HTTPNotFound
    say(request, request.translate("It is removed."))
    return go(request, "creation", id=creation.id)


DONE = {
    "submit": N_("The creation is submitted."),
    "reopen": N_("The creation is a draft again."),
    "delete": N_("The creation is deleted."),
}


@view_config(route_name="creation_act", request_method="POST", permission="member")
def act(creation: Any, request: Request) -> HTTPSeeOther:
    """Submit it, take it back, delete it."""
    action = request.matchdict["action"]
    states = {"submit": "draft", "reopen": "submitted", "delete": "draft"}
    if creation.state != states[action]:
        raise HTTPNotFound
    number = creation.id
    attempt_step(
        request,
        lambda: model.act(creation, action),
        request.translate(DONE[action]),
    )
    if action == "delete":
        return go(request, "creations")
    return go(request, "creation", id=number)
