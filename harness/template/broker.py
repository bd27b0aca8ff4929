# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers the workers of a run: leases in, leases out, over a unix socket.

One JSON object a line each way.  A worker that dies closes its connection, and
what it held comes back at once.
"""

import contextlib
import json
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol, Self

from harness import proc
from harness.errors import HarnessError, InternalError, UsageError
from harness.template.held import Held
from harness.template.layer import Layer, Request
from harness.template.pool import Pool

BROKER = proc.MARK
"""Environment variable that names the socket."""


class BrowserLender(Protocol):
    """What a worker can ask a browser of; see `harness.browsers`."""

    def open(self, worker: str) -> Any:
        """A new browser: a dataclass."""

    def close(self, worker: str) -> None:
        """End what a worker has."""


class Resolver(Protocol):
    """What knows the layers of a request, such as `harness.template.layers.Layers`."""

    def resolve(self, request: Request) -> Layer:
        """The top layer of the chain that answers `request`."""


class Broker:
    """A context manager; serves from entering to leaving."""

    def __init__(
        self,
        *,
        directory: Path,
        failed: Callable[[HarnessError], None] = lambda error: None,
    ) -> None:
        """`failed` hears of each request that could not be answered.

        `directory` is private and has a short path: the socket lies in it, and
        the files of the leases.
        """
        self.failed = failed
        self._pool: Pool | None = None
        self._refusal: HarnessError | None = None
        self._layers: Resolver | None = None
        self._variables: Mapping[str, str] = {}
        self._templates: Mapping[str, Request] = {}
        self._browsers: BrowserLender | None = None
        self.asked: dict[str, Layer] = {}
        self._directory = directory
        self._socket = socket.socket(socket.AF_UNIX)
        self._guard = threading.Lock()

    @property
    def environment(self) -> Mapping[str, str]:
        """What a worker needs to find the broker."""
        return {BROKER: str(self._directory / "broker")}

    def __enter__(self) -> Self:
        self._socket.bind(self.environment[BROKER])
        self._socket.listen(64)
        return self

    def serve(
        self,
        pool: Pool,
        layers: Resolver,
        variables: Mapping[str, str],
        templates: Mapping[str, Request] | None = None,
        browsers: BrowserLender | None = None,
    ) -> None:
        """Answer from now on; those who asked before have waited.

        `variables` tell a worker where the database server is; `templates` are
        those that it may ask for by name, `browsers` where it gets one.
        """
        self._pool, self._layers, self._variables = pool, layers, variables
        self._templates = templates or {}
        self._browsers = browsers
        threading.Thread(target=self._accept, name="broker", daemon=True).start()

    def refuse(self, error: HarnessError) -> None:
        """Answer all with an error from now on: there will be no leases."""
        self._refusal = error
        threading.Thread(target=self._accept, name="broker", daemon=True).start()

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept
        self._socket.close()
        Path(self.environment[BROKER]).unlink(missing_ok=True)

    @property
    def pool(self) -> Pool:
        """Where the leases come from."""
        assert self._pool is not None
        return self._pool

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(
                target=self._serve, args=(connection,), daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        held: dict[str, Held] = {}
        worker = ""
        try:
            with connection, connection.makefile("rwb") as stream:
                for line in stream:
                    message = json.loads(line)
                    if isinstance(message, dict) and message.get("ask") == "browser":
                        worker = str(message.get("worker", ""))
                    answer = self._answer(message, held)
                    stream.write(json.dumps(answer).encode() + b"\n")
                    stream.flush()
        except (OSError, ValueError):
            pass
        finally:
            if worker and self._browsers:
                self._browsers.close(worker)
            for one in held.values():
                self.pool.give_back(one.lease)
                one.clear()

    def _answer(
        self, message: Mapping[str, Any], held: dict[str, Held]
    ) -> Mapping[str, Any]:
        try:
            if self._refusal:
                raise self._refusal
            if message["ask"] == "lease":
                return self._lease(message, held)
            if message["ask"] == "browser":
                return self._browser(message["worker"])
            if message["ask"] == "mark":
                return self._mark(held[message["lease"]])
            if message["ask"] == "back":
                return self._back(held[message["lease"]], message["mark"])
            if message["ask"] == "keep":
                database = held[message["lease"]].lease.database
                kept = self.pool.shelf.keep(database, message["note"])
                return {"ok": True, "database": kept}
            one = held.pop(message["lease"])
            self.pool.give_back(one.lease)
            one.clear()
            return {"ok": True}
        except HarnessError as error:
            self.failed(error)
            return {"ok": False, "error": str(error)}
        except Exception as error:  # noqa: BLE001  (a worker waits for an answer)
            trouble = InternalError(f"the broker failed: {error!r}")
            self.failed(trouble)
            return {"ok": False, "error": str(trouble)}

    def _lease(
        self, message: Mapping[str, Any], held: dict[str, Held]
    ) -> Mapping[str, Any]:
        untracked = self.pool.shelf.untracked() if message.get("tracked") else ""
        request = self._request(message, tracked=untracked is None)
        layer = self.resolve(request)
        lease = self.pool.lease(layer, worker=message["worker"])
        key = f"{len(held)}-{os.urandom(4).hex()}"
        files = Path(tempfile.mkdtemp(prefix="files-", dir=self._directory))
        held[key] = Held(lease, files, beside=self._directory)
        return {
            "ok": True,
            "lease": key,
            "database": lease.database,
            "files": str(files),
            "modules": list(layer.closure),
            "digest": layer.digest,
            "kind": lease.kind,
            "seconds": lease.seconds,
            "mark": lease.mark,
            "untracked": untracked or "",
            "environment": dict(self._variables),
        }

    def _browser(self, worker: str) -> Mapping[str, Any]:
        if self._browsers is None:
            raise UsageError(
                "the suite has no browser",
                remedy="set browser = true in its configuration",
            )
        return {"ok": True, "browser": asdict(self._browsers.open(worker))}

    def _mark(self, one: Held) -> Mapping[str, Any]:
        mark = self.pool.mark(one.lease)
        one.remember(mark)
        return {"ok": True, "mark": mark, "written": self.pool.written(one.lease)}

    def _back(self, one: Held, mark: int) -> Mapping[str, Any]:
        outcome, lease = self.pool.back(one.lease, one.at(mark))
        if outcome.how == "exchanged":
            one.renew(lease)
        if outcome.how != "doubt":
            one.restore(mark)
        return {"ok": True, **asdict(outcome), "database": one.lease.database}

    def _request(self, message: Mapping[str, Any], *, tracked: bool) -> Request:
        name = message.get("template")
        if not name:
            modules = tuple(sorted(set(message["modules"])))
            return Request(
                modules=modules, language=message["language"], tracked=tracked
            )
        if name not in self._templates:
            raise UsageError(
                f"there is no template named {name!r}",
                checked=", ".join(sorted(self._templates)) or "no template is there",
                remedy=f"add [tool.harness.template.{name}] to the configuration",
            )
        return replace(self._templates[name], tracked=tracked)

    def resolve(self, request: Request) -> Layer:
        """The layer that answers a request; remembered for the next run."""
        with self._guard:
            assert self._layers is not None
            layer = self._layers.resolve(request)
            self.asked[layer.digest] = layer
            return layer
