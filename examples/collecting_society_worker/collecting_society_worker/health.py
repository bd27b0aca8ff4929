# SPDX-License-Identifier: GPL-3.0-or-later
"""How the service fares, in a file that a health check reads: ``ok``, or why not."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Health:
    """Without a path nothing is written."""

    path: str = ""

    def say(self, why: str = "") -> None:
        """All is well, or `why` it is not."""
        if self.path:
            new = Path(f"{self.path}.new")
            new.write_text(f"{why or 'ok'}\n", "utf-8")
            os.replace(new, self.path)
