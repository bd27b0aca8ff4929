# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules a fork has to import anew."""

from pathlib import Path

import pytest

from harness.plugins.workers import warm


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("web.tests.unit.test_one", "/src/web/tests/unit/test_one.py"),
        ("web.tests.unit", "/src/web/tests/unit/__init__.py"),  # pytest 7's package
        ("web", "/src/web/__init__.py"),
        ("web", "/src/web.py"),
    ],
)
def test_a_package_comes_from_where_its_modules_do(name: str, path: str) -> None:
    """Else it looked like two of one name, and all of it was imported again."""
    assert warm.origin(name, Path(path)) == ("web", Path("/src"))
