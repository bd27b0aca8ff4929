# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports that are to be listened at: whether they are free is known beforehand."""

import errno
import socket

from harness.errors import MissingTool, UsageError


def require(port: int, *, remedy: str) -> None:
    """Raises `MissingTool` where somebody else has the port of 127.0.0.1.

    `UsageError` for a number that is none of a port.
    """
    if not 0 <= port < 1 << 16:
        raise UsageError(f"{port} is no port", remedy="give a number up to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            why = "it is taken" if error.errno == errno.EADDRINUSE else error.strerror
            raise MissingTool(
                f"the port {port} cannot be used: {why}",
                checked=f"127.0.0.1:{port}",
                remedy=remedy,
            ) from error
