# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m harness``: the one place that ends the process."""

import sys
from importlib.util import find_spec

from harness.cli import main

NEEDED = ("coverage", "jinja2", "nox", "psycopg", "rich")
"""Packages of the extra ``cli``; plugins of pytest are installed without it."""


def run() -> None:
    """The console script."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise SystemExit(
            f"the command line needs {', '.join(missing)}\n"
            "to mend it: pip install 'collecting-society-harness[cli]'"
        )
    raise SystemExit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
