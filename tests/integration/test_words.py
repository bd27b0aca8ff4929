# SPDX-License-Identifier: GPL-3.0-or-later
"""``./nox``, the words before ``--`` that nox would not understand."""

import subprocess
import sys

import pytest

from tests.integration.conftest import ROOT


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("tryton",), "it is ./nox -s tryton"),
        (("tryton", "party", "-k", "x"), "it is ./nox -s tryton -- party -k x"),
        (("tyrton",), "did you mean tryton?"),
        (("-s", "tyrton"), "did you mean tryton?"),
        (("-s", "tryton", "party", "-x"), "it is ./nox -s tryton -- party -x"),
        (
            ("-s", "tryton", "party", "--", "--lf"),
            "it is ./nox -s tryton -- party --lf",
        ),
        (("-s", "frobnicate"), "./nox -l lists them"),
    ],
)
def test_nox_says_what_was_meant(words: tuple[str, ...], remedy: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "nox", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.endswith(f"to mend it: {remedy}\n")
    assert done.stdout == ""
