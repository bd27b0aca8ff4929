# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images serve, which ones did before, and the dump of an update between."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final, Self

from harness.store import write_atomically

FILE: Final = "releases.json"
CODE: Final = "erpserver"
"""The image whose code updates the database."""


@dataclass(frozen=True, kw_only=True)
class Releases:
    """The ids of images by their targets: of today, and of before."""

    served: Mapping[str, str] = field(default_factory=dict)
    former: Mapping[str, str] = field(default_factory=dict)
    dump: str = ""
    """The backup that was made before the database was updated last …"""
    updated: str = ""
    """… by the code of this image."""

    @classmethod
    def read(cls, place: Path) -> Self:
        """Those of a stack; none where nothing has been written, or nonsense."""
        try:
            return cls(**json.loads((place / FILE).read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return cls()

    def write(self, place: Path) -> None:
        """Write them down, whole."""
        write_atomically(place / FILE, json.dumps(asdict(self), indent=1) + "\n")

    def after(self, now: Mapping[str, str]) -> Self:
        """When `now` serve: all that served before is the former release.

        Of a service that did not change, too: one goes back to what went together.
        """
        if now.items() <= self.served.items():
            return self
        return replace(self, served={**self.served, **now}, former=self.served)

    def goal(self, current: Mapping[str, str]) -> dict[str, str]:
        """The images to go back to, where the names are those of `current` ones.

        What serves, where something else was built since or has failed to serve; else
        what did before.
        """
        for known in (self.served, self.former):
            found = {
                name: known[name]
                for name, one in current.items()
                if known.get(name, one) != one
            }
            if found:
                return found
        return {}

    def dump_of(self, current: Mapping[str, str]) -> str:
        """The dump that code of before goes with; none if ours did not update it."""
        return self.dump if self.updated == current.get(CODE, "") else ""
