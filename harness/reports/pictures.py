# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures that a page has in itself, as long as there is room for them."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.model import Evidence
from harness.reports import film

IMAGE: Final = 3 * 2**20
"""Bytes of a picture that the page takes in; larger ones are only linked."""
IMAGES: Final = 24 * 2**20
"""Bytes of all pictures together."""
PICTURES: Final = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
    ".gif": "image/gif", ".webp": "image/webp",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A piece of evidence; `data` is an address with the picture itself, or empty."""

    evidence: Evidence
    data: str


@dataclass(frozen=True, kw_only=True)
class FilmFrame:
    """A scene of a film; `data` as in `Shown`."""

    scene: film.Scene
    data: str


class Pictures:
    """Takes pictures into the page as long as there is room for them."""

    def __init__(self, directory: Path | None) -> None:
        self.directory = directory
        self.room = IMAGES

    def shown(self, evidence: Iterable[Evidence]) -> Iterable[Shown]:
        for one in evidence:
            yield Shown(evidence=one, data=self._data(one))

    def frames(self, scenes: Iterable[film.Scene]) -> Iterable[FilmFrame]:
        for one in scenes:
            yield FilmFrame(
                scene=one, data=self._data(one.picture) if one.picture else ""
            )

    def _data(self, one: Evidence) -> str:
        kind = PICTURES.get(Path(one.file).suffix.lower())
        if kind is None or self.directory is None or not one.file:
            return ""
        try:
            content = (self.directory / one.file).read_bytes()
        except OSError:
            return ""
        if len(content) > min(IMAGE, self.room):
            return ""
        self.room -= len(content)
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"
