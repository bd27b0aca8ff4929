# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that fill the stack's database, as templates name them."""

import json
from collections.abc import Sequence
from typing import Final

from harness.template import digest
from harness.template.layer import Program

PLACE: Final = "/shared/data"
"""Where the directory of a program is."""


def fact(program: Program) -> str:
    """All that its outcome depends on, but for the image that it runs in."""
    read = [digest.tree(program.root / one) for one in program.reads]
    return json.dumps([program.argv, program.environment, read], sort_keys=True)


def words(begun: Sequence[str], database: str, program: Program) -> list[str]:
    """Compose's words that run it; how those of erpserver begin is `begun`."""
    told = (f"DB_NAME={database}", "PYTHONDONTWRITEBYTECODE=1", *program.environment)
    return [
        *begun, "--volume", f"{program.directory}:{PLACE}:ro", "--workdir", PLACE,
        *(word for one in told for word in ("--env", one)),
        "erpserver", *program.argv,
    ]  # fmt: skip
