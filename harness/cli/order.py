# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of ``harness test`` on how often tests run, and in which order."""

import argparse

from harness.cli.base import Parser


def add(one: Parser) -> None:
    """Add them to the command."""
    group = one.add_argument_group("flaky tests (docs/flaky.md)")
    group.add_argument(
        "--reruns",
        type=int,
        metavar="N",
        help="run failures again, up to N times, each with fresh fixtures and a fresh"
        " database: who passes then is flaky",
    )
    group.add_argument(
        "--repeat", type=int, default=1, metavar="N", help="run each test N times"
    )
    group.add_argument(
        "--random-order",
        action="store_true",
        help="shuffle modules, classes, and tests that share no database",
    )
    group.add_argument(
        "--random-order-all", action="store_true", help="shuffle all tests"
    )
    group.add_argument(
        "--seed", type=int, metavar="N", help="the random order of an earlier run"
    )
    group.add_argument(
        "--exactly",
        action="append",
        default=[],
        metavar="TEST",
        help="run just these tests, in this order, in one process; a test's id",
    )
    group.add_argument(
        "--bisect",
        metavar="TEST",
        help="find the tests that make TEST fail, among those that ran before it",
    )


def shuffle(options: argparse.Namespace) -> str:
    """Nothing, ``some`` or ``all``."""
    if options.random_order_all:
        return "all"
    return "some" if options.random_order or options.seed is not None else ""
