# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m harness``: the one place that ends the process."""

import gc
import os
import sys
from importlib.util import find_spec

NEEDED = ("coverage", "jinja2", "nox", "psycopg", "rich")
"""Packages of the extra ``cli``; plugins of pytest are installed without it."""


def open_all() -> None:
    """Whoever closed one of the three handles has ``/dev/null`` there.

    Else it would be the next file that is opened.  Errors are still to be read.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, number)
            stream = sys.stderr if name == "stdout" else None
            setattr(sys, name, stream or os.fdopen(number, "w" if number else "r"))


def run() -> None:
    """The console script."""
    open_all()
    if sys.platform == "win32":
        raise SystemExit(
            "the harness does not run on Windows: it forks, and locks by the kernel\n"
            "to mend it: use it in WSL, in a container, or on Linux or macOS"
        )
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise SystemExit(
            f"the command line needs {', '.join(missing)}\n"
            "to mend it: pip install 'collecting-society-harness[cli]'"
        )
    gc.set_threshold(50_000, 20, 50)  # there is much that lives, and little garbage
    from harness.cli import main  # not on Windows, which has no fcntl

    code = main(sys.argv[1:])
    gc.freeze()  # the interpreter looks through all of it at its end
    raise SystemExit(code)


if __name__ == "__main__":
    run()
