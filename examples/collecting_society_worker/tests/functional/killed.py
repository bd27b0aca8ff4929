# SPDX-License-Identifier: GPL-3.0-or-later
"""``killed.py POINT ARGUMENTS``: a worker that is killed at a point.

``rename:N``: instead of the N-th renaming; ``before:METHOD``, ``after:METHOD``:
before it asks the server for a method, or when the server has done it.
"""

import os
import signal
import sys
from xmlrpc.client import Transport

from collecting_society_worker import __main__ as program


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def at_renaming(last):
    rename, seen = os.rename, []

    def counted(source, target):
        seen.append(target)
        if len(seen) == last:
            kill()
        rename(source, target)

    os.rename = counted


def at_request(when, method):
    request = Transport.request
    mark = f".{method}</methodName>".encode()

    def watched(self, host, handler, body, verbose=False):
        if when == "before" and mark in body:
            kill()
        answer = request(self, host, handler, body, verbose)
        if mark in body:
            kill()
        return answer

    Transport.request = watched


if __name__ == "__main__":
    when, _, what = sys.argv.pop(1).partition(":")
    if when == "rename":
        at_renaming(int(what))
    else:
        at_request(when, what)
    sys.exit(program._begin())
