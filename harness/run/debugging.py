# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness test … --debug``: the tests begin when an editor is attached."""

from harness.context import Context
from harness.run import ports
from harness.toolbox import Toolbox, pinned

PORT = 5678
PLUGIN = "harness.plugins.debugger"


def options(context: Context, *, inside: bool, dry: bool) -> tuple[str, ...]:
    """The options of pytest that make it wait; with `dry` nothing is installed."""
    # In an image the network is its own; those of development have debugpy.
    host = "0.0.0.0" if inside else "127.0.0.1"  # noqa: S104
    words = ("-p", PLUGIN, f"--harness-debugger={host}:{PORT}")
    if dry:
        return words
    if not inside:
        ports.require(PORT, remedy="end what listens there, such as another --debug")
    context.console.info(
        f"the tests wait for an editor at 127.0.0.1:{PORT} (.vscode/launch.json)"
    )
    if inside:
        return words
    with context.console.step("debugpy", ticker=True) as step:
        box = Toolbox(context.store, context.environ)
        place = box.packages("debugpy", pinned("debug"), step.update)
    return (*words, f"--harness-debugger-path={place}")
