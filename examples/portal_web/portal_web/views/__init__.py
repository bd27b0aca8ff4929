# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of the portal."""

from __future__ import annotations

from pyramid.config import Configurator
from pyramid.events import BeforeRender

from .. import resources
from ..forms import show_duration

ID = r"{id:\d{1,9}}"
PART = r"{part:\d{1,9}}"


def add_routes(config: Configurator) -> None:
    """All addresses."""
    add = config.add_route
    add("home", "/")
    add("health", "/health")
    add("licences", "/licences")
    add("repertoire", "/repertoire")
    add("language", "/language")
    add("register", "/register")
    add("verify", r"/verify/{token:[A-Za-z0-9_-]{8,128}}")
    add("login", "/login")
    add("logout", "/logout")
    add("profile", "/profile")
    add("password", "/profile/password")

    add("artists", "/artists")
    add("artist_new", "/artists/new")
    own = {"factory": resources.own_artist}
    add("artist", f"/artists/{ID}", **own)
    add("artist_edit", f"/artists/{ID}/edit", **own)
    add("artist_members", f"/artists/{ID}/members", **own)
    add("artist_member_remove", f"/artists/{ID}/members/{PART}/remove", **own)

    add("creations", "/creations")
    add("creation_new", "/creations/new")
    own = {"factory": resources.own_creation}
    add("creation", f"/creations/{ID}", **own)
    add("creation_edit", f"/creations/{ID}/edit", **own)
    add("creation_contributions", f"/creations/{ID}/contributions", **own)
    add("creation_licences", f"/creations/{ID}/licences", **own)
    add(
        "creation_part_remove",
        f"/creations/{ID}/{{kind:contributions|licences}}/{PART}/remove",
        **own,
    )
    add("creation_act", f"/creations/{ID}/{{action:submit|reopen|delete}}", **own)

    add("releases", "/releases")
    add("release_new", "/releases/new")
    own = {"factory": resources.own_release}
    add("release", f"/releases/{ID}", **own)
    add("release_edit", f"/releases/{ID}/edit", **own)
    add("release_tracks", f"/releases/{ID}/tracks", **own)
    add("release_track_remove", f"/releases/{ID}/tracks/{PART}/remove", **own)
    add(
        "release_act",
        f"/releases/{ID}/{{action:announce|revise|publish|withdraw|delete}}",
        **own,
    )

    add("uploads", "/uploads")
    add("upload_new", "/uploads/new")


def add_globals(event: BeforeRender) -> None:
    """What every page knows."""
    event["show_duration"] = show_duration
    try:
        event["here"] = event["request"].path_qs
    except UnicodeDecodeError:  # an address that is no text, on its error page
        event["here"] = ""


def includeme(config: Configurator) -> None:
    """Routes, views, templates, and the token that each POST must have."""
    config.include("pyramid_jinja2")
    config.add_jinja2_search_path("portal_web:templates", name=".jinja2")
    config.set_default_csrf_options(require_csrf=True)
    config.add_static_view("static", "portal_web:static", cache_max_age=3600)
    config.add_subscriber(add_globals, BeforeRender)
    add_routes(config)
    config.scan("portal_web.views")
