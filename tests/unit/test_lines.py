# SPDX-License-Identifier: GPL-3.0-or-later
"""Changed lines, and the statements they belong to."""

from textwrap import dedent

import pytest

from harness import lines

PATCH = """\
diff --git a/a.py b/a.py
index 1..2 100644
--- a/a.py
+++ b/a.py
@@ -1,2 +1,3 @@
-+++ b/no.py
-old
+++ b/no.py
+@@ -1 +1 @@
+new
@@ -10 +12,0 @@ def removed():
-gone
@@ -20,0 +22 @@
+one
\\ No newline at end of file
diff --git a/gone.py b/gone.py
--- a/gone.py
+++ /dev/null
@@ -1,2 +0,0 @@
-a
-b
diff --git a/with space.py b/with space.py
--- a/with space.py\t
+++ b/with space.py\t
@@ -0,0 +1 @@
+x
diff --git "a/caf\\303\\251.py" "b/caf\\303\\251.py"
--- "a/caf\\303\\251.py"
+++ "b/caf\\303\\251.py"
@@ -5 +5 @@
-x
+y
"""


def test_a_patch() -> None:
    assert lines.changed(PATCH) == {
        "a.py": {1, 2, 3, 22},
        "with space.py": {1},
        "café.py": {5},
    }
    assert lines.changed("") == {}


SOURCE = dedent("""\
    import os

    @mark(
        1,
    )
    def f(
        a,
    ):
        call(
            a,
        )
        if (
            a
        ):
            return 1
        return {
            "b": 2,
        }

    match os:
        case 1:
            pass
    """)


@pytest.mark.parametrize(
    ("line", "first"),
    [
        (1, 1), (2, None), (6, 6), (7, 6), (8, 6), (9, 9), (10, 9), (11, 9),
        (12, 12), (13, 12), (14, 12), (15, 15), (16, 16), (17, 16), (18, 16),
        (20, 20), (22, 22),
    ],
)  # fmt: skip
def test_the_statement_of_a_line(line: int, first: int | None) -> None:
    assert lines.statements(SOURCE).get(line) == first


def test_what_is_no_python_has_no_statements() -> None:
    assert lines.statements("def (") == {}
    assert lines.statements("a\0b") == {}


def test_ranges() -> None:
    assert lines.ranges([9, 3, 5, 4]) == "3-5, 9"
    assert lines.ranges([]) == ""
