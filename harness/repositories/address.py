# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a repository is cloned from: as configured, by SSH or HTTPS, from a mirror."""

import re
from pathlib import Path
from typing import Final

REMOTE: Final = re.compile(
    r"(?:(?P<scheme>https?|ssh|git)://(?:[^@/]+@)?|(?:[^@/]+@))"
    r"(?P<host>[^:/]+)(?::(?P<port>\d+)(?=/))?[:/]+(?P<path>.+?)(?:\.git)?/?"
)


def from_root(address: str, root: Path) -> str:
    """A relative path as one that counts from `root`, anything else as it is."""
    if not address or "://" in address or REMOTE.fullmatch(address):
        return address
    return str(root / address)


def effective(address: str, *, name: str, mirror: str, protocol: str) -> str:
    """The address that is cloned and fetched.

    A `mirror` has the placeholders ``{name}``, ``{path}`` (``OWNER/NAME``) and
    ``{host}``; without any, ``/NAME.git`` is added.  Paths of this machine stay
    what they are, unless there is a mirror.
    """
    match = REMOTE.fullmatch(address)
    if mirror:
        path = match["path"] if match else name
        host = match["host"] if match else ""
        if "{" not in mirror:
            return f"{mirror.rstrip('/')}/{name}.git"
        return mirror.format(name=name, path=path, host=host)
    if not match or match["port"] or protocol == "given":
        return address
    if protocol == "ssh":
        return f"git@{match['host']}:{match['path']}.git"
    return f"https://{match['host']}/{match['path']}.git"
