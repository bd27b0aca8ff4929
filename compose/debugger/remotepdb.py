# SPDX-License-Identifier: GPL-3.0-or-later
"""pdb for services without a terminal: ``breakpoint()`` waits for ``harness pdb``.

A breakpoint opens a unix socket at /tmp/pdb-PID-NUMBER and speaks with whoever
connects.  ``remotepdb.py list`` names the sockets that wait, ``remotepdb.py
attach [SOCKET]`` connects this terminal to one.  With a terminal, it is plain pdb.
"""

import contextlib
import glob
import itertools
import os
import pdb
import select
import socket
import sys

PLACE = "/tmp/pdb-"
NUMBERS = itertools.count(1)


def set_trace(**options):
    """What ``breakpoint()`` calls."""
    frame = sys._getframe(1)
    if sys.stdin is not None and sys.stdin.isatty():
        pdb.Pdb().set_trace(frame)
    else:
        Remote(frame).set_trace(frame)


class Remote(pdb.Pdb):
    """pdb over a socket; it is over when the client leaves or says ``continue``."""

    def __init__(self, frame):
        path = f"{PLACE}{os.getpid()}-{next(NUMBERS)}"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            os.chmod(path, 0o600)
            listener.listen(1)
            place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
            sys.stderr.write(f"breakpoint at {place}: harness pdb SERVICE\n")
            sys.stderr.flush()
            self.link, _ = listener.accept()
            os.unlink(path)
        # Two streams: one for both would forget what was read ahead when it writes.
        ends = [self.link.makefile(mode, encoding="utf-8") for mode in ("r", "w")]
        super().__init__(stdin=ends[0], stdout=ends[1], nosigint=True)
        self.prompt = "(pdb) "

    def leave(self):
        """The program goes on by itself."""
        self.set_continue()
        for one in (self.stdout, self.stdin, self.link):
            with contextlib.suppress(OSError, ValueError):
                one.close()
        return 1

    def do_continue(self, arg):
        """Go on until the next breakpoint, or for good."""
        if self.breaks:
            return super().do_continue(arg)
        return self.leave()

    do_c = do_cont = do_continue

    def do_quit(self, arg):
        """Leave; the program goes on."""
        self.clear_all_breaks()
        return self.leave()

    do_q = do_exit = do_EOF = do_quit

    def interaction(self, *arguments):
        """A client that is gone does not stop the program."""
        try:
            super().interaction(*arguments)
        except (OSError, ValueError):
            self.clear_all_breaks()
            self.leave()


def waiting():
    """The sockets that somebody listens on."""
    found = []
    for path in sorted(glob.glob(f"{PLACE}*")):
        pid = path.removeprefix(PLACE).partition("-")[0]
        if os.path.exists(f"/proc/{pid}"):
            found.append(path)
    return found


def attach(path):
    """Pass lines on, both ways, until the service ends it."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path)
        ends = [link, sys.stdin.fileno()]
        while True:
            ready, _, _ = select.select(ends, [], [])
            if link in ready:
                data = link.recv(65536)
                if not data:
                    return
                os.write(sys.stdout.fileno(), data)
            if len(ends) > 1 and ends[1] in ready:
                line = os.read(ends[1], 65536)
                if line:
                    link.sendall(line)
                else:
                    link.shutdown(socket.SHUT_WR)
                    del ends[1]


def main(words):
    """The two commands."""
    found = waiting()
    if words[:1] == ["attach"]:
        attach(words[1] if len(words) > 1 else found[0])
    else:
        sys.stdout.writelines(f"{path}\n" for path in found)


if __name__ == "__main__":
    main(sys.argv[1:])
