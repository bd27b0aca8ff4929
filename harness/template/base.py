# SPDX-License-Identifier: GPL-3.0-or-later
"""What a place that keeps templates offers: one protocol, two kinds."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol, Self

from harness.errors import TemplateError
from harness.template.layer import Layer
from harness.template.undo import ResetOutcome

Waiting = Callable[[], None]
"""Called once when somebody else builds the same template."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What is known of a finished template; `size` in bytes, times in seconds.

    `facts` are what its digest was made of.  `trace` is what its build, and those of
    the layers below, were seen to depend on (`harness.plugins.trace`), and `declared`
    the digest of what else it was made of: None and empty where that cannot be seen.
    """

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
    declared: str = ""
    trace: Mapping[str, str] | None = None

    def dump(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> "Manifest":
        """From JSON; raises `TemplateError` when it is none.

        What a newer harness has written in it, and this one does not know, is left out.
        """
        try:
            values = json.loads(text)
            for key in ("modules", "closure"):
                values[key] = tuple(values.get(key, ()))
            if values.get("trace") is not None:
                values["trace"] = {str(k): str(v) for k, v in values["trace"].items()}
            known = {one.name for one in fields(cls)}
            return cls(**{key: values[key] for key in values if key in known})
        except (ValueError, TypeError, AttributeError) as error:
            raise TemplateError(f"the manifest of a template is broken: {error}") from (
                error
            )


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A template under construction: a database that nobody can mistake for one."""

    layer: Layer
    database: str


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a build read of the project, and its trace, unless nobody looked."""

    read: tuple[str, ...] = ()
    trace: Mapping[str, str] | None = None


class Filling(Protocol):
    """What fills drafts: `harness.template.process.Process`, or programs alone.

    A context manager; one serves one chain.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...

    def kill(self) -> None:
        """End what it has started; the next order starts anew."""

    def order(
        self,
        order: Mapping[str, Any],
        *,
        layer: Layer,
        deadline: float,
        hear: Callable[[Mapping[str, Any]], None],
    ) -> Seen:
        """Fill a draft; what that was seen to depend on.

        Raises `TemplateError` with what failed in which layer.
        """


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

    def use(self, digest: str) -> None:
        """Let nobody remove a template, be it built only later, until `close`."""

    def remove(self, digest: str) -> bool:
        """Delete a template, or what only has its name; False if a run uses it."""

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

    def back(self, database: str, mark: int, *, alone: bool = False) -> ResetOutcome:
        """Put a tracked clone back to a mark; see `Undo.back`."""

    def sweep(self) -> tuple[str, ...]:
        """Delete what dead runs left; the names of it."""

    def save(self, digest: str, path: Path) -> None:
        """Write the template's content to a file."""

    def restore(self, draft: Draft, path: Path, *, trusted: bool = False) -> None:
        """Fill a draft from such a file; by a role without rights unless `trusted`."""

    def close(self) -> None:
        """Give all connections back."""


def whole(text: str | None) -> Manifest | None:
    """The manifest that a text is, if it is one."""
    try:
        return Manifest.parse(text) if text else None
    except TemplateError:
        return None


def sorted_by_use(manifests: Iterator[Manifest]) -> tuple[Manifest, ...]:
    """The last used first."""
    return tuple(sorted(manifests, key=lambda one: -max(one.used, one.created)))
