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
import signal
import socket
import struct
import sys

PATIENCE = 20.0
"""Seconds that the warm process gets to fork; it may be setting up another one."""
FORKED = b"f"
"""The first byte of its answer; the status of ``waitpid(2)`` follows at the end."""
WORKER = b"w"
"""The first byte that is said to it."""
CREDENTIALS = struct.Struct("3i")
"""struct ucred of ``SO_PEERCRED``, see unix(7): process, user, group."""


def own(link: socket.socket) -> bool:
    """Whether the other end of a unix socket is a process of the same user."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True  # the directory of the socket is the user's alone
    data = link.getsockopt(socket.SOL_SOCKET, option, CREDENTIALS.size)
    return bool(CREDENTIALS.unpack(data)[1] == os.getuid())


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


def main(path: str, arguments: list[str]) -> int:
    """Be that interpreter until it has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the fork gets it as well
    try:
        link = ask(path, arguments)
    except OSError as error:
        sys.stderr.write(f"a worker starts cold: no answer at {path}: {error}\n")
        sys.stderr.flush()
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
