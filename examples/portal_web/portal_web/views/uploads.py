# SPDX-License-Identifier: GPL-3.0-or-later
"""One's uploads."""

from __future__ import annotations

from typing import Any

from pyramid.request import Request
from pyramid.view import view_config
from trytond.pool import Pool

from .. import media, paging
from ..forms import Choice, Form, Upload
from ..i18n import N_
from ..models import content as model
from ..models import creation as creations
from .base import attempt, go, page, say

STATES = {
    "uploaded": N_("Uploaded"),
    "preprocessed": N_("Checked"),
    "checksummed": N_("Checksum taken"),
    "fingerprinted": N_("Fingerprint taken"),
    "archived": N_("Archived"),
    "rejected": N_("Rejected"),
    "dropped": N_("Dropped"),
}
CATEGORIES = {
    media.AUDIO: N_("Audio"),
    media.SHEET: N_("Sheet music"),
    media.LYRICS: N_("Lyrics"),
}


@view_config(
    route_name="uploads",
    renderer="uploads.jinja2",
    request_method="GET",
    permission="member",
)
def uploads(request: Request) -> dict[str, Any]:
    """The list, the newest first."""
    query = paging.clean(request.GET.get("q"))
    found = paging.find(
        Pool().get(model.MODEL),
        [
            model.own(request.identity),
            paging.containing(query, "name", "code", "creation.title"),
        ],
        page=request.GET.get("page"),
        size=request.registry.portal.page_size,
    )
    return {"page": found, "query": query, "states": STATES, "categories": CATEGORIES}


def upload_form(request: Request) -> Form:
    """A file, what it is, and what it belongs to."""
    return Form(
        [
            Choice("category", N_("Category"), CATEGORIES.items(), required=True),
            Choice(
                "creation", N_("Creation"), creations.choices(request.identity.party)
            ),
            Upload(
                "file",
                N_("File"),
                required=True,
                help=N_(
                    "Audio: WAV, AIFF, FLAC, Ogg or MP3. Sheet music: PDF or MusicXML. "
                    "Lyrics: plain text."
                ),
            ),
        ],
        request.POST if request.method == "POST" else None,
        {"category": media.AUDIO},
    )


@view_config(route_name="upload_new", renderer="upload_new.jinja2", permission="member")
def new(request: Request) -> Any:
    """Take a file."""
    form = upload_form(request)
    most = model.limit() // model.MEGABYTE
    if request.method == "POST" and form.validate():
        number = form["creation"]
        creation = Pool().get(creations.MODEL)(int(number)) if number else None
        try:
            content = attempt(
                request,
                form,
                lambda: model.receive(
                    form["file"].file,
                    name=form["file"].filename,
                    category=form["category"],
                    creation=creation,
                    user=request.identity,
                    files=request.registry.portal.files,
                    work=request.work,
                ),
            )
        except model.UploadError as error:
            form.reject("file", error.message, **error.values)
            content = None
        if content:
            say(request, request.translate("The file is uploaded."))
            return go(request, "uploads")
    return page(request, form, most=most)
