# SPDX-License-Identifier: GPL-3.0-or-later
"""The dump that fills an empty stack: what it is made of, and ``harness build``'s.

It is filled by a server of its own, which goes when it is done: nothing of the stack
is touched, and the first ``harness up`` only reads it.
"""

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import harness
from harness import engine, locks
from harness.commands.stack import Stack, labelled
from harness.context import Context
from harness.engine import Engine
from harness.errors import DatabaseError, HarnessError, ImageError, Interrupted
from harness.run import needs
from harness.stack import access, programs
from harness.stack.database import BUILDING, Listener, StackDatabase
from harness.stack.recipe import StackRecipe, tree
from harness.steps import ConsoleStep
from harness.store import Run, write_atomically
from harness.template import digest
from harness.template.layer import Program, Request
from harness.template.packages import imported

ACCELERATE: Final = Path(harness.__file__).parent / "plugins" / "accelerate.py"
DATABASE: Final = ("up", "--detach", "--no-deps", "db")
"""Compose's words that start the server; its database is made before the rest."""
THROWN_AWAY: Final = (
    "fsync=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0",
)  # fmt: skip
"""Settings of a server whose data nobody keeps."""


def maker(stack: Stack, name: str) -> StackDatabase:
    """What makes a database of the stack."""
    return StackDatabase(
        stack.compose,
        stack.context.store,
        name=name,
        script=stack.project.directory / "erpserver" / "initialise.py",
        accelerate=ACCELERATE if stack.project.environment == "development" else None,
    )


def recipe(stack: Stack) -> StackRecipe:
    """What the database is made of: outside of production, of a template's data too."""
    config = stack.context.config
    asked = Request(modules=config.stack.modules)
    if config.stack.template and stack.project.environment != "production":
        asked = needs.request(config, (config.stack.template,))
    modules = tuple(dict.fromkeys((*config.stack.modules, *asked.modules)))
    filling = tuple(one for one in asked.data if isinstance(one, Program))
    facts = []
    if stack.project.environment == "development":
        read = [one.root / path for one in filling for path in one.reads]
        mounted = sources(stack.context, modules, read)
        facts = [f"{name} {tree(stack.context.sources[name].path)}" for name in mounted]
    if table := stack.project.tables.get("erpserver"):
        facts += table.environment
    return StackRecipe(
        modules=modules,
        images=tuple(stack.require_images(["db", "erpserver"])),
        trees=(*facts, *map(programs.fact, filling)),
        programs=filling,
        again=lambda: recipe(stack),
    )


def sources(
    context: Context, modules: Collection[str], read: Collection[Path]
) -> list[str]:
    """The sources that fill a database: modules, what these and programs import."""
    graph = context.graph
    todo = [one for one in graph.order(graph.known(modules)) if one in context.sources]
    found: set[str] = set()
    places = [*read, *(context.sources[name].path for name in todo)]
    while places:
        place = places.pop()
        for path in digest.shipped(place) if place.is_dir() else [place]:
            if path.suffix == ".py":
                found |= {one.split(".")[0] for one in imported(path.read_bytes())}
        more = [one for one in context.sources if one in found and one not in todo]
        places += [context.sources[name].path for name in more]
        todo += more
    return sorted(todo)


def told(step: ConsoleStep) -> Listener:
    """Shows on a step what is made just now, and how many there were."""
    count = 0

    def listener(name: str) -> None:
        nonlocal count
        count += 1
        step.update(f"{count}, {name}")

    return listener


def title(wanted: StackRecipe) -> str:
    """What a database has."""
    names = [*wanted.modules, *(one.name for one in wanted.programs)]
    return f"database with {', '.join(names)}"


def ahead(stack: Stack, variant: str, built: Collection[str]) -> None:
    """Have a dump for the first ``harness up``, if it is about to come.

    That is when all images are there, those that make databases were asked for, and
    the stack has no data yet, on this machine.  What hinders it is told: ``harness up``
    makes it, too.
    """
    project = stack.project
    if project.variant != variant or not (project.directory / "compose.yaml").is_file():
        return
    if not {*built} & {*project.images(["db", "erpserver"])}:
        return
    try:
        stack.require_images(project.closure(project.default))
    except ImageError:
        return
    if f"{project.name}_db" in labelled(stack, "volume") or stack.engine.elsewhere():
        return
    try:
        _made(stack)
    except Interrupted:
        raise
    except HarnessError as error:
        why = f"{error.message} ({error.checked})" if error.checked else error.message
        stack.context.console.warn(f"harness up makes its database itself: {why}")


def _made(stack: Stack) -> None:
    context, wanted = stack.context, recipe(stack)
    unpublished = replace(context.config.stack, db_port=0)
    project = replace(
        stack.project,
        name=f"{stack.project.name}-build",
        config=replace(context.config, stack=unpublished),
    )
    place = context.store.directory("stack", project.name)
    with locks.locked(place / "build.lock"):
        own = Stack(context=context, project=project)
        made = maker(own, context.config.stack.database)
        if made.dumps(wanted):
            return
        with (
            context.console.step(
                f"{title(wanted)}, for harness up", ticker=True
            ) as step,
            Run(context.store) as run,
            _server(made, own.secrets, place, run),
        ):
            password = own.secrets["admin_password"]
            made.fill(BUILDING + made.name, wanted, password, told(step))
        if not made.dumps(wanted):
            raise made.unkept or DatabaseError("its sources have changed meanwhile")


@contextmanager
def _server(
    made: StackDatabase, secrets: dict[str, str], place: Path, run: Run
) -> Iterator[None]:
    """A server with its roles, that is this run's and goes with it."""
    docker: Engine = made.compose.engine
    docker.sweep(run.store.id, run.store.live())
    file = place / "build.yaml"
    write_atomically(file, json.dumps(overlay(run.id), indent=1) + "\n")
    made.compose.files.append(file)
    try:
        made.compose.run(*DATABASE)
        made.names(patience=60)
        access.login(made, secrets)
        yield
    finally:
        docker.remove([one for one in docker.owned(run.store.id) if one.run == run.id])


def overlay(run: str) -> dict[str, Any]:
    """What Compose is told more: all of it is a run's, and no data have a name."""
    labels = {"labels": {engine.RUN: run, engine.ROLE: "build"}}
    settings = [word for one in THROWN_AWAY for word in ("-c", one)]
    places = [
        {"type": "volume", "target": "/var/lib/postgresql/data"},
        {"type": "tmpfs", "target": "/var/lib/trytond"},
    ]
    words = ["postgres", *settings]
    return {
        "services": {
            "db": {**labels, "command": words, "volumes": places[:1]},
            "erpserver": {**labels, "volumes": places[1:]},
        },
        "networks": {"frontend": labels, "backend": labels},
        # Compose makes it all the same.
        "volumes": {"files": labels},
    }
