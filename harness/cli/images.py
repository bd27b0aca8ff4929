# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness build`` and ``harness images``."""

from harness.cli.base import Commands, Parser, actions, command, folder, written


def add(commands: "Commands[Parser]") -> None:
    """Add these commands to the command line."""
    one = command(commands, "build", "build the images whose inputs have changed")
    one.add_argument(
        "names",
        nargs="*",
        default=[],
        metavar="SERVICE",
        help="without any: all that the stack runs",
    )
    one.add_argument(
        "--no-cache", dest="cache", action="store_false", help="build every layer anew"
    )
    one.add_argument("--pull", action="store_true", help="ask for a newer base image")
    one.add_argument(
        "--variant",
        choices=("development", "production"),
        default="",
        help="sources editable with tools for tests, or copied without any",
    )
    one.add_argument(
        "--no-database", dest="ahead", action="store_false",
        help="images only: the first harness up makes its database itself",
    )  # fmt: skip
    one.add_argument(
        "--json", action="store_true", help="the images as JSON, no database"
    )
    one.set_defaults(call="images.build")
    below = actions(command(commands, "images", "the images of the stack"))
    one = command(below, "base", "make the base image here, of Debian's packages")
    one.add_argument("--suite", default="", help="the Debian release")
    one.set_defaults(call="images.base")
    one = command(below, "list", "list the images that were built here")
    one.add_argument("--json", action="store_true", help="as JSON")
    one.set_defaults(call="images.list_")
    for name, text, call in (
        ("pull", "take from a registry what else had to be built", "exchange.pull"),
        ("push", "give a registry the images that it lacks", "exchange.push"),
    ):
        one = command(below, name, text)
        one.add_argument("--registry", required=True, metavar="HOST/PATH", help="where")
        one.set_defaults(call=call)
    one = command(below, "save", "write images to a file, for docker load")
    one.add_argument("file", type=written, help="the file to write")
    one.add_argument(
        "--without", default="", metavar="HOST/PATH", help="those that it has not"
    )
    one.set_defaults(call="exchange.save")
    one = command(below, "sbom", "write what is in images, as CycloneDX, for scanners")
    one.add_argument(
        "names",
        nargs="*",
        default=[],
        metavar="SERVICE",
        help="those of the stack without any",
    )
    one.add_argument(
        "--variant",
        choices=("development", "production"),
        default="production",
        help="production without any",
    )
    one.add_argument(
        "-o", "--output", type=folder, required=True, metavar="DIRECTORY", help="where"
    )
    one.set_defaults(call="image_contents.sbom")
    one = command(below, "refresh", "ask the registry for the base images' digests")
    one.set_defaults(call="images.refresh")
    one = command(below, "lock", "write the locked versions of all requirements anew")
    one.set_defaults(call="images.lock")
