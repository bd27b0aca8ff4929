# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process that fills databases is told of the side that it is on."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.template.process import Process, Side


class Other(Side):
    """One where sources are elsewhere."""

    def wrap(self, argv: Sequence[str], env: Mapping[str, str]) -> list[str]:
        """In something."""
        return ["in", env["PYTHONHASHSEED"], *argv]

    def paths(self, paths: Sequence[str]) -> list[str]:
        """By their names there."""
        return [one.replace("/home/me/src", "/shared/src") for one in paths]


def test_sources_have_the_names_of_that_side() -> None:
    roots, apart = ["/home/me", "/home/me/src/alpha"], ["/state", "/home/me/src/out"]
    process = Process(Path("/bin/python"), env={}, side=Other())
    assert process.argv[:3] == ["in", "0", "/bin/python"]
    assert process.observed(roots, apart) == {
        "roots": ["/home/me", "/shared/src/alpha"],
        "apart": ["/state", "/home/me/src/out", "/shared/src/out"],
    }
    assert Process(Path("/bin/python"), env={}).observed(roots, apart) == {
        "roots": roots,
        "apart": apart,
    }
