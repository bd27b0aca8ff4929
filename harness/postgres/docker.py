# SPDX-License-Identifier: GPL-3.0-or-later
"""The server in a container: tuned, on loopback, data in memory where it fits.

One container serves all runs of a state directory; see `Membership`.  Its data
outlives it, as that of the embedded server does: templates are kept.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from harness import engine
from harness.engine import Engine
from harness.errors import DatabaseError, HarnessError, ImageError, MissingTool
from harness.postgres import memory
from harness.postgres.base import Address, answers, ended
from harness.postgres.membership import Membership, Ready
from harness.store import Store

WITHOUT_RYUK: Final = {"TESTCONTAINERS_RYUK_DISABLED": "true"}
"""Its image cannot be had everywhere; who sets the variable otherwise may have it."""
BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Requests takes these in place of the authority that a session was given."""
LABEL: Final = "harness.postgresql"
"""Label of an image: the major version of PostgreSQL in it."""


class DockerServer:
    """The server in a container; see the module's text for its life."""

    kind = "docker"

    def __init__(
        self,
        store: Store,
        *,
        image: str,
        storage: str = "auto",
        timeout: float = 60.0,
        keep: float = 0.0,
        environ: Mapping[str, str],
        memory_: Path = memory.MEMORY,
        encoding: str = "UTF8",
        locale: str = "C.UTF-8",
    ) -> None:
        """`timeout` and `keep` (idle time before the server stops) in seconds."""
        self.store = store
        self.image = image
        self.storage = storage
        self.durable = storage == "disk"
        self.timeout = timeout
        self.keep = keep
        self.environ = environ
        self.memory = memory_
        self.initdb = f"--encoding={encoding} --locale={locale} --no-sync"
        self.engine = Engine(environ)
        self._membership: Membership | None = None
        self._image: dict[str, Any] | None = None

    def why_not(self) -> str | None:
        """There may be no engine, no rights, no image."""
        try:
            self._found()
        except HarnessError as error:
            remedy = f" ({error.remedy})" if error.remedy else ""
            return f"{error.message}{remedy}"
        return None

    def _found(self) -> dict[str, Any]:
        """What the engine knows of the image."""
        if self._image is None:
            found = self.engine.inspect("image", self.image)
            if found is None:
                raise ImageError(
                    f"the image {self.image} is not there", remedy="harness build db"
                )
            self._image = found
        return self._image

    def major(self) -> str:
        """The major version of PostgreSQL in the image, else the image's id.

        The official images say it in a variable.
        """
        config = self._found()["Config"]
        labels = config.get("Labels") or {}
        variables = dict(
            line.partition("=")[::2] for line in config.get("Env") or () if "=" in line
        )
        named = labels.get(LABEL) or variables.get("PG_MAJOR")
        return str(named or self._found()["Id"].removeprefix("sha256:")[:12])

    def directory(self) -> Path:
        """Locks, logs and the place of the data; an engine elsewhere has its own."""
        far = self.engine.elsewhere()
        mark = f"-{hashlib.sha256(far.encode()).hexdigest()[:6]}" if far else ""
        return self.store.directory("docker", self.major() + mark)

    @property
    def name(self) -> str:
        """The container's name; there can be only one on the same data."""
        return f"harness-{self.store.id}-db-{self.major()}"

    def _data(self) -> str:
        """The directory in memory, or the volume, that holds the data."""
        mark = self.directory() / "data"
        if self.durable:
            memory.leave(mark, self.directory())
        if mark.is_symlink() and mark.exists():
            return str(mark.resolve())
        if (
            self.storage != "disk"
            and not self.engine.elsewhere()
            and memory.fits(self.memory)
        ):
            path = memory.make(self.memory, mark)
            path.chmod(0o711)
            mark.unlink(missing_ok=True)
            mark.symlink_to(path)
            return str(path)
        labels = engine.labels(state=self.store.id, role="data")
        self.engine.run("volume", "create", *engine.options(labels), self.name)
        return self.name

    def start(self) -> Address:
        """Join the running server or start one.

        Raises `MissingTool` without an engine, `ImageError` without the image,
        `DatabaseError` with the end of the log when it does not come up in time.
        """
        self.engine.require()
        self._found()
        self._membership = self._share()
        ready = self._membership.join(self._order, lambda one: answers(_address(one)))
        self._membership.require_durable(ready, wanted=self.durable)
        return _address(ready)

    def _share(self) -> Membership:
        return Membership(
            self.directory(),
            name="PostgreSQL in a container",
            gate=self.store.path / "docker.lock",
            timeout=self.timeout,
            keep=self.keep,
            environ=WITHOUT_RYUK | _without(self.environ) | self.engine.named(),
            remedy="harness doctor; or go without: --database local",
        )

    def _order(self) -> dict[str, object]:
        return {
            "kind": "docker",
            "directory": str(self.directory()),
            "image": self.image,
            "name": self.name,
            "labels": engine.labels(state=self.store.id, role="server"),
            "data": self._data(),
            "durable": self.durable,
            "initdb": self.initdb,
            "bind": "" if self.engine.elsewhere() else "127.0.0.1",
        }

    def stop(self) -> None:
        """Give the shared lock back; the supervisor does the rest."""
        if self._membership:
            self._membership.leave()

    def alive(self) -> bool:
        """Whether the supervisor, and with it the server, is there."""
        try:
            return self._share().alive()
        except (MissingTool, ImageError):
            return False

    def ending(self) -> DatabaseError:
        """See `PostgresServer`."""
        return ended("its supervisor")


def _without(environ: Mapping[str, str]) -> dict[str, str]:
    """For who asks the engine alone, whose authority DOCKER_CERT_PATH has."""
    return {name: one for name, one in environ.items() if name not in BUNDLES}


def _address(ready: Ready) -> Address:
    return Address(
        host=ready["host"], port=int(ready["port"]), password=ready["password"]
    )
