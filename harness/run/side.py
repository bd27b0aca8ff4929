# SPDX-License-Identifier: GPL-3.0-or-later
"""The side of a step's containers.

In there sources and variables are others; what is mounted is the same file under
another name.  So what was observed in there is told by its names here, where it can be
compared.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.plugins.trace.facts import Now, split
from harness.runners.image import Inside
from harness.template.process import Side, Wrap

LINKS = 40
"""A path with more links than that leads nowhere, as for the system."""


class ImageSide(Side):
    """That of a step's containers."""

    def __init__(
        self,
        inside: Inside,
        wrap: Wrap,
        *,
        root: Path,
        settings: Mapping[str, str],
        more: Sequence[str] = (),
    ) -> None:
        """`more` are places inside whose files are the suite's, and no source's."""
        self.inside = inside
        self.command = wrap
        sources = [one for one in inside.paths if one[1] != inside.image.venv]
        mounts = [(target, here) for here, target in sources]
        mounts += [
            (target, here if "/" in here else "")
            for here, target, _ in inside.mounts
            if not Path(here).is_relative_to(inside.scratch)
        ]
        self.mounted = Mounted(mounts, root=root)
        over = self.mounted.below([place for _, place in sources])
        self.made = {**settings, "image": inside.image.id, "mounts": repr(over)}
        now = Now(self.mounted.real)
        facts = [self.mounted.whole(target) for target in more]
        self.given = {fact: now.digest(fact) for fact in facts if fact}

    def wrap(self, argv: Sequence[str], env: Mapping[str, str]) -> list[str]:
        """In a container of its own."""
        return self.command(argv, env)

    def environ(self, env: Mapping[str, str]) -> Mapping[str, str]:
        """Those of the image, too."""
        return {**self.inside.image.variables, **self.inside.environ(env)}

    def paths(self, paths: Sequence[str]) -> list[str]:
        """What is mounted as a source has that name."""
        return [self.inside.translate(one) for one in paths]

    def path(self, path: str) -> str:
        """By the mounts."""
        return self.mounted.find(path)

    def fact(self, fact: str) -> str:
        """By the mounts."""
        return self.mounted.fact(fact)

    def settings(self) -> Mapping[str, str]:
        """The image: what lies in it is that of another one then."""
        return self.made

    def files(self) -> Mapping[str, str]:
        """What is mounted for the suite: nobody sees who reads it."""
        return self.given


class Mounted:
    """Where the files of containers are here.

    `mounts` are a place inside and the one here, which is nothing for a volume.  What
    goes with the run is none of them: what it lies over counts in its place.
    """

    def __init__(self, mounts: Sequence[tuple[str, str]], *, root: Path) -> None:
        self.mounts = {there: here and os.path.realpath(here) for there, here in mounts}
        self.order = sorted(self.mounts, key=len, reverse=True)
        self.root = str(root)
        self.real = os.path.join(os.path.realpath(root), "")
        self.plain: dict[str, str] = {"/": "/"}
        """By directory inside: where it is in there, without links."""

    def fact(self, fact: str) -> str:
        """A fact, with its file as it is called here."""
        before, name, after = split(fact)
        if not name:
            return fact
        place = os.path.normpath(os.path.join(self.root, name))
        here = self.find(place)
        return f"{before}{self._name(here)}{after}" if here else f"inside {name}"

    def _name(self, here: str) -> str:
        whole = os.path.join(here, "")
        return "." if whole == self.real else here.removeprefix(self.real)

    def whole(self, target: str) -> str:
        """The fact of all that is mounted to a place; none of a volume."""
        here = self.mounts.get(target, "")
        kind = "tree" if os.path.isdir(here) else "file"
        return here and f"{kind} {self._name(here)}"

    def below(self, places: Sequence[str]) -> list[tuple[str, str]]:
        """What is mounted over a part of these."""
        inner = tuple(f"{one}/" for one in places)
        return sorted(one for one in self.mounts.items() if one[0].startswith(inner))

    def find(self, path: str) -> str:
        """Where a file inside is here; nothing where links lead elsewhere in there."""
        here = self._here(path)
        there = self._plain(path)
        if there == path or not here:
            return here
        return here if os.path.realpath(here) == self._here(there) else ""

    def _here(self, path: str) -> str:
        """By its name alone; the deepest mount counts."""
        for target in self.order:
            if path == target or path.startswith(f"{target}/"):
                place = self.mounts[target]
                return place and place + path[len(target) :]
        return ""

    def _plain(self, path: str, links: int = 0) -> str:
        """A path inside without the links in it, as far as it lies in what is ours."""
        directory, name = os.path.split(path)
        if directory not in self.plain:
            self.plain[directory] = self._plain(directory, links)
        found = os.path.join(self.plain[directory], name)
        here = self._here(found)
        if not here or found in self.mounts or not os.path.islink(here):
            return found
        if links > LINKS:
            return ""
        to = os.path.join(self.plain[directory], os.readlink(here))
        return self._plain(os.path.normpath(to), links + 1)
