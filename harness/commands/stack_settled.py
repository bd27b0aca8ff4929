# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether ``harness up`` would change anything: Compose takes seconds to find out."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.commands import stack_release
from harness.commands.stack import Stack
from harness.stack.compose import Container
from harness.store import write_atomically

FILE: Final = "settled"


def is_it(stack: Stack, wanted: Sequence[str]) -> bool:
    """Whether all is well, and nothing has changed since `note`."""
    try:
        known = _place(stack).read_text("utf-8")
    except OSError:
        return False
    there = stack.looking.ps()
    return all(one.well for one in there) and known == _mark(stack, wanted, there)


def note(stack: Stack, wanted: Sequence[str]) -> None:
    """All of `wanted` is as it is to be."""
    write_atomically(_place(stack), _mark(stack, wanted, stack.looking.ps()))


def _mark(stack: Stack, wanted: Sequence[str], there: Sequence[Container]) -> str:
    """What Compose is told, of which images, and the containers that came of it."""
    told = stack.compose.run("config", "--format", "json").stdout
    names = {stack.project.image(one) for one in stack.project.closure(wanted)}
    call = ("image", "inspect", "--format", "{{.Id}}", *sorted(names))
    images = stack.engine.run(*call, check=False).stdout
    facts = (sorted(wanted), told, images, sorted(one.id for one in there))
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _place(stack: Stack) -> Path:
    return stack_release.directory(stack) / FILE
