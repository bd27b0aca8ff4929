# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers, by the engine's interface: its command line has no such figures.

``docker system dial-stdio`` passes the interface through whatever ``docker`` talks
to (a socket, a context, DOCKER_HOST with ssh), over one connection for all questions.
"""

import http.client
import json
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, Final, Self
from urllib.parse import urlencode

from harness import proc
from harness.engine import ROLE, STATE, Engine
from harness.errors import EngineError
from harness.monitor.base import Sample

PROJECT: Final = "com.docker.compose.project"
SERVICE: Final = "com.docker.compose.service"
TIMEOUT: Final = 20.0
TOGETHER: Final = 32
"""Containers that are asked for at once."""


class Interface:
    """The engine's interface, as long as the block."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def __enter__(self) -> Self:
        ours, theirs = socket.socketpair()
        ours.settimeout(TIMEOUT)
        argv = self.engine.argv("system", "dial-stdio")
        self.child = proc.Child(
            argv, env=self.engine.environ, stdin=theirs.fileno(),
            stdout=theirs.fileno(), stderr=proc.DEVNULL,
        )  # fmt: skip
        theirs.close()
        self.connection = http.client.HTTPConnection("docker")
        self.connection.sock = ours
        self.connection.auto_open = 0
        return self

    def __exit__(self, *exc: object) -> None:
        self.connection.close()
        self.child.end(grace=1)

    def get(self, path: str, **query: object) -> Any:
        """The answer to a question; None for what is not there (any more)."""
        words = f"?{urlencode(query)}" if query else ""
        try:
            self.connection.request("GET", f"{path}{words}")
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.engine.require()  # says why, where it does not answer at all
            raise EngineError(
                f"the Docker engine broke off: {type(error).__name__}",
                checked=f"GET {path}",
                remedy="harness doctor",
            ) from error
        if answer.status == 404:
            return None
        if answer.status >= 300:
            raise EngineError(
                f"the Docker engine refuses: {text.decode(errors='replace').strip()}",
                checked=f"GET {path}: {answer.status}",
                remedy="use Docker Engine 20.10 or newer",
            )
        return json.loads(text)


def chosen(
    found: Sequence[Mapping[str, Any]], *, project: str, state: str
) -> list[Mapping[str, Any]]:
    """The stack's containers, and what runs have; those of other stacks are not."""
    kept = []
    for one in found:
        labels = one.get("Labels") or {}
        runs = labels.get(STATE) == state and labels.get(ROLE) != "stack"
        if labels.get(PROJECT) == project or (runs and PROJECT not in labels):
            kept.append(one)
    return kept


class Containers:
    """Looks at the containers of a stack and of runs, as long as the block.

    An engine answers for a container's figures once a second, whenever it is asked:
    all are asked at once, each over a connection of its own, which is kept.
    """

    def __init__(self, engine: Engine, *, project: str, state: str) -> None:
        self.engine = engine
        self.project = project
        self.state = state
        self._block = ExitStack()
        self._idle: list[Interface] = []

    def __enter__(self) -> Self:
        self._executor = self._block.enter_context(ThreadPoolExecutor(TOGETHER))
        return self

    def __exit__(self, *exc: object) -> None:
        self._block.close()

    def look(self) -> list[Sample]:
        """All of them, in order of service and name."""
        with self._interface() as interface:
            every = interface.get("/containers/json", all=1)
        found = chosen(every, project=self.project, state=self.state)
        samples = self._executor.map(self._one, [one["Id"] for one in found])
        return sorted(filter(None, samples), key=lambda one: (one.service, one.name))

    def _one(self, id_: str) -> Sample | None:
        with self._interface() as interface:
            known = interface.get(f"/containers/{id_}/json")
            stats = {}
            if known and known["State"]["Running"]:
                query = {"stream": "false", "one-shot": "true"}
                stats = interface.get(f"/containers/{id_}/stats", **query)
        return sample(known, stats or {}, at=time.monotonic()) if known else None

    @contextmanager
    def _interface(self) -> Iterator[Interface]:
        """One that nobody else uses; it is used again if all went well."""
        try:
            found = self._idle.pop()
        except IndexError:
            found = self._block.enter_context(Interface(self.engine))
        yield found
        self._idle.append(found)


def sample(known: Mapping[str, Any], stats: Mapping[str, Any], *, at: float) -> Sample:
    """What ``inspect`` and ``stats`` say of a container; cgroups of both versions."""
    labels = known["Config"].get("Labels") or {}
    usage = (stats.get("cpu_stats") or {}).get("cpu_usage") or {}
    memory = (stats.get("memory_stats") or {}).get("stats") or {}
    networks = (stats.get("networks") or {}).values()
    disk = blocks(stats)
    return Sample(
        name=known["Name"].lstrip("/"),
        service=labels.get(SERVICE) or labels.get(ROLE, ""),
        kind="container",
        state=known["State"]["Status"],
        health=(known["State"].get("Health") or {}).get("Status", ""),
        restarts=int(known.get("RestartCount", 0)),
        at=at,
        user=usage.get("usage_in_usermode", 0) / 1e9,
        system=usage.get("usage_in_kernelmode", 0) / 1e9,
        rss=int(memory.get("rss", memory.get("anon", 0))),
        cache=int(memory.get("cache", memory.get("file", 0))),
        received=sum(int(one["rx_bytes"]) for one in networks),
        sent=sum(int(one["tx_bytes"]) for one in networks),
        read=disk.get("read", 0),
        written=disk.get("write", 0),
        processes=int((stats.get("pids_stats") or {}).get("current") or 0),
    )


def blocks(stats: Mapping[str, Any]) -> dict[str, int]:
    """Bytes of the disk by operation."""
    found: dict[str, int] = {}
    entries = (stats.get("blkio_stats") or {}).get("io_service_bytes_recursive")
    for entry in entries or ():
        name = entry["op"].lower()
        found[name] = found.get(name, 0) + int(entry["value"])
    return found
