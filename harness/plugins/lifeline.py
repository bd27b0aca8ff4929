# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that ends with the one that started it, also after ``kill -9``."""

from __future__ import annotations

import ctypes
import signal

PR_SET_PDEATHSIG = 1
"""prctl(2); Linux only, elsewhere the process ends when it next asks its parent."""


def hold() -> None:
    """Be killed by the kernel when the parent ends."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
