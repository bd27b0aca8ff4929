# SPDX-License-Identifier: GPL-3.0-or-later
"""The one lease of a worker: what a suite sees of it, and how it is put back."""

from __future__ import annotations

import os
import re
import socket
from typing import Any, Callable, Mapping
from urllib.parse import quote

from harness.plugins.client import Lease, Way, client

PLACEHOLDER = re.compile(r"\{(files|worker|database|uri|host|bind|port:[a-z_]+)\}")


class Doubt(Exception):
    """The database is not what it was, and there is no way back."""


class Keeper:
    """Takes a lease of one template and keeps it as long as the process lives."""

    def __init__(
        self,
        template: str,
        variables: Mapping[str, str],
        known: Mapping[str, str] | None = None,
    ) -> None:
        """`variables` have placeholders, filled in with each lease.

        `known` says where servers listen (``bind``), and how a browser reaches
        them (``host``).
        """
        self.template = template
        self.variables = variables
        self.lease: Lease | None = None
        self.tryton: Any = None
        """`harness.plugins.tryton_database`, where trytond is installed."""
        self.before: list[Callable[[], None]] = []
        """Called when the database is about to be put back: write no more."""
        self.after: list[Callable[[Way], None]] = []
        """Called when that is done."""
        self._known = {"host": "127.0.0.1", "bind": "127.0.0.1", **(known or {})}
        self._ports: dict[str, int] = {}
        self._settled: dict[str, int] = {}
        self._pid = os.getpid()

    def ensure(self) -> Lease:
        """The lease of this process; a fork takes one of its own."""
        if self.lease is None or self._pid != os.getpid():
            self._pid = os.getpid()
            self._ports.clear()
            lease = client.lease([], "", template=self.template, tracked=True)
            self._open(lease)
        assert self.lease is not None
        return self.lease

    def _open(self, lease: Lease) -> None:
        self.lease = lease
        for name, text in self.variables.items():
            os.environ[name] = self.fill(text)
        if self.tryton:
            from trytond import config

            self.tryton.switch(lease.database)
            getattr(config, "config", config).set("database", "path", lease.files)

    def fill(self, text: str) -> str:
        """A text with its placeholders filled in."""
        return PLACEHOLDER.sub(self._value, text)

    def _value(self, match: re.Match[str]) -> str:
        name, _, port = match[1].partition(":")
        assert self.lease is not None
        if name == "port":
            return str(self._port(port))
        known = {
            **self._known,
            "files": self.lease.files,
            "worker": client.worker,
            "database": self.lease.database,
            "uri": address(self.lease.database, os.environ),
        }
        return known[name]

    def settle(self, name: str, port: int) -> None:
        """A port that is not any free one: it is read before there is a lease."""
        self._settled[name] = port

    def _port(self, name: str) -> int:
        """A port that is free, the same for the life of the worker."""
        if name in self._settled:
            return self._settled[name]
        if name not in self._ports:
            with socket.socket() as probe:
                probe.bind((self._known["bind"], 0))
                self._ports[name] = probe.getsockname()[1]
        return self._ports[name]

    @property
    def coarse(self) -> str:
        """Why the lease can only be exchanged as a whole, or nothing."""
        return self.ensure().untracked

    def mark(self) -> int:
        """Remember the state of the database and of the lease's files."""
        lease = self.ensure()
        return lease.mark if lease.untracked else client.mark(lease)

    @property
    def written(self) -> str:
        """What was written before the last mark and after the one before, in words."""
        return client.written

    def back(self, mark: int) -> str:
        """Return to the state at `mark`; what is to be said of it, or nothing.

        Raises `Doubt` when it could not be reached: the database is not what it was.
        """
        lease = self.ensure()
        for hold in self.before:
            hold()
        way = client.back(lease, mark)
        if way.how == "exchanged":
            self._open(way.lease)
        elif self.tryton and way.left:
            self.tryton.close()
        elif self.tryton and way.how != "clean":
            self.tryton.forget()
        for hear in self.after:
            hear(way)
        if way.how == "doubt":
            raise Doubt(words(way))
        return words(way)

    def keep(self, note: str) -> str:
        """A copy of the lease that outlives the run; its name."""
        name = client.keep(self.ensure(), note)
        if self.tryton:
            self.tryton.close()
        return name

    def give_back(self) -> None:
        """End with the lease, before a fork or at the end."""
        if self.lease is not None and self._pid == os.getpid():
            if self.tryton:
                self.tryton.switch(None)
            client.give_back(self.lease)
        self.lease = None


def words(way: Way) -> str:
    """What is to be said of a way back; nothing where all went well."""
    said = [
        f"left a session open: process {one.process}, {one.state}: {one.query}"
        for one in way.left
    ]
    if way.how == "doubt":
        said.append(f"left what cannot be put back: {way.reason}")
    elif way.how == "exchanged" and way.reason and not way.lease.untracked:
        said.append(f"{way.reason}: another one took its place")
    return "; ".join(said)


def address(database: str, environ: Mapping[str, str]) -> str:
    """A libpq address of `database` from libpq's own variables."""
    user = quote(environ.get("PGUSER", ""), safe="")
    password = quote(environ.get("PGPASSWORD", ""), safe="")
    host, port = environ.get("PGHOST", ""), environ.get("PGPORT", "")
    who = f"{user}:{password}@" if password else f"{user}@" if user else ""
    if host.startswith("/"):
        query = f"?host={quote(host, safe='')}" + (f"&port={port}" if port else "")
        return f"postgresql://{who}/{quote(database)}{query}"
    where = f"{host}:{port}" if port else host
    return f"postgresql://{who}{where}/{quote(database)}"
