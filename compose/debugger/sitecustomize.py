# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens the debugger's port in a service's main process, and in no other.

Python imports this before anything else, so no service's command has to change.
The debugger itself triples the time of a start: it is loaded when the first client
knocks, and that client is passed on to it.  With DEBUGGER_WAIT the service does not
begin before that client is there.  Where an engine's init or ``reload.py`` is the
first process, DEBUGGER_HERE names the service.
"""

import os
import sys

ENVIRON = os.environ  # noqa: TID251 (a program of its own)
PORT = ENVIRON.get("DEBUGGER_PORT", "0")
INSIDE = 5679


def serve(listener):
    """Pass every client on to the debugger."""
    import socket
    import threading

    while True:
        client, _ = listener.accept()
        try:
            if "debugpy" not in sys.modules:
                import debugpy

                debugpy.listen(("127.0.0.1", INSIDE))
            server = socket.create_connection(("127.0.0.1", INSIDE))
        except Exception as error:  # noqa: BLE001 (a service without it is better than none)
            sys.stderr.write(f"no debugger: {type(error).__name__}: {error}\n")
            client.close()
            continue
        for one, other in ((client, server), (server, client)):
            aside(threading.Thread(target=relay, args=(one, other), daemon=True))


def aside(thread):
    """Start one that goes on where the debugger stops all: it carries its words."""
    thread.pydev_do_not_trace = thread.is_pydev_daemon_thread = True
    thread.start()


def relay(one, other):
    """Copy until an end is closed."""
    import contextlib
    import socket

    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with contextlib.suppress(OSError):
        other.shutdown(socket.SHUT_WR)


def main():
    """Listen, in a thread."""
    import socket
    import threading

    # Published on 127.0.0.1 only.
    listener = socket.create_server(("0.0.0.0", int(PORT)))  # noqa: S104
    aside(threading.Thread(target=serve, args=(listener,), daemon=True))


def wait(where):
    """Begin when an editor is there, and not before."""
    ENVIRON.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # or it warns
    import debugpy

    debugpy.listen(("0.0.0.0", int(PORT)))  # noqa: S104
    sys.stderr.write(f"debugger: waiting for an editor at {where}\n")
    sys.stderr.flush()
    debugpy.wait_for_client()
    sys.stderr.write("debugger: the editor is there\n")


# Neither is for the children of this process.
HERE = ENVIRON.pop("DEBUGGER_HERE", "") or os.getpid() == 1
WHERE = ENVIRON.pop("DEBUGGER_WAIT", "")
if HERE and PORT != "0":
    if WHERE:
        wait(WHERE)
    else:
        main()
