# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness build`` and ``harness images``."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.base import Commands, Parser, Words, actions, command

if TYPE_CHECKING:
    from harness.context import Context


def add(commands: "Commands[Parser]") -> None:
    """Add these commands to the command line."""
    one = command(commands, "build", "build the images whose inputs have changed")
    one.add_argument(
        "services", nargs="*", default=[], metavar="SERVICE", help="all without any"
    )
    one.add_argument("--no-cache", action="store_true", help="build every layer anew")
    one.add_argument("--pull", action="store_true", help="ask for a newer base image")
    one.add_argument(
        "--variant",
        choices=("development", "production"),
        default="",
        help="sources editable with tools for tests, or copied without any",
    )
    one.add_argument("--json", action="store_true", help="the result as JSON")
    one.set_defaults(call=_build)
    below = actions(command(commands, "images", "the images of the stack"))
    one = command(below, "base", "make the base image here, of Debian's packages")
    one.add_argument("--suite", default="", help="the Debian release")
    one.set_defaults(call=_base)
    one = command(below, "list", "list the images that were built here")
    one.add_argument("--json", action="store_true", help="as JSON")
    one.set_defaults(call=_list)
    for name, text, call in (
        ("pull", "take from a registry what else had to be built", _pull),
        ("push", "give a registry the images that it lacks", _push),
    ):
        one = command(below, name, text)
        one.add_argument("--registry", required=True, metavar="HOST/PATH", help="where")
        one.set_defaults(call=call)
    one = command(below, "save", "write images to a file, for docker load")
    one.add_argument("file", type=Path, help="the file to write")
    one.add_argument(
        "--without", default="", metavar="HOST/PATH", help="those that it has not"
    )
    one.set_defaults(call=_save)
    one = command(below, "refresh", "ask the registry for the base images' digests")
    one.set_defaults(call=_refresh)
    one = command(below, "lock", "write the locked versions of all requirements anew")
    one.set_defaults(call=_lock)


def _build(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import images

    return images.build(
        context,
        names=tuple(options.services),
        cache=not options.no_cache,
        pull=options.pull,
        variant=options.variant,
        as_json=options.json,
    )


def _base(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import images

    return images.base(context, suite=options.suite)


def _list(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import images

    return images.list_(context, as_json=options.json)


def _refresh(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import images

    return images.refresh(context)


def _lock(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import images

    return images.lock(context)


def _pull(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import exchange

    return exchange.pull(context, registry=options.registry)


def _push(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import exchange

    return exchange.push(context, registry=options.registry)


def _save(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import exchange

    return exchange.save(context, file=options.file, without=options.without)
