# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from new files."""

import pytest

from harness.repositories.consequences import (
    ROOT,
    consequences,
    defaults,
    settings,
)
from harness.repositories.update import UpdateOutcome

KINDS = {"module": "tryton", "portal": "python"}


def outcome(
    name: str, *files: str, before: str = "a", after: str = "b"
) -> UpdateOutcome:
    return UpdateOutcome(
        name=name, action="moved", before=before, after=after, files=tuple(files)
    )


def whats(*outcomes: UpdateOutcome, copies: bool = False) -> list[str]:
    found = consequences(outcomes, kinds=KINDS, copies=copies)
    return [" ".join(one.words) or one.what for one in found]


@pytest.mark.parametrize(
    ("name", "files", "expected"),
    [
        ("module", ["party.py"], ["db update -m module"]),
        ("module", ["view/party.xml"], ["db update -m module"]),
        ("module", ["locale/de.po"], ["db update -m module"]),
        ("module", ["README.rst", "doc/x.py", "tests/test_x.py"], []),
        ("module", ["tryton.cfg"], ["build", "db update -m module"]),
        ("module", ["setup.py"], ["build"]),
        ("portal", ["portal/views.py"], []),
        ("portal", ["pyproject.toml"], ["build"]),
        ("portal", ["deep/er/setup.py"], []),
        (ROOT, ["Dockerfiles/db/entrypoint"], ["build", "run harness update again"]),
        (ROOT, ["docs/x.md"], ["run harness update again"]),
    ],
)
def test_what_follows(name: str, files: list[str], expected: list[str]) -> None:
    assert whats(outcome(name, *files)) == expected


def test_nothing_follows_where_nothing_changed() -> None:
    assert whats(outcome("module", after="a")) == []


def test_copies_in_images_are_made_anew() -> None:
    assert whats(outcome("portal", "portal/views.py"), copies=True) == ["build"]


def test_a_first_clone_has_no_database_yet() -> None:
    assert whats(outcome("module", "party.py", before="")) == []


def test_new_defaults() -> None:
    files = ("compose/env/portal.env", "compose/env/local/portal.env", "a.env")
    assert settings([outcome(ROOT, *files), outcome("portal", *files)]) == [files[0]]
    diff = "--- a/x\n+++ b/x\n-A=1\n+A=2\n+# said\n+B_C=x=y\n C=3\n+\n"
    assert defaults(diff) == ["A=2", "B_C=x=y"]
