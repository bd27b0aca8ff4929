# SPDX-License-Identifier: GPL-3.0-or-later
"""The process in the suite's interpreter that fills databases, layer by layer."""

import json
import queue
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, Self

from harness import index, proc
from harness.errors import HarnessError, TemplateError
from harness.template.base import Seen
from harness.template.layer import Layer

FULL: Final = re.compile(r"disk is full|no space left|quota exceeded", re.IGNORECASE)
"""What SQLite, PostgreSQL and the system say of a full disk."""


Wrap = Callable[[Sequence[str], Mapping[str, str]], list[str]]


class Side:
    """The side that processes are on: this one, where all is called as it is."""

    def wrap(self, argv: Sequence[str], env: Mapping[str, str]) -> list[str]:
        """The command that runs `argv` on that side."""
        return list(argv)

    def environ(self, env: Mapping[str, str]) -> Mapping[str, str]:
        """The variables that a process there has, which is given these."""
        return env

    def paths(self, paths: Sequence[str]) -> list[str]:
        """What these are called there."""
        return list(paths)

    def path(self, path: str) -> str:
        """What a path there is called here; nothing where it is no file of ours."""
        return path

    def fact(self, fact: str) -> str:
        """A fact that was observed there, as it is called here.

        Of what cannot be compared here it is one that never holds.
        """
        return fact

    def settings(self) -> Mapping[str, str]:
        """What else is another one when the side is."""
        return {}

    def files(self) -> Mapping[str, str]:
        """Facts that count for all that happens there, as they were when it began."""
        return {}


class Process:
    """The process that fills databases, started when it is first needed."""

    def __init__(
        self, interpreter: Path, *, env: Mapping[str, str], side: Side | None = None
    ) -> None:
        argv = [str(interpreter), "-W", "ignore", "-m", "harness.plugins.build"]
        self.env = {**env, "PYTHONHASHSEED": "0"}
        """The same order of what has none gives the same database."""
        self.side = side or Side()
        self.argv = self.side.wrap(argv, self.env)
        self._child: proc.Child | None = None
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._noise: list[str] = []
        self._readers: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End the process; the next order would start another one."""
        if self._child:
            self._child.end(grace=1.0)
            for reader in self._readers:
                reader.join(timeout=5)
            self._child = None

    def _start(self) -> proc.Child:
        child = proc.Child(
            self.argv,
            env=self.env,
            stdin=proc.PIPE,
            stdout=proc.PIPE,
            stderr=proc.PIPE,
        )
        self._events = queue.Queue()
        self._noise = []
        pipes: Sequence[tuple[Callable[[IO[bytes]], None], Any]] = (
            (self._listen, child.process.stdout),
            (self._overhear, child.process.stderr),
        )
        self._readers = [
            threading.Thread(target=target, args=(pipe,), daemon=True)
            for target, pipe in pipes
        ]
        for reader in self._readers:
            reader.start()
        return child

    def _listen(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self._events.put(json.loads(line))
        self._events.put(None)

    def _overhear(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self._noise.append(line.decode(errors="replace"))
            del self._noise[:-200]

    def order(
        self,
        order: Mapping[str, Any],
        *,
        layer: Layer,
        deadline: float,
        hear: Callable[[Mapping[str, Any]], None],
    ) -> Seen:
        """Give an order and wait until it is carried out.

        Raises `TemplateError` with what failed in which layer, `SourceError` for an
        import of what nobody requires.
        """
        order = {**order, "observe": self.observed(order["roots"], order["apart"])}
        self._child = self._child or self._start()
        stream = self._child.process.stdin
        assert stream is not None
        try:
            stream.write(json.dumps(order).encode() + b"\n")
            stream.flush()
        except OSError:
            pass  # it has ended: the reason is among the events
        end = time.monotonic() + deadline
        while True:
            try:
                event = self._events.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise TemplateError(
                    f"layer {layer.name} was not built within {deadline:g} s",
                    remedy="raise [tool.harness.templates] deadline",
                ) from None
            if event is None:
                raise self._died(layer)
            if "module" in event or "line" in event:
                hear(event)
            elif "error" in event:
                raise _failed(layer, event)
            else:
                trace = event["trace"]
                if trace is not None:
                    trace = {self.side.fact(fact): trace[fact] for fact in trace}
                read = filter(None, map(self.side.path, event["read"]))
                return Seen(read=tuple(read), trace=trace)

    def observed(self, roots: list[str], apart: list[str]) -> dict[str, list[str]]:
        """What is looked at, as it is called where the process is."""
        return {
            "roots": [*roots[:1], *self.side.paths(roots[1:])],
            "apart": [*dict.fromkeys([*apart, *self.side.paths(apart)])],
        }

    def _died(self, layer: Layer) -> TemplateError:
        assert self._child is not None
        code = self._child.code()
        noise = "".join(self._noise[-15:]).strip()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return TemplateError(
            f"the process that built layer {layer.name} ended with {how}"
            + (f":\n{noise}" if noise else ""),
            remedy="run again: nothing unfinished is left",
        )


def _failed(layer: Layer, event: Mapping[str, Any]) -> HarnessError:
    what = ", ".join(layer.modules) or ", ".join(path.name for path in layer.data)
    if layer.program:
        what = layer.facts["command"]
    trace = str(event.get("trace", "")).strip()
    if FULL.search(str(event["error"])):
        return TemplateError(
            f"layer {layer.name} cannot be built ({what or 'ir, res'}): there is no"
            f" space left: {event['error']}",
            remedy="free some: harness template prune --all, harness clean",
        )
    if unknown := index.undeclared(trace, layer.modules):
        return unknown
    return TemplateError(
        f"layer {layer.name} cannot be built ({what or 'ir, res'}): {event['error']}",
        checked="\n" + trace if trace else "",
        remedy="mend what the last lines name, then run again",
    )
