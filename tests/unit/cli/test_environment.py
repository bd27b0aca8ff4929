# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors name commands for the environment that they are about."""

import pytest

from harness import cli
from harness.cli.base import of_environment

PARSER = cli.parser()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("look at harness ps and harness logs",
         "look at harness ps --environment staging and"
         " harness logs --environment staging"),
        ("harness logs portal nginx says why",
         "harness logs --environment staging portal nginx says why"),
        ("harness db create, or another place: --on",
         "harness db create --environment staging, or another place: --on"),
        ("rm x; harness secrets init", "rm x; harness secrets init --environment staging"),
        ("harness logs --environment staging portal",
         "harness logs --environment staging portal"),
        ("harness db update --environment staging, then harness up",
         "harness db update --environment staging, then harness up --environment staging"),
        ("harness build portal", "harness build portal"),
        ("it is harness that asks", "it is harness that asks"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("line", ["up --environment staging", "up --environment=staging"])
def test_a_remedy_is_for_the_environment(line: str, said: str, told: str) -> None:
    assert of_environment(said, line.split(), PARSER) == told
    assert of_environment(said, ["up"], PARSER) == said
