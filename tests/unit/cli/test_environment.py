# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors name commands for the environment that they are about."""

import pytest

from harness import cli
from harness.cli.base import of_environment

PARSER = cli.parser()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("harness ps and harness logs", "harness ps % and harness logs %"),
        ("harness logs portal nginx says why", "harness logs % portal nginx says why"),
        ("harness db create, or: --on", "harness db create %, or: --on"),
        ("rm x; harness secrets init", "rm x; harness secrets init %"),
        ("harness logs % portal", "harness logs % portal"),
        ("harness db size %, harness up", "harness db size %, harness up %"),
        ("harness build portal", "harness build portal"),
        ("it is harness that asks", "it is harness that asks"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "line", ["up --environment staging", "up --environment=staging"]
)
def test_a_remedy_is_for_the_environment(line: str, said: str, told: str) -> None:
    said, told = (text.replace("%", "--environment staging") for text in (said, told))
    assert of_environment(said, line.split(), PARSER) == told
    assert of_environment(said, ["up"], PARSER) == said


def test_no_remedy_is_for_an_environment_that_there_is_not() -> None:
    said, line = (
        "look at harness secrets init --help",
        "secrets init --environment prod",
    )
    assert of_environment(said, line.split(), PARSER) == said
