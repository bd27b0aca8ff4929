# SPDX-License-Identifier: GPL-3.0-or-later
"""What a place that keeps templates offers: one protocol, two kinds."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from harness.errors import TemplateError
from harness.template.layer import Layer
from harness.template.undo import Outcome

Waiting = Callable[[], None]
"""Called once when somebody else builds the same template."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What is known of a finished template; `size` in bytes, times in seconds."""

    digest: str
    name: str
    parent: str = ""
    series: str = ""
    language: str = "en"
    modules: tuple[str, ...] = ()
    closure: tuple[str, ...] = ()
    created: float = 0.0
    seconds: float = 0.0
    used: float = 0.0
    size: int = 0
    facts: Mapping[str, str] = field(default_factory=dict)

    def dump(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> "Manifest":
        """From JSON; raises `TemplateError` when it is none."""
        try:
            values = json.loads(text)
            for key in ("modules", "closure"):
                values[key] = tuple(values.get(key, ()))
            return cls(**values)
        except (ValueError, TypeError, AttributeError) as error:
            raise TemplateError(f"the manifest of a template is broken: {error}") from (
                error
            )


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A template under construction: a database that nobody can mistake for one."""

    layer: Layer
    database: str


class Shelf(Protocol):
    """Where templates are kept and clones are made."""

    kind: str

    def find(self, digest: str) -> Manifest | None:
        """The finished template, or None."""

    def all(self) -> tuple[Manifest, ...]:
        """All finished templates, the last used first."""

    def claim(
        self, digest: str, *, deadline: float, waiting: Waiting
    ) -> AbstractContextManager[None]:
        """Be the only one, on all machines, who builds `digest`.

        Raises `TemplateError` after `deadline` seconds of waiting.
        """

    def draft(self, layer: Layer) -> Draft:
        """Begin a template, as a copy of its parent's."""

    def publish(self, draft: Draft, manifest: Manifest) -> Manifest:
        """Make the draft a template, in one step."""

    def discard(self, draft: Draft) -> None:
        """Throw an unfinished draft away."""

    def remove(self, digest: str) -> None:
        """Delete a template."""

    def clone(self, digest: str, name: str) -> str:
        """Make a private copy; the database to open."""

    def clean(self, database: str) -> bool:
        """Whether nothing was written to a clone since it was made."""

    def drop(self, database: str) -> None:
        """Delete a clone, ending what is still connected to it."""

    def untracked(self) -> str | None:
        """The reason why no database here can be tracked, or None."""

    def track(self, draft: Draft) -> None:
        """Give a draft its undo log."""

    def mark(self, database: str) -> int:
        """Remember how a tracked clone is now; raises `DatabaseError`."""

    def written(self, database: str) -> str:
        """What was written to a clone between its last two marks, in words."""

    def keep(self, database: str, note: str) -> str:
        """A copy of a clone that stays, for people to look at; nothing if it cannot.

        Sessions of the clone are ended.
        """

    def as_new(self, database: str, mark: int) -> bool:
        """Whether nothing was written to a clone before the mark."""

    def back(self, database: str, mark: int, *, alone: bool = False) -> Outcome:
        """Put a tracked clone back to a mark; see `Undo.back`."""

    def sweep(self) -> tuple[str, ...]:
        """Delete what dead runs left; the names of it."""

    def save(self, digest: str, path: Path) -> None:
        """Write the template's content to a file."""

    def restore(self, draft: Draft, path: Path) -> None:
        """Fill a draft from such a file."""

    def close(self) -> None:
        """Give all connections back."""


def sorted_by_use(manifests: Iterator[Manifest]) -> tuple[Manifest, ...]:
    """The last used first."""
    return tuple(sorted(manifests, key=lambda one: -max(one.used, one.created)))
