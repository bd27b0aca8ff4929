# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers the workers of a run: leases in, leases out, over a unix socket.

One JSON object a line each way.  A worker that dies closes its connection, and
what it held comes back at once.
"""

import contextlib
import json
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from harness.errors import HarnessError, InternalError
from harness.template.layer import Layer, Layers, Request
from harness.template.pool import Lease, Pool

BROKER = "HARNESS_BROKER"
"""Environment variable that names the socket."""


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
        self._layers: Layers | None = None
        self._variables: Mapping[str, str] = {}
        self._templates: Mapping[str, Request] = {}
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
        layers: Layers,
        variables: Mapping[str, str],
        templates: Mapping[str, Request] = MappingProxyType({}),
    ) -> None:
        """Answer from now on; those who asked before have waited.

        `variables` tell a worker where the database server is, `templates` are
        those that it may ask for by name.
        """
        self._pool, self._layers, self._variables = pool, layers, variables
        self._templates = templates
        threading.Thread(target=self._accept, name="broker", daemon=True).start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
        held: dict[str, Lease] = {}
        files: dict[str, Path] = {}
        try:
            with connection, connection.makefile("rwb") as stream:
                for line in stream:
                    answer = self._answer(json.loads(line), held, files)
                    stream.write(json.dumps(answer).encode() + b"\n")
                    stream.flush()
        except (OSError, ValueError):
            pass
        finally:
            for lease in held.values():
                self.pool.give_back(lease)
            for path in files.values():
                shutil.rmtree(path, ignore_errors=True)

    def _answer(
        self,
        message: Mapping[str, Any],
        held: dict[str, Lease],
        files: dict[str, Path],
    ) -> Mapping[str, Any]:
        try:
            if message["ask"] == "lease":
                return self._lease(message, held, files)
            lease = held.pop(message["lease"])
            self.pool.give_back(lease)
            shutil.rmtree(files.pop(message["lease"]), ignore_errors=True)
            return {"ok": True}
        except HarnessError as error:
            self.failed(error)
            return {"ok": False, "error": str(error)}
        except Exception as error:  # noqa: BLE001  (a worker waits for an answer)
            trouble = InternalError(f"the broker failed: {error!r}")
            self.failed(trouble)
            return {"ok": False, "error": str(trouble)}

    def _lease(
        self,
        message: Mapping[str, Any],
        held: dict[str, Lease],
        files: dict[str, Path],
    ) -> Mapping[str, Any]:
        if "template" in message:
            layer = self.resolve(self._templates[message["template"]])
        else:
            modules = tuple(sorted(set(message["modules"])))
            layer = self.resolve(Request(modules=modules, language=message["language"]))
        lease = self.pool.lease(layer, worker=message["worker"])
        key = f"{len(held)}-{os.urandom(4).hex()}"
        held[key] = lease
        files[key] = Path(tempfile.mkdtemp(prefix="files-", dir=self._directory))
        return {
            "ok": True,
            "lease": key,
            "database": lease.database,
            "files": str(files[key]),
            "modules": list(layer.closure),
            "digest": layer.digest,
            "kind": lease.kind,
            "seconds": lease.seconds,
            "environment": dict(self._variables),
        }

    def resolve(self, request: Request) -> Layer:
        """The layer that answers a request; remembered for the next run."""
        with self._guard:
            assert self._layers is not None
            layer = self._layers.resolve(request)
            self.asked[layer.digest] = layer
            return layer
