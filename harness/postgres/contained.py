# SPDX-License-Identifier: GPL-3.0-or-later
"""The supervisor's side of the server in a container, by testcontainers.

The only module that knows testcontainers.
"""

import contextlib
import logging
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.wait_strategies import ExecWaitStrategy

from harness.errors import DatabaseError
from harness.postgres.base import Address, answers
from harness.postgres.house import ALL, KEEPER
from harness.postgres.tuning import settings

PORT: Final = 5432
DATA: Final = "/var/lib/postgresql/harness"
"""Where the data is mounted; PostgreSQL's own directory is below it."""
SHARED: Final = "256m"
"""Shared memory of the container; Docker's default of 64 MB is too small."""
GRACE: Final = 20
"""Seconds to write a checkpoint when it is stopped."""
LET_IN: Final = f"""\
export PGOPTIONS='-c default_transaction_read_only=off -c statement_timeout=0'
words() {{ printf "ALTER ROLE postgres {ALL} PASSWORD '%s'" "$POSTGRES_PASSWORD"; }}
words | psql -qXU postgres -d postgres -v ON_ERROR_STOP=1 ||
    words | psql -qXU {KEEPER} -d postgres -v ON_ERROR_STOP=1
"""
"""The shell's own printf: in no list of processes is the password."""


class ServerContainer(PostgresContainer):
    """A server whose data may be older than its password."""

    def _connect(self) -> None:
        """Set the password by the socket inside, where nobody is asked for one."""
        strategy = ExecWaitStrategy(["sh", "-c", LET_IN])
        strategy.with_poll_interval(0.1).wait_until_ready(self)


class Contained:
    """A container that belongs to the supervisor."""

    pause = 0.5

    def __init__(self, order: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self.order = order
        self.directory = Path(order["directory"])
        self.container: ServerContainer | None = None
        logging.getLogger("testcontainers").setLevel(logging.WARNING)

    def start(self) -> dict[str, Any]:
        """See `Backend`."""
        password = secrets.token_hex(16)
        made = ServerContainer(
            self.order["image"],
            username="postgres",
            password=password,
            dbname="postgres",
            driver=None,
        )
        for name, value in (
            ("PGDATA", f"{DATA}/data"),
            ("POSTGRES_INITDB_ARGS", self.order["initdb"]),
        ):
            made.with_env(name, value)
        command = ["postgres"]
        for setting, text in settings(durable=self.order["durable"]).items():
            command += ["-c", f"{setting}={text}"]
        made.with_command(command)
        ports: dict[str, Any] = {f"{PORT}/tcp": (self.order["bind"], None)}
        made.ports = ports
        made.with_volume_mapping(self.order["data"], DATA, "rw")
        made.with_name(self.order["name"])
        made.with_kwargs(
            labels=self.order["labels"],
            shm_size=SHARED,
            network_mode="bridge",
            healthcheck={"test": ["NONE"]},  # its runs see themselves whether it is
        )
        _remove(made, self.order["name"])
        self.container = made
        made.start()
        if self.order["durable"]:
            made.exec(["sync"])  # what an earlier server may have left to the kernel
        return self._ready(made, password)

    def _ready(self, made: ServerContainer, password: str) -> dict[str, Any]:
        """Wait until it answers by the address that the runs will use."""
        port = int(made.get_exposed_port(PORT))
        # Where we are in a container ourselves, either may be right.
        hosts = {"127.0.0.1", made.get_container_host_ip()}
        found = [Address(host=one, port=port, password=password) for one in hosts]
        while not any(map(answers, found)):
            ended = self.running()
            if ended:
                raise DatabaseError(ended)
            time.sleep(0.02)
        address = next(filter(answers, found))
        return {
            "host": address.host,
            "port": address.port,
            "password": password,
            "container": self.order["name"],
            "durable": self.order["durable"],
        }

    def running(self) -> str | None:
        """See `Backend`."""
        assert self.container is not None
        wrapped = self.container.get_wrapped_container()
        try:
            wrapped.reload()
        except Exception as error:  # noqa: BLE001 - docker's own, or its transport's
            return f"the container of the database server is lost: {error}"
        if wrapped.status == "running":
            return None
        log = wrapped.logs(tail=15).decode(errors="replace")
        return f"the container of the database server is {wrapped.status}:\n{log}"

    def stop(self) -> None:
        """See `Backend`."""
        if self.container is None or self.container._container is None:
            return
        wrapped = self.container.get_wrapped_container()
        with contextlib.suppress(Exception):
            wrapped.stop(timeout=GRACE)
        with contextlib.suppress(Exception):
            wrapped.remove(force=True, v=True)
        self.container = None


def _remove(made: ServerContainer, name: str) -> None:
    """A container that a killed supervisor has left."""
    from docker.errors import NotFound

    with contextlib.suppress(NotFound):
        client = made.get_docker_client().client
        client.containers.get(name).remove(force=True, v=True)
