# SPDX-License-Identifier: GPL-3.0-or-later
"""Artists: solo and groups."""

from __future__ import annotations

from typing import Any

from trytond.pool import Pool
from trytond.tools import escape_wildcard

MODEL = "collecting_society.artist"


def own(party: Any) -> list[Any]:
    """The domain of the artists of a party."""
    return [("party", "=", party.id)]


def list_own(party: Any) -> list[Any]:
    """All artists of a party."""
    return list(Pool().get(MODEL).search(own(party)))


def choices(party: Any) -> list[tuple[str, str]]:
    """The artists of a party, for a form."""
    return [(str(artist.id), artist.rec_name) for artist in list_own(party)]


def lookup(text: str) -> list[Any]:
    """The artists of a code, else those of a name, whatever its case."""
    Artist = Pool().get(MODEL)
    return list(
        Artist.search([("code", "=", text)], limit=2)
        or Artist.search([("name", "ilike", escape_wildcard(text))], limit=2)
    )


def create(party: Any, *, name: str, group: bool, description: str | None) -> Any:
    """A new artist, which its party claims."""
    Artist = Pool().get(MODEL)
    artist = Artist(name=name, group=group, description=description, party=party)
    artist.save()
    Artist.claim([artist])
    return artist


def change(artist: Any, *, name: str, description: str | None) -> None:
    """Write what its party says of an artist."""
    artist.name = name
    artist.description = description
    artist.save()


def add_member(group: Any, member: Any, *, instrument: str | None, party: Any) -> Any:
    """Ask a solo artist into a group; those of the same party are members at once."""
    Membership = Pool().get("collecting_society.artist.membership")
    membership = Membership(group=group, member=member, instrument=instrument)
    membership.save()
    if member.party and member.party.id == party.id:
        Membership.approve([membership])
    return membership


def find_membership(group: Any, number: int) -> Any:
    """A membership of a group, or None."""
    found = [one for one in group.members if one.id == number]
    return found[0] if found else None


def remove_member(membership: Any) -> None:
    """A member leaves; who was only asked is asked no more."""
    Membership = Pool().get("collecting_society.artist.membership")
    if membership.state == "approved":
        Membership.leave([membership])
    else:
        Membership.delete([membership])
