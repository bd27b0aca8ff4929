# SPDX-License-Identifier: GPL-3.0-or-later
"""Where PostgreSQL comes from: one protocol, no magic.

`docker` (a container), `local` (the embedded wheel) and `given` (an address) are
here; ``sqlite`` stands beside them and needs no server.
"""

from harness.postgres.base import Address, PostgresServer, connect
from harness.postgres.docker import DockerServer
from harness.postgres.given import GivenServer
from harness.postgres.local import LocalServer

__all__ = [
    "Address",
    "DockerServer",
    "GivenServer",
    "LocalServer",
    "PostgresServer",
    "connect",
]
