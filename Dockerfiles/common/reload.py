# SPDX-License-Identifier: GPL-3.0-or-later
"""``reload.py COMMAND...``: a service in the foreground, begun again on change.

It has the terminal, so pdb works in it.  What is watched are the sources at
/shared/src (RELOAD_PATHS names other places).  A service that fails waits for the
next change where there is a terminal; else its exit code is handed on.
"""

import os
import signal
import sys
import time
from pathlib import Path

PATHS = os.environ.get("RELOAD_PATHS", "/shared/src").split(":")
SKIPPED = frozenset({"__pycache__", "node_modules", "build", "dist", "tests"})
ENDINGS = frozenset({".pyc", ".pyo", ".swp", ".swx", ".tmp", ".log", ".egg-info"})
LOOK = 1.0
"""Seconds between two looks at the sources."""
GRACE = 10.0
"""Seconds that the service gets to end."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
KERNEL = 128  # SI_KERNEL of sigaction(2): the terminal's Ctrl-C, heard by the child too


def say(text):
    """One line for whoever watches."""
    sys.stderr.write(f"deploy: {text}\n")
    sys.stderr.flush()


def files(places):
    """All that is watched, each with what changes when it does."""
    found = {}
    todo = list(places)
    while todo:
        try:
            entries = list(os.scandir(todo.pop()))
        except OSError:
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.name in SKIPPED:
                continue
            ending = Path(entry.name).suffix
            if ending in ENDINGS or entry.name.endswith("~"):
                continue
            if entry.is_dir(follow_symlinks=False):
                todo.append(entry.path)
            elif entry.is_file():
                state = entry.stat()
                found[entry.path] = (state.st_mtime_ns, state.st_size)
    return found


def difference(before, after):
    """The first path that is new, gone or other; None for none."""
    for path in sorted(set(before) | set(after)):
        if before.get(path) != after.get(path):
            return path
    return None


class Service:
    """The child; its exit code once it has ended."""

    def __init__(self, argv):
        self.argv = argv
        self.pid = 0
        self.code = None
        self.env = dict(os.environ)

    def start(self):
        """Begin it (anew); it alone has the debugger, which waits once at most."""
        env = {**self.env, "DEBUGGER_HERE": "1"}
        self.env.pop("DEBUGGER_WAIT", None)
        self.code = None
        self.pid = os.posix_spawnp(self.argv[0], self.argv, env, setsigmask=[])

    def reap(self):
        """Take the codes of all that have ended: we may be the init of a container."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid == self.pid:
                self.code = os.waitstatus_to_exitcode(status)

    def end(self, told=None):
        """TERM, some seconds, KILL; not again what it was told already."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if number != told:
                self.signal(number)
            deadline = time.monotonic() + GRACE
            while self.code is None and time.monotonic() < deadline:
                signal.sigtimedwait([signal.SIGCHLD], 0.2)
                self.reap()

    def signal(self, number):
        """Hand a signal on."""
        if self.code is None:
            os.kill(self.pid, number)


def heard(service, deadline):
    """Wait until the deadline for signals; the one that asks us to end, if any."""
    while True:
        rest = deadline - time.monotonic()
        found = signal.sigtimedwait(SIGNALS, max(0.0, rest))
        if found is None:
            return None
        if found.si_signo == signal.SIGCHLD:
            service.reap()
            if service.code is not None:
                return None
        else:
            if not (found.si_signo == signal.SIGINT and found.si_code == KERNEL):
                service.signal(found.si_signo)
            if found.si_signo != signal.SIGINT or service.code is not None:
                return found.si_signo


def main(argv):
    """Run it until it ends for good; its exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    service = Service(argv)
    seen = files(PATHS)
    try:
        service.start()
    except OSError as error:
        say(f"{argv[0]}: {error.strerror}")
        return 127
    waits = False
    while True:
        asked = heard(service, time.monotonic() + LOOK)
        if asked:
            service.end(told=asked)
            return 128 + asked if service.code is None else max(service.code, 0)
        now = files(PATHS)
        changed = difference(seen, now)
        if changed:
            seen = now
            say(f"{changed} has changed: once more")
            service.end()
            service.start()
            waits = False
        elif service.code is not None and not waits:
            interrupted = service.code in (0, -signal.SIGINT, 130)
            if interrupted or not sys.stdin.isatty():
                return max(service.code, 0)
            say(f"ended with {service.code}; it begins again when a source changes")
            waits = True


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
