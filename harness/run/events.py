# SPDX-License-Identifier: GPL-3.0-or-later
"""What a watch hears of: keys, saves, the ends of rounds; in the order of their coming.

Who is busy meanwhile asks whether to go on.
"""

import queue
from collections.abc import Iterable
from typing import Any

from harness.template.layer import Layer

Event = tuple[str, object]
QUIT = ("q", "")
"""Keys that end the watch."""


class Events(queue.Queue[Event]):
    """Threads put them in, the watch takes them out."""

    asked = 0
    """How many have waited when it was last asked."""

    def take(self, kind: str) -> Any:
        """What one of a kind says, which waits; before all others."""
        with self.mutex:
            found = next(one for one in self.queue if one[0] == kind)
            self.queue.remove(found)
        return found[1]

    def supersede(self, layers: Iterable[Layer]) -> bool:
        """Whether layers that are built now are of no use after what waits here."""
        with self.mutex:
            waiting = list(self.queue)
        if len(waiting) == self.asked:
            return False
        self.asked = len(waiting)
        if any(kind == "key" and value in QUIT for kind, value in waiting):
            return True
        saved = any(kind == "saved" for kind, _ in waiting)
        return saved and any(one.changes() for one in layers)
