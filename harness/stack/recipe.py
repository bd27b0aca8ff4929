# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stack's database is made of: the digest that its dump is called by."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness.template import digest
from harness.template.layer import Program

MAKER = Path(__file__).with_name("database.py")
"""The code that makes it."""


@dataclass(frozen=True, kw_only=True)
class StackRecipe:
    """What a database is made of; `images` and `trees` are digests.

    `again` looks at what is there now.
    """

    modules: tuple[str, ...]
    images: tuple[str, ...]
    trees: tuple[str, ...]
    programs: tuple[Program, ...] = ()
    """What fills it once it has its modules; their facts are among `trees`."""
    again: "Callable[[], StackRecipe] | None" = field(
        default=None, compare=False, repr=False
    )

    @property
    def digest(self) -> str:
        """The name of its dump; the code that makes it is part of it."""
        code = [MAKER.read_text("utf-8"), digest.building()]
        facts = [code, self.modules, self.images, self.trees]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:20]

    def holds(self) -> bool:
        """Whether images and sources still are what they were."""
        now = self.again() if self.again else self
        return (now.images, now.trees) == (self.images, self.trees)


def tree(path: Path) -> str:
    """Digest of a mounted source."""
    return hashlib.sha256(
        json.dumps(digest.tree(path), sort_keys=True).encode()
    ).hexdigest()


def mark(recipe: StackRecipe, password: str) -> str:
    """Tells passwords apart, and is as hard to guess from as their hash in a dump."""
    salt = recipe.digest.encode()
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1).hex()[:16]
