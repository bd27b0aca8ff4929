# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of the project are saved, told as it happens."""

import ast
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from harness.errors import MissingTool

STEP: Final = 25
"""Milliseconds in which nothing more is saved: then it is told."""
DEBOUNCE: Final = 500
"""Milliseconds after which it is told in any case."""
LOOK: Final = 100
"""Milliseconds after which it is looked at what was saved before all was followed."""
POLL: Final = 0.3
SHARE: Final = 10
"""Seconds between two looks at all files; how many times what one takes, at least."""
QUIET: Final = 0.3
UNSETTLED: Final = 2.0
"""Seconds in which a doubtful file must stay as it is; until it is taken as it is."""
GRAIN: Final = 0.02
MANY: Final = 20_000
"""Files that are worth a word."""
APART: Final = frozenset(
    {"node_modules", "__pycache__", "venv", "env", "build", "dist", "htmlcov"}
)
"""Directories that nobody edits; those with a dot are none either."""
NOISE: Final = re.compile(
    r"\.|#.*#$|.*(~|\.py[cod]|\.sw.|\.tmp|\.bak|\.log|___)$|4913$"
)
"""Names of files that editors and programs leave."""

Stamp = tuple[int, int, int, int]
"""Of a file: when it was changed, and anything of it, its size, its inode."""


class Saves:
    """Follows the directories below `roots` in a thread of its own.

    `saved` hears of files, `tell` of what the user should know.
    """

    def __init__(
        self,
        roots: Iterable[Path],
        *,
        apart: Iterable[Path],
        saved: Callable[[frozenset[Path]], None],
        tell: Callable[[str], None],
        outputs: Iterable[int] = (1, 2),
    ) -> None:
        """What is written to the handles `outputs` is none."""
        self.roots = [one for one in roots if one.is_dir()]
        self.apart = frozenset(map(os.fspath, apart))
        self.saved = saved
        self.tell = tell
        self.polling = False
        self.outputs = [os.fstat(one) for one in outputs]
        self.known: dict[Path, Stamp] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="saves", daemon=True)

    def start(self) -> None:
        """From now on; raises `MissingTool` where watchfiles is not installed."""
        try:
            import watchfiles  # noqa: F401
        except ImportError:
            raise MissingTool(
                "watchfiles is not installed, which tells of saved files",
                remedy="pip install 'collecting-society-harness[cli]'",
            ) from None
        self.known = dict(self._files(list(self.directories())))
        if len(self.known) > MANY:
            self.tell(
                f"{len(self.known)} files are followed; what nobody edits is left out"
                " in a directory whose name begins with a dot"
            )
        self._thread.start()

    def close(self) -> None:
        """No more."""
        self._over.set()
        if self._thread.ident:
            self._thread.join()

    def directories(self) -> Iterator[Path]:
        """Those that are followed."""
        seen = set()
        for root in self.roots:
            for place, names, _ in os.walk(root):
                names[:] = [one for one in names if self._wanted(place, one)]
                if place not in seen and os.access(place, os.R_OK):
                    seen.add(place)
                    yield Path(place)

    def _wanted(self, place: str, name: str) -> bool:
        path = os.path.join(place, name)
        made = name.startswith(".") or name.endswith(".egg-info") or name in APART
        return not (made or path in self.apart)

    def _own(self, found: os.stat_result) -> bool:
        """Whether a file is where this process writes what it has to say."""
        return any(os.path.samestat(found, one) for one in self.outputs)

    def _files(self, directories: Iterable[Path]) -> Iterator[tuple[Path, Stamp]]:
        for place in directories:
            try:
                with os.scandir(place) as names:
                    for one in names:
                        if NOISE.match(one.name) or not one.is_file():
                            continue
                        found = os.stat(one.path)
                        if not self._own(found):
                            yield Path(one.path), stamp(found)
            except OSError:  # it has vanished meanwhile
                continue

    def _follow(self) -> None:
        while not self._over.is_set():
            if self.polling:
                before = time.thread_time()
                self._tell(self._found(self.directories()))
                self._over.wait(max(POLL, SHARE * (time.thread_time() - before)))
                continue
            try:
                self._round()
            except (OSError, RuntimeError) as error:  # the latter are watchfiles' own
                self._failed(error)

    def _failed(self, error: Exception) -> None:
        """Look at all files again and again where the system cannot tell."""
        if isinstance(error, FileNotFoundError):  # a directory has vanished meanwhile
            return
        self.polling = True
        self.tell(
            f"the system cannot tell of saved files ({error}): all are looked at again"
            " and again. With inotify: sysctl fs.inotify.max_user_watches=524288"
            " fs.inotify.max_user_instances=512"
        )

    def _round(self) -> None:
        """Until the directories are others, which begins anew."""
        import watchfiles

        directories = list(self.directories())
        first = True
        for changes in watchfiles.watch(
            *directories,
            watch_filter=None,
            recursive=False,
            step=STEP,
            debounce=DEBOUNCE,
            rust_timeout=LOOK,
            yield_on_timeout=True,
            stop_event=self._over,
            raise_interrupt=False,
            force_polling=False,  # nor to ignore denied ones: limits are ignored, too
        ):
            paths = {Path(path) for _, path in changes}
            self._tell(one for one in paths if self._changed(one))
            if first:  # what was saved before it was followed
                first = False
                self._tell(self._found(directories))
            if any(one.is_dir() or one in directories for one in paths):
                return

    def _tell(self, changed: Iterable[Path]) -> None:
        files = frozenset(changed)
        if files:
            self.saved(files)

    def _found(self, directories: Iterable[Path]) -> Iterator[Path]:
        """The files that are others than before; notes them."""
        before, self.known = self.known, dict(self._files(directories))
        for path in before.keys() | self.known.keys():
            if before.get(path) != self.known.get(path):
                yield path

    def _changed(self, path: Path) -> bool:
        """Whether a file is another one than before; notes it."""
        if NOISE.match(path.name):
            return False
        before = self.known.pop(path, None)
        try:
            found = path.stat()
        except OSError:
            return before is not None
        if not path.is_file() or self._own(found):
            return False
        self.known[path] = stamp(found)
        return before != self.known[path]


def settled(
    paths: Iterable[Path], *, quiet: float = QUIET, within: float = UNSETTLED
) -> dict[Path, str]:
    """What is wrong with each file, once none is seen half-written.

    Editors empty a file, or put it aside, before they write it, some piece by piece:
    one that is gone, does not end with a line's end, or is no Python is looked at
    again until it has not changed for a while.
    """
    paths, deadline = list(paths), time.monotonic() + within
    while True:
        found = {path: wrong(path) for path in paths}
        doubtful = [path for path in paths if found[path] or not _whole(path)]
        if not doubtful or not _changes(doubtful, quiet) or time.monotonic() > deadline:
            return found


def _changes(paths: Iterable[Path], within: float) -> bool:
    """Whether one of the files becomes another one within so many seconds."""
    before = {path: _stamp(path) for path in paths}
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        time.sleep(GRAIN)
        if any(_stamp(path) != then for path, then in before.items()):
            return True
    return False


def _stamp(path: Path) -> Stamp | None:
    try:
        return stamp(path.stat())
    except OSError:
        return None


def _whole(path: Path) -> bool:
    """Whether a file ends as texts do."""
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"
    except OSError:  # it is gone, or empty
        return False


def content(path: Path) -> bytes:
    """A digest; that of a file which is gone is another one."""
    try:
        return sha256(path.read_bytes()).digest()
    except OSError:
        return b""


def wrong(path: Path) -> str:
    """Line and reason where no Python can read a file; who reads it else says so."""
    try:
        if path.suffix == ".py":
            ast.parse(path.read_bytes(), path.name)
    except SyntaxError as error:
        return f"{error.lineno}: {error.msg}"
    except (OSError, ValueError):  # it has vanished; it is no text
        pass
    return ""


def stamp(found: os.stat_result) -> Stamp:
    """What tells that a file was saved."""
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
