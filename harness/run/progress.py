# SPDX-License-Identifier: GPL-3.0-or-later
"""What the processes of a session do now, as they say it: `harness.plugins.notes`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from harness import waiting
from harness.plugins import notes
from harness.quantities import duration

COLLECTING: Final = "the tests' process"
"""What is waited for where nobody says more."""


class Notes:
    """Those of one step."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def variables(self) -> dict[str, str]:
        """What the session is told; makes the directory."""
        self.directory.mkdir(exist_ok=True)
        return {notes.NOTES: str(self.directory)}

    def look(self, results: Path) -> tuple[object, list[str]]:
        """What changes with each progress, and what each process does."""
        said = list(self.said())
        try:
            size = results.stat().st_size
        except OSError:
            size = 0
        now = time.time()
        lines = [
            f"{name}: {notes.words(note)} ({duration(now - note['since'])})"
            for name, note in said
        ]
        sign = (size, tuple((name, note["since"]) for name, note in said))
        return sign, lines or [COLLECTING]

    @contextmanager
    def watched(self, results: Path) -> Iterator[None]:
        """Tell who asks for what is waited for, during the block."""
        with waiting.on_others(lambda: self.look(results)):
            yield

    def ended(self) -> dict[str, str]:
        """What had to be ended by its limit, and why: by the test or the file."""
        found = {}
        for path in sorted(self.directory.glob(f"*{notes.STACKS}")):
            place = str(path).removesuffix(notes.STACKS)
            why = notes.ended(place)
            if why:
                note = notes.read(place)
                name = note.get("test") or note.get("file") or note.get("what", "")
                found[name] = why
        return found

    def said(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The processes that do something, and what."""
        for path in sorted(self.directory.glob("*")):
            note = notes.read(str(path)) if not path.suffix else {}
            if note:
                yield path.name, note
