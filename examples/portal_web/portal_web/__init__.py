# SPDX-License-Identifier: GPL-3.0-or-later
"""Portal and API of a collecting society: two WSGI applications on one Tryton."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.router import Router

from . import mailer
from .settings import Settings, load
from .tdb import Tdb


def main(global_config: Mapping[str, Any] | None = None, **settings: Any) -> Router:
    """The application of the setting ``service``: ``portal`` or ``api``.

    Settings that are not given are read from the environment, now.
    Raises `portal_web.settings.SettingsError` for those that are missing or wrong.
    """
    return make(load(settings, os.environ))


def make(settings: Settings) -> Router:
    """The application that the settings describe."""
    config = Configurator(
        settings={
            "portal_web.retries": settings.retries,
            "jinja2.trim_blocks": True,
            "jinja2.lstrip_blocks": True,
            "jinja2.undefined": "strict",
        }
    )
    config.registry.portal = settings
    config.registry.tdb = Tdb(settings.database, user=settings.user)
    config.registry.mailer = mailer.choose(settings)
    config.include("portal_web.i18n")
    config.include("portal_web.security")
    config.include("portal_web.tdb")
    config.include(
        "portal_web.views" if settings.service == "portal" else "portal_web.api"
    )
    return config.make_wsgi_app()
