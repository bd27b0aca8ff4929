# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a Python server on a worker's lease, and lets the worker say what it is now.

``python -m harness.plugins.serving [-m MODULE | FILE] ARGUMENTS …``: trytond opens the
leased database under ``DB_NAME``.  By a unix socket the worker says that it is about
to be put back (no transaction begins), was put back (caches are dropped) or is another
one (connections too), and waits until that is done: no test sees what a server
remembers of the one before, or writes for it.
"""

from __future__ import annotations

import json
import os
import runpy
import socket
import sys
import threading
import warnings
from typing import Any

SOCKET = "HARNESS_SERVING"
"""Environment variable that names the socket."""
DATABASE = "HARNESS_SERVING_DATABASE"
FILES = "HARNESS_SERVING_FILES"


GATE = threading.Event()
"""Transactions of trytond begin while it is set."""


def install() -> Any:
    """Redirect trytond's databases; None where there is no trytond."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import trytond.backend  # noqa: F401
        except ImportError:
            return None
        from harness.plugins import accelerate, tryton_database

        accelerate.locations()
        tryton_database.install()
        tryton_database.current = os.environ[DATABASE]
        accelerate.passwords()
        _gate()
    return tryton_database


def _gate() -> None:
    from trytond.transaction import Transaction

    original = Transaction.start

    def start(self: Any, *args: Any, **options: Any) -> Any:
        GATE.wait()
        return original(self, *args, **options)

    GATE.set()
    Transaction.start = start


def listen(tryton: Any) -> None:
    """Do what the worker says, one JSON object a line, each with an answer."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(os.environ[SOCKET])
        with link.makefile("rwb") as stream:
            for line in stream:
                said = json.loads(line)
                answer: dict[str, Any] = {"ok": True}
                try:
                    if "hold" in said:
                        hold(tryton, said["hold"])
                    elif tryton is not None:
                        obey(tryton, said)
                except Exception as error:
                    answer = {"ok": False, "error": repr(error)}
                stream.write(json.dumps(answer).encode() + b"\n")
                stream.flush()


def hold(tryton: Any, wanted: bool) -> None:
    """Begin no transaction, or begin them again."""
    if tryton is None:
        raise RuntimeError("without trytond nothing can be held here")
    if wanted:
        GATE.clear()
    else:
        GATE.set()


def obey(tryton: Any, said: dict[str, Any]) -> None:
    """Another database, or the same one with other contents."""
    if said["fresh"]:
        tryton.switch(said["database"])
        from trytond import config

        getattr(config, "config", config).set("database", "path", said["files"])
    else:
        tryton.forget()
    GATE.set()


def main(arguments: list[str]) -> None:
    """Run the server to its end."""
    tryton = install()
    threading.Thread(target=listen, args=(tryton,), name="harness", daemon=True).start()
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path.insert(0, os.getcwd())
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
