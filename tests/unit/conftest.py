# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard: a unit test touches no process, no socket, no home."""

import os
import site
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
HOME = os.path.realpath(os.path.expanduser("~"))
ALLOWED = tuple(
    os.path.realpath(path)
    for path in {
        PROJECT,
        Path.cwd(),
        sys.prefix,
        sys.base_prefix,
        tempfile.gettempdir(),
        *sysconfig.get_paths().values(),
        *site.getsitepackages(),
        *filter(None, sys.path),
    }
    if os.path.realpath(path) != HOME
)
"""What may lie below a developer's home: the checkout and the interpreter."""

PROCESS = frozenset(
    {
        "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system",
        "pty.spawn", "subprocess.Popen",
    }
)  # fmt: skip
SOCKET = frozenset(
    {
        "socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyaddr",
        "socket.gethostbyname", "socket.sendmsg", "socket.sendto",
    }
)  # fmt: skip
FILES = frozenset(
    {
        "open", "os.chdir", "os.chmod", "os.chown", "os.link", "os.listdir",
        "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.scandir", "os.symlink",
        "os.truncate", "os.utime", "shutil.copyfile", "shutil.copytree",
        "shutil.move", "shutil.rmtree", "sqlite3.connect",
    }
)  # fmt: skip


class Guard:
    """Listens to the interpreter's audit events; `tripped` is what it heard."""

    def __init__(self) -> None:
        self.active = False
        self.tripped: list[str] = []

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.active:
            return
        if event in PROCESS:
            self._trip(f"started a process: {event} {arguments[:2]}")
        elif event in SOCKET:
            self._trip(f"used a socket: {event} {arguments[1:]}")
        elif event in FILES:
            for argument in arguments[:2]:
                if isinstance(argument, str | bytes | os.PathLike):
                    self._check(event, os.fsdecode(argument))

    def _check(self, event: str, name: str) -> None:
        path = os.path.abspath(name)
        if (
            HOME != "/"
            and _below(path, HOME)
            and not any(_below(path, root) for root in ALLOWED)
        ):
            self._trip(f"reached into the home directory: {event} {path}")

    def _trip(self, what: str) -> None:
        self.tripped.append(what)
        # Not an Exception, so that no `except Exception` of the code swallows it.
        pytest.fail(f"a unit test {what}")


def _below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


GUARD = Guard()
sys.addaudithook(GUARD.hear)


@pytest.fixture(scope="session")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module", autouse=True)
def _environment(_home: Path) -> Iterator[None]:
    """Neither the user's home nor settings; and argparse looks for no translation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(_home))
        patch.setenv("LANGUAGE", "C")
        for name in list(os.environ):
            if name.startswith(("XDG_", "HARNESS_")):
                patch.delenv(name)
        yield


@pytest.fixture(autouse=True)
def guard(_home: Path, _environment: None) -> Iterator[Guard]:
    """Fail a test that touches the machine, also where a thread did it."""
    GUARD.tripped.clear()
    GUARD.active = True
    yield GUARD
    GUARD.active = False
    if GUARD.tripped:
        pytest.fail(f"a unit test {GUARD.tripped[0]}")
    left = sorted(os.listdir(_home))
    if left:
        pytest.fail(f"a unit test left {left} in its home")


@pytest.fixture
def write_module(tmp_path: Path) -> Callable[..., Path]:
    """Write the files of a Tryton module; its directory."""

    def write(
        name: str, cfg: str = "version=7.0.3\ndepends:\n    ir\n", **files: str
    ) -> Path:
        directory = tmp_path / name
        directory.mkdir(parents=True)
        (directory / "tryton.cfg").write_text(f"[tryton]\n{cfg}", "utf-8")
        for path, text in files.items():
            file = directory / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        return directory

    return write
