# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that takes leases as a test process does: ``lease_client.py ORDER``.

It asks for a lease, writes to the database, holds it, gives it back; in the end
it prints how long each request took, in seconds, and what kind of clone it got.
"""

import json
import sys
import time

import psycopg

from harness.plugins.client import client


def main(order: dict) -> None:
    """Take `count` leases one after the other."""
    client.worker = order["worker"]
    taken = []
    for _ in range(order["count"]):
        started = time.perf_counter()
        lease = client.lease(order["modules"], order["language"])
        seconds = time.perf_counter() - started
        with psycopg.connect(dbname=lease.database) as connection:
            connection.execute("UPDATE ir_module SET state = state")
        time.sleep(max(0.0, order["hold"] - (time.perf_counter() - started - seconds)))
        client.give_back(lease)
        taken.append([seconds, lease.kind])
    sys.stdout.write(json.dumps(taken))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
