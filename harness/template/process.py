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

Wrap = Callable[[Sequence[str], Mapping[str, str]], list[str]]
FULL: Final = re.compile(r"disk is full|no space left|quota exceeded", re.IGNORECASE)
"""What SQLite, PostgreSQL and the system say of a full disk."""


class Process:
    """The process that fills databases, started when it is first needed."""

    def __init__(
        self, interpreter: Path, *, env: Mapping[str, str], wrap: Wrap | None = None
    ) -> None:
        argv = [str(interpreter), "-W", "ignore", "-m", "harness.plugins.build"]
        self.env = {**env, "PYTHONHASHSEED": "0"}
        """The same order of what has none gives the same database."""
        self.argv = wrap(argv, self.env) if wrap else argv
        self.observe = wrap is None
        """Inside an image sources have other paths than their facts."""
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
        order = {**order, "observe": self.observe}
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
                return Seen(read=tuple(event["read"]), trace=event["trace"])

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
