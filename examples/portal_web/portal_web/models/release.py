# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases and their tracks."""

from __future__ import annotations

from typing import Any

from trytond.pool import Pool

MODEL = "collecting_society.release"


def own(party: Any) -> list[Any]:
    """The domain of the releases of a party."""
    return [("artist.party", "=", party.id)]


def editable(release: Any) -> bool:
    """Whether its party may still change it."""
    return bool(release.state == "draft")


def gtin_taken(gtin: str, release: Any = None) -> bool:
    """Whether another release has the GTIN."""
    domain: list[Any] = [("gtin", "=", gtin)]
    if release:
        domain.append(("id", "!=", release.id))
    return bool(Pool().get(MODEL).search(domain, limit=1))


def save(release: Any, values: dict[str, Any]) -> Any:
    """Write a release; a new one for None."""
    Release = Pool().get(MODEL)
    values = {**values, "artist": int(values["artist"])}
    if release is None:
        (release,) = Release.create([values])
    else:
        Release.write([release], values)
    return release


def add_track(release: Any, creation: Any, values: dict[str, Any]) -> None:
    """Put a creation at the end of a release."""
    last = max((track.sequence or 0 for track in release.tracks), default=0)
    Pool().get("collecting_society.track").create(
        [
            {
                "release": release.id,
                "creation": creation.id,
                "artist": creation.artist.id,
                **values,
                "title": values["title"] or creation.title,
                "sequence": last + 1,
            }
        ]
    )


def remove_track(release: Any, number: int) -> bool:
    """Take a track away; whether there was one."""
    found = [track for track in release.tracks if track.id == number]
    Pool().get("collecting_society.track").delete(found)
    return bool(found)


def act(release: Any, action: str) -> None:
    """One of the steps of its workflow."""
    getattr(Pool().get(MODEL), action)([release])
