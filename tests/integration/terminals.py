# SPDX-License-Identifier: GPL-3.0-or-later
"""A terminal with a command in it, and an editor that attaches to a debugger."""

import contextlib
import json
import os
import pty
import re
import select
import signal
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


class Terminal:
    """A command that has a terminal; what it wrote is in `text`."""

    def __init__(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]):
        self.text = ""
        self.pid, self.handle = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execve(argv[0], list(argv), {**env, "TERM": "xterm"})
        self.code: int | None = None

    def wait_for(self, pattern: str, *, within: float = 180, after: int = 0) -> int:
        """Read until the text matches, from a position on; where the match ends."""
        deadline = time.monotonic() + within
        while True:
            found = re.compile(pattern, re.DOTALL).search(self.text, after)
            if found:
                return found.end()
            if time.monotonic() > deadline or not self._read():
                raise AssertionError(f"no {pattern!r} in:\n{self.text[after:]}")

    def _read(self) -> bool:
        ready, _, _ = select.select([self.handle], [], [], 0.5)
        if ready:
            try:
                data = os.read(self.handle, 65536)
            except OSError:
                return False
            self.text += data.decode(errors="replace")
            return bool(data)
        return True

    def type(self, text: str) -> None:
        os.write(self.handle, text.encode())

    def end(self, *, within: float = 180) -> int:
        """Read until it ends; its exit code."""
        deadline = time.monotonic() + within
        while self.code is None:
            if not self._read():
                _, status = os.waitpid(self.pid, 0)
                self.code = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                raise AssertionError(f"it does not end:\n{self.text}")
        return self.code

    def close(self) -> None:
        if self.code is None:
            with contextlib.suppress(ProcessLookupError, AssertionError):
                os.kill(self.pid, signal.SIGINT)
                self.end(within=15)
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.handle)


@contextlib.contextmanager
def terminal(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]
) -> Iterator[Terminal]:
    made = Terminal(argv, cwd=cwd, env=env)
    try:
        yield made
    finally:
        made.close()


class Editor:
    """Speaks the Debug Adapter Protocol as an editor does."""

    def __init__(self, port: int) -> None:
        self.link = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.stream = self.link.makefile("rb")
        self.number = 0

    def ask(self, command: str, **arguments: Any) -> None:
        self.number += 1
        body = json.dumps(
            {
                "seq": self.number,
                "type": "request",
                "command": command,
                "arguments": arguments,
            }
        ).encode()
        self.link.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def hear(self, name: str) -> dict[str, Any]:
        """The next event, or answer, of this name."""
        while True:
            length = 0
            while line := self.stream.readline().strip():
                key, _, value = line.partition(b":")
                if key.lower() == b"content-length":
                    length = int(value)
            found: dict[str, Any] = json.loads(self.stream.read(length))
            if name in (found.get("event"), found.get("command")):
                return found

    def attach(self, *breakpoints: tuple[str, int]) -> None:
        """Attach, set breakpoints by file and line, and let it go on."""
        self.ask("initialize", adapterID="test", clientID="test")
        self.ask("attach", justMyCode=False)
        self.hear("initialized")
        for path, line in breakpoints:
            lines = [{"line": line}]
            self.ask("setBreakpoints", source={"path": path}, breakpoints=lines)
        self.ask("configurationDone")
        assert self.hear("attach")["success"]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.ask("disconnect", terminateDebuggee=False)
        self.stream.close()
        self.link.close()


@contextlib.contextmanager
def editor(port: int) -> Iterator[Editor]:
    made = Editor(port)
    try:
        yield made
    finally:
        made.close()
