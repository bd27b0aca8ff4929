# SPDX-License-Identifier: GPL-3.0-or-later
"""The database server of a watch: it stays, and where it has ended, another one."""

from contextlib import ExitStack

from harness.context import Context
from harness.plan import Step
from harness.run import servers
from harness.run.running import ServerLife
from harness.store import Run


class HeldServer:
    """Of all rounds."""

    def __init__(self, current: Run) -> None:
        self.current = current
        self._stack = ExitStack()

    def hold(self, context: Context, step: Step) -> None:
        """Have one stay, whatever comes and goes."""
        with context.console.step("database server", ticker=True):
            place = servers.place(context, self.current, step.database)
            self._stack.enter_context(place)

    def gone(self, context: Context, server: ServerLife | None) -> bool:
        """Whether `server` is no more: then none is held."""
        if server is None or server.alive():
            return False
        context.console.warn("the database server has ended: another one is started")
        self.close()
        return True

    def close(self) -> None:
        """Have none."""
        self._stack.close()
