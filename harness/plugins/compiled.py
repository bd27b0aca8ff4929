# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytecode that may not be of its source is compiled anew.

Python knows bytecode by the size of its source and the second of its last change. A
file that is saved, imported and saved again within a second, at the same size, has the
bytecode of the first; a template would keep it under the digest of the second.
"""

from __future__ import annotations

import importlib.util
import os
from importlib.machinery import SourceFileLoader
from typing import Any

YOUNG = 10.0
"""Seconds after the change of a source in which bytecode proves nothing: a second, and
what there may be between reading the source and writing it."""
INSTALLED = ("site-packages", "dist-packages")
LIBRARY = os.path.join(os.path.dirname(os.__file__), "")


def distrust() -> None:
    """From now on, for all imports but those of what is installed."""
    read: Any = SourceFileLoader.get_data

    def get_data(self: Any, path: str) -> Any:
        if doubtful(path):
            raise OSError(f"{path} may not be of its source")
        return read(self, path)

    SourceFileLoader.get_data = get_data  # type: ignore[method-assign]


def doubtful(path: str) -> bool:
    """Whether a file is bytecode of a source that may have changed since."""
    if not path.endswith(".pyc") or path.startswith(LIBRARY):
        return False
    if any(one in path for one in INSTALLED):
        return False
    try:
        source = os.stat(importlib.util.source_from_cache(path))
        return os.stat(path).st_mtime < int(source.st_mtime) + YOUNG
    except (OSError, ValueError):
        return False
