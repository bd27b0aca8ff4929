# SPDX-License-Identifier: GPL-3.0-or-later
"""Records as the API shows them."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def _reference(record: Any, name: str) -> Json | None:
    return {"code": record.code, name: getattr(record, name)} if record else None


def artist(record: Any) -> Json:
    """An artist in a list."""
    return {"code": record.code, "name": record.name, "group": bool(record.group)}


def artist_whole(record: Any) -> Json:
    """An artist by itself."""
    return {
        **artist(record),
        "description": record.description or None,
        "genres": [genre.rec_name for genre in record.genres],
        "members": [artist(one) for one in record.solo_artists],
    }


def creation(record: Any) -> Json:
    """A creation in a list."""
    return {
        "code": record.code,
        "title": record.title,
        "artist": _reference(record.artist, "name"),
        "iswc": record.iswc or None,
    }


def creation_whole(record: Any) -> Json:
    """A creation by itself; who has which share is not for everybody."""
    return {
        **creation(record),
        "instrumental": bool(record.instrumental),
        "genres": [genre.rec_name for genre in record.genres],
        "licences": [one.licence.code for one in record.licences],
        "contributions": [
            {"artist": _reference(one.artist, "name"), "role": one.role.code}
            for one in record.contributions
        ],
        "releases": [
            _reference(track.release, "title")
            for track in record.tracks
            if track.release.state == "published"
        ],
    }


def release(record: Any) -> Json:
    """A release in a list."""
    return {
        "code": record.code,
        "title": record.title,
        "type": record.type,
        "artist": _reference(record.artist, "name"),
        "gtin": record.gtin or None,
        "release_date": record.release_date,
    }


def release_whole(record: Any) -> Json:
    """A release by itself."""
    return {
        **release(record),
        "duration": record.duration,
        "tracks": [
            {
                "title": track.title,
                "artist": _reference(track.artist, "name"),
                "creation": _reference(track.creation, "title"),
                "isrc": track.isrc or None,
                "duration": track.duration,
            }
            for track in record.tracks
        ],
    }


def licence(record: Any) -> Json:
    """A licence."""
    return {
        "code": record.code,
        "name": record.rec_name,
        "link": record.link or None,
        "freedom_rank": record.freedom_rank,
        "commercial": bool(record.commercial),
        "derivatives": bool(record.derivatives),
        "share_alike": bool(record.share_alike),
    }


def upload(record: Any) -> Json:
    """An upload, for its owner."""
    return {
        "uuid": record.uuid,
        "code": record.code,
        "name": record.name,
        "category": record.category,
        "mime_type": record.mime_type,
        "size": record.size,
        "creation": _reference(record.creation, "title"),
        "state": record.processing_state,
        "rejection_reason": record.rejection_reason,
    }
