# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that go from one part to the other."""

from dataclasses import dataclass

WORKING = ("uploaded", "preprocessed", "checksummed", "fingerprinted")
"""States in which a content waits for the worker."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What the worker knows of a record."""

    id: int
    uuid: str
    name: str
    state: str
    category: str
    size: int | None
    """Bytes that the receiver has announced."""
    data: int
    """Bytes that the record itself has."""
    checksum: str | None


@dataclass(frozen=True, kw_only=True)
class Digest:
    """Size and SHA-256 of a file."""

    size: int
    code: str


@dataclass(frozen=True, kw_only=True)
class Sound:
    """What a file of audio says about itself."""

    kind: str
    mime_type: str
    seconds: float
    rate: int
    channels: int
    lossless: bool


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What tells a recording from others, whatever file it is in."""

    algorithm: str
    version: str
    code: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that an operator should know."""

    kind: str
    uuid: str
    text: str
