# SPDX-License-Identifier: GPL-3.0-or-later
"""One's releases."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request
from pyramid.view import view_config
from trytond.modules.collecting_society import identifier
from trytond.pool import Pool

from .. import paging
from ..forms import Choice, Date, Duration, Field, Form, Invalid
from ..i18n import N_
from ..models import artist as artists
from ..models import creation as creations
from ..models import release as model
from .artists import one_of
from .base import attempt, attempt_step, go, page, say

STATES = {
    "draft": N_("Draft"),
    "announced": N_("Announced"),
    "published": N_("Published"),
    "withdrawn": N_("Withdrawn"),
}
TYPES = {"single": N_("Single"), "ep": N_("EP"), "album": N_("Album")}


@view_config(
    route_name="releases",
    renderer="releases.jinja2",
    request_method="GET",
    permission="member",
)
def releases(request: Request) -> dict[str, Any]:
    """The list."""
    query = paging.clean(request.GET.get("q"))
    found = paging.find(
        Pool().get(model.MODEL),
        [
            model.own(request.identity.party),
            paging.containing(query, "title", "code", "gtin", "artist.name"),
        ],
        page=request.GET.get("page"),
        size=request.registry.portal.page_size,
    )
    return {"page": found, "query": query, "states": STATES, "types": TYPES}


def check_gtin(text: str) -> None:
    """Raises `Invalid`."""
    if not identifier.is_gtin(text):
        raise Invalid(N_("This is not a GTIN: its check digit or its length is wrong."))


def check_isrc(text: str) -> None:
    """Raises `Invalid`."""
    if not identifier.is_isrc(text):
        raise Invalid(N_("This is not an ISRC."))


def release_form(request: Request, release: Any = None) -> Form:
    """All that a release says itself."""
    user = request.identity
    fields = [
        Field("title", N_("Title"), required=True),
        Choice("artist", N_("Artist"), artists.choices(user.party), required=True),
        Choice("type", N_("Type"), TYPES.items(), required=True),
        Date("release_date", N_("Release date")),
        Field(
            "gtin",
            N_("GTIN"),
            help=N_("The number below the bar code, if there is one."),
            check=check_gtin,
        ),
    ]
    initial = {
        "artist": user.default_artist and user.default_artist.id,
        "type": "album",
    }
    if release:
        initial = {field.name: getattr(release, field.name) for field in fields}
        initial["artist"] = release.artist.id
    return Form(fields, request.POST if request.method == "POST" else None, initial)


def validate(form: Form, release: Any = None) -> bool:
    """Read what was sent; a GTIN belongs to one release."""
    if form.validate() and form["gtin"]:
        form.values["gtin"] = identifier.compact(form["gtin"])
        if model.gtin_taken(form["gtin"], release):
            form.reject("gtin", N_("Another release has this GTIN."))
    return form.good


@view_config(
    route_name="release_new", renderer="release_edit.jinja2", permission="member"
)
def new(request: Request) -> Any:
    """Another release."""
    form = release_form(request)
    if request.method == "POST" and validate(form):
        release = attempt(request, form, lambda: model.save(None, form.values))
        if release:
            say(request, request.translate("The release is saved."))
            return go(request, "release", id=release.id)
    return page(request, form, release=None)


def check_editable(release: Any) -> None:
    """Only drafts can be changed; raises `HTTPNotFound`."""
    if not model.editable(release):
        raise HTTPNotFound


@view_config(
    route_name="release_edit", renderer="release_edit.jinja2", permission="member"
)
def edit(release: Any, request: Request) -> Any:
    """Change it."""
    check_editable(release)
    form = release_form(request, release)
    if request.method == "POST" and validate(form, release):
        changed = attempt(request, form, lambda: model.save(release, form.values))
        if changed:
            say(request, request.translate("The release is saved."))
            return go(request, "release", id=release.id)
    return page(request, form, release=release)


def track_form(request: Request) -> Form:
    """What is on a release."""
    return Form(
        [
            Field(
                "creation",
                N_("Creation"),
                required=True,
                help=N_("The code, such as C00000001, the ISWC, or the whole title."),
            ),
            Field("title", N_("Title"), help=N_("If it differs from the creation's.")),
            Duration("duration", N_("Duration"), help=N_("Such as 3:25.")),
            Field(
                "isrc",
                N_("ISRC"),
                help=N_("Such as DE-X12-25-00001."),
                check=check_isrc,
            ),
        ],
        request.POST if request.method == "POST" else None,
    )


def show_page(request: Request, release: Any, form: Form) -> dict[str, Any]:
    """The page of a release."""
    return page(
        request,
        form,
        release=release,
        editable=model.editable(release),
        states=STATES,
        types=TYPES,
    )


@view_config(
    route_name="release",
    renderer="release.jinja2",
    request_method="GET",
    permission="member",
)
def show(release: Any, request: Request) -> dict[str, Any]:
    """One of them."""
    return show_page(request, release, track_form(request))


@view_config(
    route_name="release_tracks",
    renderer="release.jinja2",
    request_method="POST",
    permission="member",
)
def add_track(release: Any, request: Request) -> Any:
    """Another track, at the end."""
    check_editable(release)
    form = track_form(request)
    if form.validate():
        found = creations.lookup(form["creation"])
        party = request.identity.party
        seen = [
            one
            for one in found
            if one.state == "registered"
            or (one.artist.party and one.artist.party.id == party.id)
        ]
        creation = one_of(form, "creation", seen)
        values = {key: form[key] for key in ("title", "duration", "isrc")}
        if values["isrc"]:
            values["isrc"] = identifier.format_isrc(values["isrc"])
        if creation and attempt(
            request, form, lambda: model.add_track(release, creation, values) or True
        ):
            say(request, request.translate("The track is saved."))
            return go(request, "release", id=release.id)
    return show_page(request, release, form)


@view_config(
    route_name="release_track_remove", request_method="POST", permission="member"
)
def remove_track(release: Any, request: Request) -> HTTPSeeOther:
    """Take a track away."""
    check_editable(release)
    if not model.remove_track(release, int(request.matchdict["part"])):
        raise HTTPNotFound
    say(request, request.translate("It is removed."))
    return go(request, "release", id=release.id)


DONE = {
    "announce": N_("The release is announced."),
    "revise": N_("The release is a draft again."),
    "publish": N_("The release is published."),
    "withdraw": N_("The release is withdrawn."),
    "delete": N_("The release is deleted."),
}
FROM = {
    "announce": "draft",
    "revise": "announced",
    "publish": "announced",
    "withdraw": "published",
    "delete": "draft",
}


@view_config(route_name="release_act", request_method="POST", permission="member")
def act(release: Any, request: Request) -> HTTPSeeOther:
    """A step of its workflow."""
    action = request.matchdict["action"]
    if release.state != FROM[action]:
        raise HTTPNotFound
    number = release.id
    attempt_step(
        request,
        lambda: model.act(release, action),
        request.translate(DONE[action]),
    )
    if action == "delete":
        return go(request, "releases")
    return go(request, "release", id=number)
