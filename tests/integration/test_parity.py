# SPDX-License-Identifier: GPL-3.0-or-later
"""Warm workers against plain pytest: what is imported, and configured."""

import re
from pathlib import Path

import pytest

from tests.integration.test_workers import python
from tests.integration.workbench import Ran, Suite

__all__ = ["python"]


@pytest.fixture
def suite(tmp_path: Path, python: Path) -> Suite:
    return Suite(tmp_path, python)


def same(suite: Suite, *options: str) -> Ran:
    """A run that comes out like plain pytest's."""
    plain, warm = suite.plain(*options), suite.warm(*options)
    assert warm.told == plain.told, plain.text + warm.text
    assert not warm.left
    return warm


def nested(suite: Suite, **files: str) -> None:
    for name in files:
        (suite.root / name).parent.mkdir(parents=True, exist_ok=True)
    suite.write(**files)


def test_files_of_one_name_and_packages_without_init(suite: Suite) -> None:
    """With ``importlib``, where each is a module of its own."""
    nested(
        suite,
        **{
            "x/test_a.py": "def test_x(): pass",
            "y/test_a.py": "from ns.one.helper import V\ndef test_y(): assert V == 1",
            "ns/one/helper.py": "V = 1",
            "ns/one/test_a.py": "import ns.one.helper\ndef test_n(): assert 0\n"
            "def test_left(): assert 0",
            # pytest reads no other: neither the option nor the pattern counts
            "pytest.ini": "[pytest]\npythonpath=.\nconsider_namespace_packages=true",
            "tox.ini": "[pytest]\npython_files = none.py",
            "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-k none'",
        },
    )
    left = "ns/one/test_a.py::test_left"
    ran = same(suite, "--import-mode=importlib", "--deselect", left)
    assert sorted(ran.outcomes.values()) == ["failure", "passed", "passed"]


def test_warnings_are_errors(suite: Suite) -> None:
    """By the command line over ``setup.cfg``."""
    suite.write(
        test_w="""\
        import warnings
        def test_user(): warnings.warn("x")
        def test_old(): warnings.warn(DeprecationWarning("y"))
        def test_none(): pass
        """,
        **{"setup.cfg": "[tool:pytest]\nfilterwarnings = ignore::UserWarning"},
    )
    ran = same(suite, "-W", "error")
    assert sorted(ran.outcomes.values()) == ["failure", "failure", "passed"]


def test_a_breakpoint_where_nobody_can_type(suite: Suite) -> None:
    suite.write(test_a="def test_1():\n    breakpoint()\n\ndef test_2(): pass")
    ran = suite.warm("-p", "harness.plugins.given")
    assert re.search(r"a breakpoint at .*test_a\.py:2, .* with -s", ran.text), ran.text
    assert "BdbQuit" not in ran.text
    assert sorted(ran.outcomes.values()) == ["failure", "passed"]
