# SPDX-License-Identifier: GPL-3.0-or-later
"""``benchmarks/resets.py TEMPLATE``: putting a lease back, beside cloning it anew.

It uses the embedded server of the state directory and a template that is there
(``harness template list``), of any Tryton modules; it leaves nothing behind.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import timing

from harness.output import Console
from harness.postgres import Address, LocalServer
from harness.postgres.base import connect
from harness.store import Store, default
from harness.template import undo
from harness.template.undo import PRISTINE, Undo

SMALL = {
    "res_group": "INSERT INTO res_group (name, active)"
    " VALUES (gen_random_uuid()::text, true)",
    "ir_cron": "UPDATE ir_cron SET active = active WHERE id = 1",
    "res_user": "UPDATE res_user SET name = name || '.' WHERE id = 1",
    "ir_module": "UPDATE ir_module SET state = state WHERE id < 4",
}
CASES: dict[str, Sequence[str]] = {
    "nothing written": (),
    "1 small table": tuple(SMALL.values())[:1],
    "4 small tables": tuple(SMALL.values()),
    "a large table, 5 rows": (
        "UPDATE ir_model_field SET name = name || '.' WHERE id <= 5",
    ),
    "a large table, 1000 rows": (
        "UPDATE ir_model_field SET name = name || '.' WHERE id <= 1000",
    ),
}
WRITES = {
    "1 row, 4 statements": tuple(SMALL.values()),
    "1000 rows updated": ("UPDATE ir_model_field SET name = name WHERE id <= 1000",),
    "1000 rows inserted": (
        "INSERT INTO res_group (name, active)"
        " SELECT gen_random_uuid()::text, true FROM generate_series(1, 1000)",
    ),
}
PLAIN, TRACKED, CLONE = "bench_plain", "bench_tracked", "bench_clone"


class Bench:
    """The two databases, one of them tracked."""

    def __init__(self, address: Address, template: str, rounds: int) -> None:
        self.address = address
        self.template = template
        self.rounds = rounds
        self.admin = connect(address)

    def close(self) -> None:
        for name in (PLAIN, TRACKED, CLONE):
            self.admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.admin.close()

    def prepare(self) -> float:
        """Make both; seconds that the undo log took to install."""
        for name in (PLAIN, TRACKED):
            self.admin.execute(f"CREATE DATABASE {name} TEMPLATE {self.template}")
        with connect(self.address, TRACKED) as connection:
            started = time.perf_counter()
            undo.track(connection, self.template)
            return time.perf_counter() - started

    def clones(self, strategy: str) -> Iterator[float]:
        """Seconds of clone and drop, of the template without a log."""
        for _ in range(max(5, self.rounds // 5)):
            started = time.perf_counter()
            self.admin.execute(
                f"CREATE DATABASE {CLONE} TEMPLATE {self.template} STRATEGY {strategy}"
            )
            self.admin.execute(f"DROP DATABASE {CLONE}")
            yield time.perf_counter() - started

    def resets(self, writes: Sequence[str]) -> Iterator[float]:
        """Seconds of the way back after these writes, as the controller goes it."""
        kept = Undo(self.address, TRACKED)
        with connect(self.address, TRACKED) as connection:
            for _ in range(self.rounds + 1):
                for one in writes:
                    connection.execute(one)
                started = time.perf_counter()
                outcome = kept.back(PRISTINE)
                yield time.perf_counter() - started
                assert outcome.how in {"clean", "reset"}, outcome
        kept.close()

    def writes(self, database: str, statements: Sequence[str]) -> Iterator[float]:
        """Seconds of the writes themselves, rolled back."""
        with connect(self.address, database) as connection:
            for _ in range(self.rounds):
                connection.execute("BEGIN")
                started = time.perf_counter()
                for one in statements:
                    connection.execute(one)
                yield time.perf_counter() - started
                connection.execute("ROLLBACK")


def measure(bench: Bench, console: Console) -> None:
    """All cases as tables."""
    seconds = bench.prepare()
    console.info(f"undo log installed in {seconds:.2f} s")
    rows = [
        ("clone + drop, " + s, list(bench.clones(s))) for s in ("FILE_COPY", "WAL_LOG")
    ]
    for name, writes in CASES.items():
        rows.append((f"way back, {name}", list(bench.resets(writes))[1:]))
    console.table(
        [
            (
                name,
                *(f"{timing.percentile(v, share) * 1000:.2f}" for share in (0.5, 0.95)),
            )
            for name, v in rows
        ],
        ("what", "p50 ms", "p95 ms"),
    )
    table = []
    for name, statements in WRITES.items():
        plain = statistics.median(bench.writes(PLAIN, statements)) * 1000
        tracked = statistics.median(bench.writes(TRACKED, statements)) * 1000
        table.append((name, f"{plain:.2f}", f"{tracked:.2f}", f"{tracked / plain:.2f}"))
    console.table(table, ("writes", "plain ms", "tracked ms", "ratio"))


def main(argv: list[str]) -> int:
    """Measure and print; the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks/resets.py", description=__doc__)
    parser.add_argument("template", help="a digest of `harness template list`")
    parser.add_argument("--rounds", type=int, default=50)
    chosen = parser.parse_args(argv)
    environ = dict(os.environ)  # noqa: TID251  (this is a program of its own)
    state = environ.get("HARNESS_STATE")
    server = LocalServer(
        Store(Path(state) if state else default(environ)), environ=environ
    )
    with ExitStack() as stack:
        address = server.start()
        stack.callback(server.stop)
        bench = Bench(address, f"harness_t_{chosen.template}", chosen.rounds)
        stack.callback(bench.close)
        measure(bench, Console(sys.stdout, environ))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
