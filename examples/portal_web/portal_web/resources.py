# SPDX-License-Identifier: GPL-3.0-or-later
"""Contexts of requests: records of the one who asks, and of nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request
from trytond.pool import Pool

from .models import artist, creation, release

Factory = Callable[[Request], Any]


class Nobody:
    """The context where nobody is logged in; no permission is given there."""


def own(model: str, domain: Callable[[Any], list[Any]]) -> Factory:
    """A factory of the record that the path names, if it belongs to who asks.

    What is not there and what belongs to others looks the same.
    """

    def factory(request: Request) -> Any:
        if request.identity is None:
            return Nobody()
        number = int(request.matchdict["id"])
        records = (
            Pool()
            .get(model)
            .search(["AND", [("id", "=", number)], domain(request.identity.party)])
        )
        if not records:
            raise HTTPNotFound
        return records[0]

    return factory


own_artist = own(artist.MODEL, artist.own)
own_creation = own(creation.MODEL, creation.own)
own_release = own(release.MODEL, release.own)
