# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether views of Tryton pass their check now (`harness.plugins.views`)."""

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness import proc
from harness.store import Store, write_atomically
from harness.template import digest, packages

KEPT: Final = 2000
"""Contents that are known to pass."""
PATIENCE: Final = 60.0
"""Seconds that the check may take."""


@dataclass(frozen=True, kw_only=True)
class Views:
    """Asks trytond, in a process without a database; once for each content."""

    store: Store
    root: Path
    """What the files of facts are relative to."""
    python: Path
    """That of the suite's environment."""
    site: Path
    env: Mapping[str, str]

    def __call__(self, facts: Iterable[str]) -> bool:
        """Whether all of these pass; what cannot be read does not."""
        versions = packages.versions(self.site, ["trytond"])
        wanted: dict[str, tuple[str, str]] = {}
        try:
            for fact in facts:
                _, type_, path = fact.split(" ", 2)
                content = (self.root / path).read_bytes()
                key = digest.combine(digest.text(content), {**versions, "type": type_})
                wanted[key] = type_, content.decode("utf-8")
        except (OSError, ValueError):
            return False
        known = self._known()
        new = [one for key, one in wanted.items() if key not in known]
        if not new:
            return True
        if not self._passes(new):
            return False
        kept = [*known, *(key for key in wanted if key not in known)][-KEPT:]
        write_atomically(self._file, "\n".join(kept))
        return True

    def _passes(self, views: list[tuple[str, str]]) -> bool:
        argv = [str(self.python), "-W", "ignore", "-m", "harness.plugins.views"]
        quiet = proc.DEVNULL
        with proc.Child(
            argv, env=self.env, stdin=proc.PIPE, stdout=quiet, stderr=quiet
        ) as child:
            assert child.process.stdin is not None
            with contextlib.suppress(OSError):  # it has ended: its code says why
                child.process.stdin.write(json.dumps(views).encode())
                child.process.stdin.close()
            return child.ended(within=PATIENCE) and child.code() == 0

    @property
    def _file(self) -> Path:
        return self.store.path / "views"

    def _known(self) -> list[str]:
        try:
            return self._file.read_text("utf-8").split()
        except OSError:
            return []
