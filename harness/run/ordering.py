# SPDX-License-Identifier: GPL-3.0-or-later
"""How often the tests of a run are run, and in which order: from words to a plan."""

import secrets
from itertools import pairwise
from typing import Protocol

from harness.config import Config
from harness.context import Context
from harness.errors import UsageError
from harness.plan import Limit, Manner

SEEDS = 100_000
"""Seeds are drawn below it: easy to copy by hand."""
MOST = 1_000_000
"""Of anything."""


class OrderRequest(Protocol):
    """What the command line says of it."""

    @property
    def suite(self) -> str: ...
    @property
    def reruns(self) -> int | None: ...
    @property
    def repeat(self) -> int: ...
    @property
    def shuffle(self) -> str: ...
    @property
    def seed(self) -> int | None: ...
    @property
    def exactly(self) -> tuple[str, ...]: ...


def manner(context: Context, asked: OrderRequest, serial: str) -> Manner:
    """The manner of a run; `serial` is the option that needs the terminal, if any.

    Raises `UsageError` for numbers that mean nothing.
    """
    _check("--reruns", asked.reruns, least=0)
    _check("--repeat", asked.repeat, least=1)
    _check("--seed", asked.seed, least=1)
    reruns = asked.reruns
    if reruns is None:
        config, key = context.config, f"suite.{asked.suite}.reruns"
        own = config.suite[asked.suite].reruns
        reruns = own if key in config.origins else config.reruns
    if serial and asked.repeat > 1:
        raise UsageError(
            f"{serial} needs the terminal, and --repeat new processes",
            remedy=f"leave {serial} out",
        )
    if serial and reruns:
        context.console.info(f"{serial} needs the terminal: failures are not run again")
        reruns = 0
    seed = (asked.seed or secrets.randbelow(SEEDS - 1) + 1) if asked.shuffle else 0
    return Manner(
        reruns=reruns,
        repeat=asked.repeat,
        seed=seed,
        everything=asked.shuffle == "all",
        exact=asked.exactly,
        strict=bool(asked.exactly),
    )


def _check(option: str, value: int | None, *, least: int) -> None:
    if value is not None and not least <= value <= MOST:
        raise UsageError(
            f"{option} {value} means nothing",
            remedy=f"give {least} or more" if value < least else f"give {MOST} or less",
        )


def again(line: str, manner: Manner) -> str:
    """The command that runs in the same order; empty where the order is not drawn."""
    if not manner.seed:
        return ""
    own, dashes, rest = line.partition(" -- ")
    if not {f"--seed {manner.seed}", f"--seed={manner.seed}"} & _pairs(own):
        own += f" --seed {manner.seed}"
    return own + dashes + rest


def _pairs(line: str) -> set[str]:
    words = line.split()
    return {*words, *(f"{a} {b}" for a, b in pairwise(words))}


def limit(config: Config, suite: str, serial: str) -> Limit:
    """How long a test may take: the suite's own, or the general one.

    Who looks at tests, by the option `serial`, has any time.
    """
    if serial:
        return Limit()
    if config.source_of("timeout").startswith("--"):
        return Limit(seconds=config.timeout, fixed=True)
    own = f"suite.{suite}.timeout" in config.origins
    return Limit(seconds=config.suite[suite].timeout if own else config.timeout)
