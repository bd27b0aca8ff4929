# SPDX-License-Identifier: GPL-3.0-or-later
"""What is gathered about a layer: the facts of its digest, and how files were read.

A file's stamp tells a later write of it, also one that was taken back: what was
built in between is not what its digest says.
"""

import contextlib
import os
import re
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import SourceError
from harness.template import digest, packages

DATED = re.compile(rb"\b(?:today|now|utcnow|localtime|gmtime)\(|\btime\.time\(")
"""How a script asks for the date."""

SEEN = re.compile(r"(file|import) (.*(?<!\.xml)$|[^/]+/view/)")
"""Facts whose files count as far as a build was seen to read them.

That they are there counts in any case: not every look at a name is seen.  XML is what
libraries in C read by themselves, but for views: those trytond reads; data beside a
script were declared.
"""
VIEW = re.compile(r"file [^/]+/view/.*\.xml$")
LIBRARY = b"lxml"
"""What reads XML unseen."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts by name, and the stamps of the files among them; it grows."""

    site: Path
    """``site-packages`` of the suite's environment."""
    texts: dict[str, str] = field(default_factory=dict)
    stamps: dict[Path, str] = field(default_factory=dict)
    names: dict[Path, str] = field(default_factory=dict)
    """What a file is called among the texts."""
    code: list[bytes] = field(default_factory=list)
    """The Python among them."""

    def file(self, name: str, path: Path) -> bytes:
        """A file's content becomes a fact; raises `SourceError`."""
        with readable():
            dangling = path.is_symlink() and not path.exists()
            found = path.lstat() if dangling else path.stat()
            content = os.fsencode(os.readlink(path)) if dangling else path.read_bytes()
        self.texts[name] = digest.text(content)
        self.stamps[path] = f"{found.st_ino} {found.st_size} {found.st_ctime_ns}"
        self.names[path] = name
        if path.suffix == ".py":
            self.code.append(content)
        return content

    def read(self, name: str, path: Path) -> None:
        """A file, or all files below a directory."""
        if not path.is_dir():
            self.file(name, path)
            return
        with readable():
            found = sorted(digest.everything(path))
        for one in found:
            self.file(f"{name}/{one.relative_to(path).as_posix()}", one)

    def shipped(self, name: str, root: Path, apart: Collection[Path] = ()) -> None:
        """The files of a module become facts, but for those `apart`."""
        with readable():
            found = sorted(digest.shipped(root, apart))
        for one in found:
            self.file(f"{name}/{one.relative_to(root).as_posix()}", one)

    def packages(self, names: Iterable[str]) -> None:
        """The versions of packages, with all that they require."""
        found = packages.versions(self.site, names)
        self.texts.update({f"package {name}": text for name, text in found.items()})

    def imports(self) -> None:
        """The versions of the packages that the code imports."""
        names = {name for code in self.code for name in packages.imported(code)}
        self.packages(packages.owners(self.site, names))

    def date(self) -> None:
        """The date is a fact: tomorrow the layer is another one."""
        self.texts["day"] = time.strftime("%Y-%m-%d")

    def dates(self) -> bool:
        """Whether the code asks for the date."""
        return any(DATED.search(code) for code in self.code)

    def declared(self, below: Iterable["Facts"]) -> dict[str, str]:
        """The facts, without the contents of files whose reading is seen.

        That of views, here and in what is `below`, is not where some code reads XML.
        """
        found = {
            key: "" if SEEN.match(key) else text for key, text in self.texts.items()
        }
        if any(LIBRARY in code for code in self.code):
            for one in (*below, self):
                found.update((k, v) for k, v in one.texts.items() if VIEW.match(k))
        return found

    def changes(self, later: "Facts") -> list[str]:
        """What is not as it was, each with a word."""
        found = [
            f"{key} changed" if key in later.texts else f"{key} is gone"
            for key in sorted(self.texts)
            if self.texts[key] != later.texts.get(key)
        ]
        found += [
            f"{key} is new" for key in sorted(later.texts) if key not in self.texts
        ]
        found += [
            f"{self.names[path]} was written"
            for path in sorted(self.stamps)
            if self.stamps[path] != later.stamps.get(path)
            and self.texts[self.names[path]] == later.texts.get(self.names[path])
        ]
        return found


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """What cannot be read is a `SourceError`."""
    try:
        yield
    except OSError as error:
        raise SourceError(f"{error.filename}: {error.strerror}") from error
