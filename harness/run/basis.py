# SPDX-License-Identifier: GPL-3.0-or-later
"""The base process of a watch, from the harness's side: see `plugins/workers/base`."""

import json
import select
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from harness import proc
from harness.plugins.workers import interpreter
from harness.runners import base

PROGRAM: Final = f"{base.WORKERS}.base"
CODE: Final = (
    "import sys; sys.argv[1:] = {words!r}; from {workers}.__main__ import main;"
    " sys.exit(main(sys.argv[1:]))"
)
"""What a fork runs: that of ``python -m harness.plugins.workers``."""


class Basis:
    """Starts the base process, and has rounds forked from it.

    Where it does not answer, a round is a Python of its own (`interpreter`).
    """

    def __init__(self, directory: Path) -> None:
        """`directory` is private and has a short path: sockets lie in it."""
        self.directory = directory
        self.python: Path | None = None
        """The interpreter that it was started with; None: it never was."""
        self._number = 0
        self._ready = False
        self._why = ""
        self._child: proc.Child | None = None
        self._link: socket.socket | None = None

    @property
    def _socket(self) -> Path:
        return self.directory / f"base-{self._number}"

    def start(
        self,
        python: Path,
        modules: Sequence[Sequence[str]],
        *,
        env: Mapping[str, str],
        cwd: Path,
    ) -> None:
        """Have one that imports `modules`, each with its file; any other is ended."""
        self.close()
        self._number += 1
        names = self._socket.with_suffix(".json")
        names.write_text(json.dumps(list(modules)), "utf-8")
        argv = [str(python), "-m", PROGRAM, str(self._socket), str(names)]
        self._link, theirs = socket.socketpair()
        log = self._socket.with_suffix(".log")
        with theirs, log.open("wb") as output:
            self._child = proc.Child(
                argv, env=env, cwd=cwd, stdin=theirs.fileno(), stdout=output,
                stderr=output,
            )  # fmt: skip
        self.python = python

    def wrap(self, argv: list[str], env: Mapping[str, str]) -> list[str]:
        """The same command as a fork, where the base has imported all by now."""
        self._hear()
        if not self._ready:
            return argv
        at = argv.index(base.WORKERS) + 1
        code = CODE.format(words=argv[at:], workers=base.WORKERS)
        way = [interpreter.__file__, str(self._socket)]
        return [argv[0], "-I", "-S", *way, "-u", "-c", code]

    def trouble(self) -> str:
        """Why rounds start cold, said once; nothing where they do not."""
        self._hear()
        why, self._why = self._why, ""
        return why

    def _hear(self) -> None:
        if self._link is None or not select.select([self._link], [], [], 0)[0]:
            return
        data = self._link.recv(1 << 16)
        self._why = str(json.loads(data[4:])["cold"]) if data else "it has ended"
        self._ready = not self._why
        if self._why:
            self._end()

    def close(self) -> None:
        """Have none, and know of none."""
        self._end()
        self.python = None

    def _end(self) -> None:
        """End it, and what it has forked."""
        self._ready = False
        if self._link is not None:
            self._link.close()
            self._link = None
        if self._child is not None:
            self._child.end()
            self._child = None
