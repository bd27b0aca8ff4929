# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands for "a Python" where pytest-xdist starts one: a fork of the warm process.

``python -I -S interpreter.py SOCKET -u -c CODE``: hands its standard input, output
and error to the process that listens at the socket, which forks and runs the code;
then ends as that fork ends.  Where nobody answers, a Python is started as ever.  A
program of its own: it imports nothing of the harness, and as little as it can.
"""

from __future__ import annotations

import array
import os
import select
import signal
import socket
import struct
import sys
import time

PATIENCE = 20.0
"""Seconds that the warm process gets to fork; it may be setting up another one."""
LOOK = 0.5
"""Seconds between two looks at whether it is stopped."""
SEEN = 6
"""Times in a row that it is seen to be stopped: then it is not waited for."""
FORKED = b"f"
"""The first byte of its answer; the status of ``waitpid(2)`` follows at the end."""
WORKER = b"w"
"""The first byte that is said to it."""
CREDENTIALS = struct.Struct("3i")
"""struct ucred of ``SO_PEERCRED``, see unix(7): process, user, group."""


def peer(link: socket.socket) -> tuple[int, int]:
    """Process and user at the other end; nobody where the system does not say it."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return 0, os.getuid()  # the directory of the socket is the user's alone
    data = link.getsockopt(socket.SOL_SOCKET, option, CREDENTIALS.size)
    process, user, _ = CREDENTIALS.unpack(data)
    return process, user


def own(link: socket.socket) -> bool:
    """Whether the other end of a unix socket is a process of the same user."""
    return peer(link)[1] == os.getuid()


def stopped(process: int) -> bool:
    """Whether a process is stopped (SIGSTOP), as far as one can see."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] in "Tt"
    except (OSError, IndexError):
        return False


def wait(link: socket.socket, patience: float) -> None:
    """Wait until something comes from a warm process, but not for a stopped one.

    Raises `OSError` where nothing comes.
    """
    process, _ = peer(link)
    seen = 0
    deadline = time.monotonic() + patience
    while not select.select([link], [], [], LOOK)[0]:
        seen = seen + 1 if stopped(process) else 0
        if seen >= SEEN:
            raise ConnectionError("it is stopped")
        if time.monotonic() > deadline:
            raise TimeoutError("it does not answer")


def order(arguments: list[str]) -> bytes:
    """What the fork must know, in one text: arguments, directory, environment."""
    environ = [f"{name}={value}" for name, value in os.environ.items()]
    parts = ["\0".join(arguments), os.getcwd(), "\0".join(environ)]
    text = "\1".join(parts).encode("utf-8", "surrogateescape")
    return struct.pack("!cI", WORKER, len(text)) + text


def ask(path: str, arguments: list[str]) -> socket.socket:
    """Have the warm process fork; the link that will say how the fork has ended.

    Raises `OSError` where it does not.
    """
    if os.path.exists(f"{path}.cold"):
        raise ConnectionError("it is of no use to another worker")
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(PATIENCE)
    link.connect(path)
    if not own(link):
        raise PermissionError("the socket is somebody else's")
    streams = array.array("i", [0, 1, 2])
    handed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)]
    data = order(arguments)
    sent = link.sendmsg([data], handed)
    link.sendall(data[sent:])
    wait(link, PATIENCE)
    if link.recv(1) != FORKED:
        raise ConnectionError("it has ended")
    link.settimeout(None)
    return link


def imitate(status: int) -> int:
    """End by the signal that ended the fork; else its exit code."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the fork has left one
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return os.WEXITSTATUS(status)


def tell(path: str, why: str) -> None:
    """Say once that workers start cold from now on, however many there are."""
    try:
        os.close(os.open(f"{path}.cold", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    except OSError:
        pass
    sys.stderr.write(f"workers start cold: {why}\n")
    sys.stderr.flush()


def main(path: str, arguments: list[str]) -> int:
    """Be that interpreter until it has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the fork gets it as well
    try:
        link = ask(path, arguments)
    except OSError as error:
        tell(path, f"no answer at {path}: {error}")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.execv(sys.executable, [sys.executable, *arguments])
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)  # the pipes are the fork's alone: their end is its end
    os.dup2(null, 1)
    said = b""
    while len(said) < 4:
        more = link.recv(4 - len(said))
        if not more:
            return 1  # the warm process is gone, and the fork with it
        said += more
    return imitate(struct.unpack("!i", said)[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
