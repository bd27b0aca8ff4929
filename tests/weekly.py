# SPDX-License-Identifier: GPL-3.0-or-later
"""What is tried each week: a merge tries the same with other values, or by other parts.

``./nox -s tests -- -m weekly`` tries it, ``-m ""`` all.
"""

from typing import Any

import pytest

WEEKLY = pytest.mark.weekly


def weekly(*values: Any) -> Any:
    """Values of a parametrized test that are for the weekly run."""
    return pytest.param(*values, marks=WEEKLY)
