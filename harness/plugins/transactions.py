# SPDX-License-Identifier: GPL-3.0-or-later
"""The transactions of trytond that tests and fixtures leave open."""

from __future__ import annotations

import contextlib
import sys
from typing import Any


def opened() -> list[Any]:
    """The transactions of trytond that are open in this thread."""
    module = sys.modules.get("trytond.transaction")
    if module is None:
        return []
    # `Transaction()` itself would begin to be one; the stack of them is kept here:
    # https://foss.heptapod.net/tryton/tryton/-/blob/branch/7.0/trytond/trytond/transaction.py
    return [one for one in module.Transaction._local.transactions if one.connection]


def end(transactions: list[Any]) -> None:
    """Roll back what was left open; its database may be gone."""
    for one in reversed(transactions):
        with contextlib.suppress(Exception):
            one.stop()
