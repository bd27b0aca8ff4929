# SPDX-License-Identifier: GPL-3.0-or-later
"""Files, processes and variables that the sources look at, as Python tells of them."""

from __future__ import annotations

import os as everybodys
import shlex
import sys
from typing import Any, Iterable, Protocol

from harness.plugins.trace.names import real
from harness.plugins.unpatched import os

LIBRARY = os.path.join(os.path.dirname(os.__file__), "")
OURS = ("/_pytest/", "/pluggy/", "/xdist/", "/coverage/", "/harness/plugins/")
"""Who runs tests: what these look for is not the tests' doing."""
SHOWING = (
    "/traceback.py", "/warnings.py", "/importlib/metadata/__init__.py",
    "/importlib/metadata.py",
)  # fmt: skip
"""Modules of the library that read sources to show them, as `inspect.getframeinfo`
does (and so each decorator of venusian), or look for what is installed."""
FORGETTING = ("/babel/",)
"""Packages that hand on what they read, and remember nothing of it."""
INSTALLED = "/pkg_resources/"
"""A package that lists directories on Python's path for what is installed in them."""
LINES = os.path.join(LIBRARY, "linecache.py")
"""Remembers what it has read."""
GIVEN = ("COVERAGE_", "DB_NAME", "HARNESS_", "PG", "PYTEST_", "TRYTOND_DATABASE")
"""How variables begin that are another one in each run, or the harness's own."""
WINDOW = (
    "ALACRITTY_", "GNOME_TERMINAL_", "ITERM_", "KITTY_", "KONSOLE_", "VSCODE_",
    "WEZTERM_", "XDG_SESSION_",
)  # fmt: skip
"""How those of a terminal begin: they are others in each window."""
IDLE = frozenset(
    {
        "COLORTERM", "COLUMNS", "LC_TERMINAL", "LC_TERMINAL_VERSION", "LINES", "OLDPWD",
        "PWD", "PYTHONPATH", "SHLVL", "SSH_AGENT_PID", "SSH_AUTH_SOCK", "SSH_CLIENT",
        "SSH_CONNECTION", "SSH_TTY", "STY", "TERM", "TERM_PROGRAM",
        "TERM_PROGRAM_VERSION", "TERM_SESSION_ID", "TMUX", "TMUX_PANE", "VTE_VERSION",
        "WINDOW", "WINDOWID", "WT_SESSION", "_",
    }
)  # fmt: skip
"""Those of a shell; the harness sets Python's path."""
IMPORT = "<frozen importlib"
READING = frozenset({"get_code", "get_data", "get_source"})
"""Methods of loaders that a program may call, too."""
SHELLS = ("sh", "bash", "dash", "env", "zsh")


class Marking(Protocol):
    """What an observer has for us."""

    marks: set[str]
    kept: set[str]
    written: set[str]
    quiet: int
    reading: str
    sources: list[str]
    inside: tuple[str, ...]

    def covers(self, path: str) -> bool: ...
    def name(self, path: str) -> str: ...
    def pin(self, fact: str) -> None: ...


class SourceEvents:
    """Notes what the sources look at as marks of an observer."""

    def __init__(self, observer: Marking) -> None:
        self.observer = observer
        self.inside = tuple(one.rstrip("/") for one in observer.inside)
        self.known: dict[str, str] = {}
        """By a whole path that was looked for: as it is told, if it is."""
        self.noting: dict[str, Any] = {
            "open": self._opened,
            "os.listdir": self._listed,
            "os.scandir": self._listed,
            "object.__getattr__": self._looked,
            "subprocess.Popen": self._process,
            "os.posix_spawn": self._process,
            "os.exec": self._process,
            "os.system": lambda command: self._process(),
            "os.fork": self._process,
            "os.forkpty": self._process,
            "exec": self._executed,
        }

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Hear of an event of the interpreter."""
        note = self.noting.get(event)
        if note is not None and not self.observer.quiet:
            note(*arguments)

    def looked_for(self, given: Any) -> None:
        """Somebody asks whether there is a file."""
        if self.observer.quiet:
            return
        text = given
        if type(text) is not str:
            if not isinstance(given, (bytes, os.PathLike)):
                return
            text = os.fsdecode(given)
        path = self.known.get(text)
        if path is None:
            path = self._inside(text)
            if text[:1] == "/":
                self.known[text] = path
        if path:
            self._note("place", path)

    def _note(self, kind: str, path: str) -> None:
        """What a library has read it may remember: that counts for what comes later.

        Of Python files only `linecache` does, for `inspect`.  The project's own
        directory is where libraries look for packages: that does not count.
        """
        name = self.observer.name(path)
        if f"{kind} {name}" in self.observer.kept:
            return  # it counts for whatever comes
        who, ways = _cause()
        theirs = not self._observed(who)
        listing = kind == "directory" and INSTALLED in who
        if not who or (theirs and (name == "." or listing)):
            return
        self.observer.marks.add(f"{kind} {name}")
        if kind != "directory":
            self.observer.pin(f"{kind} {name}")
        keeps = theirs and not any(one in who for one in FORGETTING)
        if LINES in ways or (keeps and not path.endswith(".py")):
            self.observer.kept.add(f"{kind} {name}")

    def _observed(self, who: str) -> bool:
        """Whether a file is of the sources, or a text that is executed."""
        return who[:1] == "<" or self.observer.covers(real(who))

    def variable(self, name: str) -> None:
        """Somebody looks at a variable of the environment; of a library's own not."""
        if name.startswith((*GIVEN, *WINDOW)) or name in IDLE:
            return
        who, _ = _cause()
        if who.startswith("<doctest") or self.observer.covers(real(who)):
            self.observer.marks.add(f"variable {name}")

    def _inside(self, path: Any) -> str:
        """The whole path if it is looked at, else nothing."""
        if not isinstance(path, (str, bytes, os.PathLike)):
            return ""
        text = os.fsdecode(path)
        if text[:1] == "/" and not text.startswith(self.inside) and "/.." not in text:
            return ""  # most that are looked for are elsewhere
        text = os.path.abspath(text)
        return text if self.observer.covers(os.path.join(text, "")) else ""

    def _opened(self, given: Any, mode: Any, flags: int) -> None:
        path = self._inside(given)
        if not path or path.endswith(".pyc"):
            return
        if mode is None:
            makes = bool(flags & (os.O_CREAT | os.O_TRUNC))
        else:
            makes = bool(set(mode) & set("wax"))
        if makes:
            self.observer.written.add(f"file {self.observer.name(path)}")
        else:
            self._note(self.observer.reading, path)

    def _listed(self, given: Any = None) -> None:
        path = self._inside("." if given is None else given)
        if path:
            self._note("directory", path)

    def _looked(self, owner: Any, attribute: str) -> None:
        """Somebody looks at a function's code."""
        if attribute != "__code__":
            return
        place = sys._getframe(2).f_code.co_filename
        if place.startswith(LIBRARY) or any(one in place for one in OURS):
            return  # `inspect.signature` and its like; who reads sources opens files
        module = sys.modules.get(getattr(owner, "__module__", None) or "")
        path = self._inside(getattr(module, "__file__", None))
        if path:
            self.observer.marks.add(f"file {self.observer.name(path)}")

    def _executed(self, code: Any) -> None:
        """Of a text that is executed nobody knows which names it mentions."""
        if getattr(code, "co_filename", "").startswith("<doctest"):
            self.observer.marks.add("all *")

    def _process(self, program: Any = "sh", argv: Any = (), *rest: Any) -> None:
        """A process starts: one of ours may use all of the sources, as a fork may."""
        if not _cause()[0]:
            return
        texts = [os.fsdecode(one) for one in (program, *_words(argv))]
        name = os.path.basename(texts[0])
        ours = os.path.dirname(texts[0]) == os.path.dirname(sys.executable)
        if ours or name.startswith("python") or name in SHELLS:
            trees = (f"tree {one}" for one in self.observer.sources)
            self.observer.marks.update(trees)
        for path in filter(os.path.exists, filter(self._inside, texts)):
            self._note("file", os.path.abspath(path))


def _words(given: Any) -> Iterable[Any]:
    if isinstance(given, (str, bytes)):
        return shlex.split(os.fsdecode(given))
    return [one for one in given or () if isinstance(one, (str, bytes, os.PathLike))]


def _cause() -> tuple[str, list[str]]:
    """The file of whose doing is what happens now; nothing where that is not observed.

    It is the first who is not of the standard library; with what is between.
    """
    ways: list[str] = []
    frame: Any = sys._getframe(2)
    while frame is not None:
        place: str = frame.f_code.co_filename
        ways.append(place)
        if place.startswith("<doctest"):
            return place, ways
        if place.startswith(IMPORT):
            if not asked(frame):
                return "", ways
            frame = frame.f_back
            continue
        library = place.startswith(LIBRARY) and "-packages" not in place
        shown = frame.f_code.co_name == "getframeinfo" or place.endswith(SHOWING)
        if library and shown:
            return "", ways
        if not library and place != __file__ and place[:1] != "<":
            return "" if any(one in place for one in OURS) else place, ways
        frame = frame.f_back
    return "<unknown>", ways


def asked(frame: Any) -> bool:
    """Whether a loader reads for one who asks it, not for the import of a module."""
    above = frame.f_back.f_code
    importing = above.co_filename.startswith(IMPORT) and above.co_name not in READING
    return frame.f_code.co_name in READING and not importing


def follow(observer: Marking) -> None:
    """Listen from now on, until the process ends."""
    listener = SourceEvents(observer)
    wanted, hear = frozenset(listener.noting), listener.hear

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        """A function: of a method each event (each `id`) costs four times as much."""
        if event in wanted:
            hear(event, arguments)

    sys.addaudithook(hook)
    original = os.stat

    def stat(path: Any, *args: Any, **options: Any) -> Any:
        listener.looked_for(path)
        return original(path, *args, **options)

    for able in (os.supports_fd, os.supports_dir_fd, os.supports_follow_symlinks):
        if original in able:
            able.add(stat)
    everybodys.stat = stat
    plain: Any = type(os.environ)

    class Environ(plain):  # type: ignore[misc]
        """Tells who looks at a variable."""

        def __getitem__(self, key: Any) -> Any:
            if isinstance(key, str):
                listener.variable(key)
            return super().__getitem__(key)

    os.environ.__class__ = Environ
