# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a server for data that nobody will miss (docs/design.md)."""

from collections.abc import Mapping
from typing import Final

SETTINGS: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
    "jit": "off",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "log_min_messages": "warning",
}
LASTING: Final = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "checkpoint_timeout": "5min",
}
"""What differs for data that somebody wants to keep: a loss of power loses nothing."""


def settings(*, durable: bool) -> Mapping[str, str]:
    """Those of a server whose data are to be kept, or not."""
    return {**SETTINGS, **LASTING} if durable else SETTINGS
