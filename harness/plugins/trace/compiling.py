# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources compiled so that they say what of them is entered; remembered by content."""

from __future__ import annotations

import ast
import marshal
import sys
from typing import Any

from harness.plugins.trace import instrument, skeleton
from harness.plugins.trace.facts import Now, store
from harness.plugins.trace.skeleton import Reader, Skeleton
from harness.plugins.unpatched import os


def make(
    now: Now, source: bytes, path: str, name: str, rewrite: Any = None
) -> tuple[Skeleton, Any]:
    """The skeleton of a source and its code: what is known of them, else made.

    `rewrite` changes the tree after that (pytest's assertions).
    """
    pytest = rewrite and getattr(sys.modules["pytest"], "__version__", "")
    key = f"{skeleton.VERSION} {sys.version} {path} {name} {now.own} {pytest}"
    place = ""
    if now.cache:
        place = os.path.join(now.cache, skeleton.digest(key.encode() + source))
        try:
            with open(place, "rb") as stream:
                *found, code = marshal.loads(stream.read())
            return Skeleton(*found), code
        except (OSError, ValueError, EOFError, TypeError):
            pass
    tree = ast.parse(source, path)
    reader = Reader(tree, now.own)
    instrument.add(tree, reader, name)
    if rewrite is not None:
        rewrite(tree, source)
    code = compile(tree, path, "exec", dont_inherit=True)
    if place:
        now.remember(skeleton.digest(source), reader.result)
        store(place, marshal.dumps((*reader.result, code)))
    return reader.result, code
