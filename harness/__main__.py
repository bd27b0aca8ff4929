# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m harness``: the one place that ends the process."""

import sys

from harness.cli import main


def run() -> None:
    """The console script."""
    raise SystemExit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
