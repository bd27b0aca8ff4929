# SPDX-License-Identifier: GPL-3.0-or-later
"""What a watch's rounds are narrowed to, as it is typed into the last line."""

from collections.abc import Iterable
from pathlib import Path

PROMPTS = {"p": "part of a file's path", "t": "part of a name, as -k has it"}

KEYS = "a all · f failed · r rest · p file · t name · Enter again · u unfold · q quit"


class Filters:
    """Parts of paths (`p`) and names (`t`)."""

    def __init__(self) -> None:
        self.parts = {"p": "", "t": ""}
        self.prompt = ""
        """The key of the one that is typed now."""
        self.typed = ""

    def clear(self) -> None:
        """Have none."""
        self.parts = {"p": "", "t": ""}

    def begin(self, key: str) -> None:
        """From now on one is typed."""
        self.prompt, self.typed = key, self.parts[key]

    def type(self, key: str) -> bool:
        """Take a letter; whether that was the last."""
        if key in "\r\n":
            self.parts[self.prompt], self.prompt = self.typed.strip(), ""
            return True
        if key in ("\x1b", ""):
            self.prompt = ""
        elif key in "\x7f\b":
            self.typed = self.typed[:-1]
        elif key.isprintable():
            self.typed += key
        return False

    def files(
        self, files: tuple[Path, ...] | None, known: Iterable[Path]
    ) -> tuple[Path, ...] | None:
        """Those of the files, None for all that are known, that have the part."""
        part = self.parts["p"]
        if not part:
            return files
        chosen = sorted(known) if files is None else files
        return tuple(one for one in chosen if part in one.as_posix())

    def row(self, more: Iterable[str] = ()) -> str:
        """What is asked for, and typed; else the filters, what is `more`, the keys."""
        if self.prompt:
            return f"{PROMPTS[self.prompt]} (Enter, Esc): {self.typed}_"
        return " ".join([*self.words(), *more, KEYS])

    def words(self) -> list[str]:
        """Those there are."""
        return [f"{name}={text}" for name, text in self.parts.items() if text]
