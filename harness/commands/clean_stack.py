# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``harness clean`` may take of stacks: this checkout's, never production's."""

import re
from collections.abc import Sequence

from harness.commands import stack_down
from harness.commands.stack import labelled, open_, remove
from harness.context import Context
from harness.engine import Engine, Owned
from harness.stack import project as projects

STACK = "stack"
PRODUCTION = re.compile(r"-production[-_]")
"""In the names of all that belongs to a stack of production."""
REMOVABLE = ("development", "staging")
"""Environments whose stacks may be removed from here."""


def _own(context: Context, environment: str) -> str:
    """The name of this checkout's stack in an environment."""
    return projects.make(context.config, environment).name


def save(context: Context, volumes: Sequence[str]) -> None:
    """Back up what is in the stack's volumes, as ``harness down`` does."""
    for environment in REMOVABLE:
        name = _own(context, environment)
        data = [one for one in volumes if one.rpartition("_")[0] == name]
        if not data:
            continue
        stack = open_(context, environment)
        there = labelled(stack, "container")
        stack_down.save(stack, data, dry=False)
        if not there:  # its server was started for that alone
            remove(stack, stack_down.KINDS, dry=False)


def taken(context: Context, one: Owned) -> bool:
    """Whether a part of a stack may be removed here at all."""
    if one.kind == "volume":
        own = {_own(context, environment) for environment in REMOVABLE}
        return one.name.rpartition("_")[0] in own
    return not PRODUCTION.search(one.name)


def tell_kept(context: Context, *, volumes: bool) -> None:
    """Say which data of stacks stay, and what removes them."""
    docker = Engine(context.environ)
    if not volumes or docker.why_not():
        return
    for one in docker.owned(context.store.id):
        if one.role != STACK or one.kind != "volume" or taken(context, one):
            continue
        where = (
            "there" if not PRODUCTION.search(one.name) else "--environment production"
        )
        context.console.info(
            f"{one.name} stays, it is production's or another checkout's:"
            f" harness down --volumes {where}"
        )
