# SPDX-License-Identifier: GPL-3.0-or-later
"""What the code of the sources does in this process, and in the forks of it.

`start` comes before the sources are imported.  A `TraceSection` has what was seen while
it went on, as names of facts (`facts`), and `trace` what these need to be imported.
Sections may be nested; what is seen in an inner one belongs to nobody else.

Not seen: what another process does (all of the sources count then), ``os.lstat`` and
``os.access``, and what C code does with files.
"""

from __future__ import annotations

import builtins
import sys
from typing import Any, Iterable, Iterator, Mapping, Sequence

from harness.plugins.trace import compiling, events, imports, instrument, skeleton
from harness.plugins.trace.facts import Now, Trace, listed
from harness.plugins.trace.names import file_of, followed, names_of, real, top
from harness.plugins.trace.needs import Loaded, Needs
from harness.plugins.unpatched import os


class Observer:
    """What was seen in this process.

    A directory that the project or a source lies in is not apart.
    """

    def __init__(
        self, root: str, sources: Sequence[str], apart: Sequence[str], cache: str
    ) -> None:
        self.root = os.path.realpath(root)
        below = [self.root, *map(os.path.realpath, sources)]
        self.inside = tuple(dict.fromkeys(os.path.join(one, "") for one in below))
        beside = [os.path.join(os.path.realpath(one), "") for one in apart]
        self.apart = tuple(
            one
            for one in beside
            if not any(place.startswith(one) for place in self.inside)
        )
        self.cache = cache
        self.own = names_of(sources)
        self.sources = [self.name(os.path.realpath(one)) for one in sources]
        self.environ = dict(os.environ)
        self.now = Now(self.root, own=self.own, environ=self.environ, cache=cache)
        self.marks: set[str] = set()
        """What was seen in the section that goes on."""
        self.kept: set[str] = set()
        """What counts for all that comes later."""
        self.needs = Needs(self.name, self.covers)
        self.digests: dict[str, str] = {}
        """Of what was compiled, or first looked at: it may be another one by now."""
        self.lasting = False
        """Whether modules that are imported now count for all that comes later."""
        self.executing: list[str] = []  # files, whose modules are made now
        self.quiet = 0
        """Above 0 while the import itself reads."""
        self.reading = "file"
        """The kind of fact that a file is which is opened now."""
        self.written: set[str] = set()
        """Files that were made, as facts: they are no part of what is there before."""
        self.within: dict[str, str] = {}
        """By the fact of a module: that of its members."""

    def listen(self) -> None:
        """Hear of what is entered."""
        setattr(builtins, instrument.SEEN, self.marks.add)
        setattr(builtins, instrument.KEEPS, self.keeps)

    def handed(self, variables: Mapping[str, str]) -> None:
        """These digests are those of the variables that the process was given.

        In a fork of one that has imported libraries it has others by now.
        """
        self.now.environ = {}
        self.digests.update(
            (f"variable {name}", digest) for name, digest in variables.items()
        )

    # -- names ---------------------------------------------------------------

    def covers(self, path: str) -> bool:
        """Whether a file is one of those that are looked at."""
        if not path.startswith(self.inside) or path.startswith(self.apart):
            return False
        return "/site-packages/" not in path

    def name(self, path: str) -> str:
        """What a file is called in facts."""
        start = os.path.join(self.root, "")
        if path == self.root:
            return "."
        return path[len(start) :] if path.startswith(start) else path

    # -- sources -------------------------------------------------------------

    def compiled(self, path: str, module: str, rewrite: Any = None) -> Any:
        """The code of a source, which says what of it is entered.

        `rewrite` changes its tree after that (pytest's assertions).
        """
        self.quiet += 1
        try:
            with open(path, "rb") as file:
                source = file.read()
            name = self.name(real(path))
            found, code = compiling.make(self.now, source, path, name, rewrite)
        finally:
            self.quiet -= 1
        is_package = os.path.basename(path) == "__init__.py"
        package = module if is_package else module.rpartition(".")[0]
        fact = f"file {name}" if found.opaque else f"module {name}"
        self.needs.loaded[name] = Loaded(fact, found.imports, package, found.uses)
        if found.opaque:
            self.digests[fact] = skeleton.digest(source)
        else:
            self.digests[fact] = found.skeleton
            self.within[fact] = f"members {name}"
            self.digests[f"members {name}"] = listed(found.members)
        for inside, body in found.bodies.items():
            self.digests[f"function {name}:{inside}"] = body
        return code

    def executed(self, path: str, run: Any) -> None:
        """Execute a module: what is seen then, all need who need the module."""
        name = self.name(real(path))
        before = self._turn(set())
        self.executing.append(name)
        try:
            run()
        finally:
            self.executing.pop()
            seen = self._turn(before)
            self.needs.importing.setdefault(name, set()).update(seen)
            self.needs.forget()
            if name in self.needs.loaded:
                self.marks.add(self.needs.loaded[name].fact)
                if self.lasting:
                    self.kept.add(self.needs.loaded[name].fact)

    def named(self, module: str, frame: Any, *, stated: bool = False) -> None:
        """A module is asked for by its name, in a frame, perhaps by a statement.

        What a statement of the sources does with it is known; others may read anything
        in it, and if they are imported now, at any time.
        """
        path = getattr(sys.modules.get(module), "__file__", None)
        loaded = self.needs.loaded.get(self.name(real(path))) if path else None
        if loaded is None:
            return
        self.marks.add(loaded.fact)
        asking = frame.f_code.co_filename
        ours = self.name(real(asking)) in self.needs.loaded
        if (ours and stated) or imports.by_convention(asking):
            return
        whole = {f"all {file_of(loaded.fact)}", *self._followed(module, frame)}
        self.marks |= whole
        if not ours and frame.f_code.co_name == "<module>":
            self.kept |= whole

    def _followed(self, module: str, frame: Any) -> Iterator[str]:
        for one in followed(module, list(frame.f_locals.values())):
            path = getattr(sys.modules.get(one), "__file__", None)
            known = self.needs.loaded.get(self.name(real(path))) if path else None
            if known is not None:
                yield from (known.fact, f"all {file_of(known.fact)}")

    def loaded_by_hand(self, path: str) -> None:
        """Somebody executes a module without importing it, and may read all of it."""
        self.marks.add(f"all {self.name(real(path))}")

    def _turn(self, to: set[str]) -> set[str]:
        """Go on with another set of marks; those until now."""
        now, self.marks = self.marks, to
        setattr(builtins, instrument.SEEN, to.add)
        return now

    def keeps(self, fact: str, here: str | None = None) -> Any:
        """A section whose marks count for all that comes later in this process.

        With names `here` for all of that that mentions one of them and needs the fact's
        file; with none for all that needs it.
        """
        kept = self.kept
        if here is not None:
            kept = self.needs.left.setdefault((file_of(fact), here), set())
        for name in self.executing[-1:]:  # what an import leaves is its module's doing
            kept.add(self.needs.loaded[name].fact)
        return _Keeping(self, fact, kept)

    # -- answers -------------------------------------------------------------

    def trace(self, marks: Iterable[str]) -> Trace:
        """All facts that these depend on, with the digests that they had."""
        made = Trace()
        digests = self.digests
        facts = self.needs.whole(marks) - self.written
        self.quiet += 1
        try:
            for fact in facts:
                known = digests.get(fact)
                made[fact] = self.now.digest(fact) if known is None else known
                within = self.within.get(fact)
                if within is not None:
                    made[within] = digests[within]
        finally:
            self.quiet -= 1
        return made

    def pin(self, fact: str) -> None:
        """Have the digest that a fact has now, before it is read.

        Who edits the file while tests run edits what later tests may know by heart.
        """
        if fact in self.digests:
            return
        self.quiet += 1
        try:
            self.digests[fact] = self.now.digest(fact)
        finally:
            self.quiet -= 1

    def packages(self) -> set[str]:
        """The top-level names of what was imported from elsewhere."""
        library: Any = getattr(sys, "stdlib_module_names", sys.builtin_module_names)
        found = {top(name) for name in list(sys.modules)}
        return found.difference(library)


class _Keeping:
    """A generator is noted when it begins, and is no section: it may never end."""

    def __init__(self, observer: Observer, fact: str, kept: set[str]) -> None:
        self.observer = observer
        self.fact = fact
        self.kept = kept
        observer.marks.add(fact)
        kept.add(fact)

    def __enter__(self) -> None:
        self.before = self.observer._turn({self.fact})

    def __exit__(self, *exc: object) -> None:
        seen = self.observer._turn(self.before)
        self.kept |= seen
        self.observer.marks |= seen


class TraceSection:
    """What is seen between `begin` and `end`."""

    def __init__(self, observer: Observer) -> None:
        self.observer = observer
        self.before: set[str] = set()

    def begin(self) -> TraceSection:
        """See from now on."""
        self.before = self.observer._turn(set())
        return self

    def end(self) -> set[str]:
        """What was seen, and what counts since before; who has begun before goes on."""
        return self.observer._turn(self.before) | self.observer.kept


OBSERVERS: list[Observer] = []
"""The one of this process, and of its forks."""


def start(
    root: str,
    sources: Sequence[str],
    *,
    apart: Sequence[str] = (),
    cache: str = "",
) -> Observer:
    """Observe from now on, until the process ends; the same one in a fork.

    `root` is the project, `sources` have the code.  What is below `apart` does not
    count.  Instrumented code is remembered in the directory `cache`.
    """
    if OBSERVERS:
        return OBSERVERS[0]
    made = Observer(root, sources, apart, cache)
    OBSERVERS.append(made)
    made.listen()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        path = real(file) if file else ""
        if made.covers(path):  # it was not instrumented
            made.kept |= {f"file {made.name(path)}", "all *"}
    imports.follow(made)
    events.follow(made)
    return made
