# SPDX-License-Identifier: GPL-3.0-or-later
"""Amounts in words: durations, sizes, numbers of things."""


def duration(seconds: float) -> str:
    """``0.42 s``, ``3.1 s``, ``2 min 05 s``, ``1 h 02 min``."""
    seconds = max(0.0, seconds)
    if round(seconds, 2) < 1:
        return f"{seconds:.2f} s"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    return minutes(seconds)


def minutes(seconds: float) -> str:
    """``2 min 05 s``, ``1 h 02 min``"""
    whole, rest = divmod(round(seconds), 60)
    if whole < 60:
        return f"{whole} min {rest:02} s"
    return f"{whole // 60} h {whole % 60:02} min"


def counted(count: int, what: str) -> str:
    """``1 test``, ``2 tests``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def size(count: int) -> str:
    """``512 B``, ``1.5 KiB``, ``6.0 GiB`` for a number of bytes."""
    if count < 1024:
        return f"{count} B"
    value = count / 1024
    for unit in ("KiB", "MiB", "GiB"):
        if round(value, 1) < 1024:
            return f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
