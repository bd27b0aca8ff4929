# SPDX-License-Identifier: GPL-3.0-or-later
"""Creations, with contributions, their rights, and licences."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from trytond.pool import Pool
from trytond.tools import escape_wildcard

MODEL = "collecting_society.creation"
KINDS = ("performing", "mechanical")
HUNDRED = Decimal(100)


def own(party: Any) -> list[Any]:
    """The domain of the creations of a party."""
    return [("artist.party", "=", party.id)]


def editable(creation: Any) -> bool:
    """Whether its party may still change it."""
    return bool(creation.state == "draft")


def choices(party: Any) -> list[tuple[str, str]]:
    """The creations of a party, for a form."""
    creations = Pool().get(MODEL).search(own(party))
    return [(str(c.id), f"{c.title} [{c.code}]") for c in creations]


def lookup(text: str) -> list[Any]:
    """The creations of a code or ISWC, else those of a title, whatever its case."""
    Creation = Pool().get(MODEL)
    return list(
        Creation.search(["OR", ("code", "=", text), ("iswc", "=", text)], limit=2)
        or Creation.search([("title", "ilike", escape_wildcard(text))], limit=2)
    )


def genre_choices() -> list[tuple[str, str]]:
    """All genres, for a form."""
    genres = Pool().get("collecting_society.genre").search([])
    return sorted(((str(g.id), g.rec_name) for g in genres), key=lambda pair: pair[1])


def role_choices() -> list[tuple[str, str]]:
    """All roles of contributors, for a form."""
    roles = Pool().get("collecting_society.contribution.role").search([])
    return [(str(role.id), role.name) for role in roles]


def licence_choices() -> list[tuple[str, str]]:
    """All licences, the freest first, for a form."""
    return [(str(one.id), one.rec_name) for one in licences()]


def licences() -> list[Any]:
    """All licences, the freest first."""
    return list(Pool().get("collecting_society.licence").search([]))


def iswc_taken(iswc: str, creation: Any = None) -> bool:
    """Whether another creation has the ISWC."""
    domain: list[Any] = [("iswc", "=", iswc)]
    if creation:
        domain.append(("id", "!=", creation.id))
    Creation = Pool().get(MODEL)
    return bool(Creation.search(domain, limit=1))


def save(creation: Any, values: dict[str, Any]) -> Any:
    """Write a creation; a new one for None."""
    Creation = Pool().get(MODEL)
    wanted = {int(one) for one in values["genres"]}
    present = {genre.id for genre in creation.genres} if creation else set()
    values = {
        **values,
        "artist": int(values["artist"]),
        "genres": [
            ("add", sorted(wanted - present)),
            ("remove", sorted(present - wanted)),
        ],
    }
    if values["instrumental"]:
        values["lyrics"] = None
    if creation is None:
        (creation,) = Creation.create([values])
    else:
        Creation.write([creation], values)
    return creation


def shares(creation: Any) -> dict[str, Decimal]:
    """How much of each kind of right is distributed."""
    found = dict.fromkeys(KINDS, Decimal(0))
    for right in creation.rights:
        found[right.kind] = found.get(right.kind, Decimal(0)) + right.share
    return found


def contributes(creation: Any, artist: Any, role: int) -> bool:
    """Whether an artist has a role in it already."""
    return any(
        one.artist.id == artist.id and one.role.id == role
        for one in creation.contributions
    )


def find_role(number: int) -> Any:
    """The role with an id."""
    return Pool().get("collecting_society.contribution.role")(number)


def add_contribution(
    creation: Any, artist: Any, role: int, rights: dict[str, Any]
) -> None:
    """An artist contributed to it, and has rights of these shares."""
    Contribution = Pool().get("collecting_society.contribution")
    given = [{"kind": kind, "share": share} for kind, share in rights.items() if share]
    Contribution.create(
        [
            {
                "creation": creation.id,
                "artist": artist.id,
                "role": role,
                "rights": [("create", given)] if given else None,
            }
        ]
    )


def remove_part(creation: Any, kind: str, number: int) -> bool:
    """Take a contribution or a licence away; whether there was one."""
    names = {
        "contributions": "collecting_society.contribution",
        "licences": "collecting_society.creation.licence",
    }
    found = [one for one in getattr(creation, kind) if one.id == number]
    Pool().get(names[kind]).delete(found)
    return bool(found)


def licensed(creation: Any, licence: int) -> bool:
    """Whether it is under a licence already."""
    return any(one.licence.id == licence for one in creation.licences)


def add_licence(creation: Any, licence: int) -> None:
    """Put it under a licence, in the whole world."""
    Pool().get("collecting_society.creation.licence").create(
        [{"creation": creation.id, "licence": licence}]
    )


def act(creation: Any, action: str) -> None:
    """One of the steps of its workflow."""
    getattr(Pool().get(MODEL), action)([creation])
