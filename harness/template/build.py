# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds what is missing of a chain of layers: check → claim → check → build.

A layer is filled by a process of the suite's interpreter under a name that is
no template's, and published in one step.  That process goes on with the next
layer, so its imports and set-up are paid once for a chain.
"""

import json
import queue
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from harness import proc
from harness.errors import TemplateError
from harness.model import TemplateCost
from harness.template.base import Draft, Manifest, Shelf
from harness.template.layer import Layer, Program


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a build is; `elapsed` in seconds since the layer was begun."""

    layer: Layer
    event: str
    """``begin``, ``wait``, ``module``, ``line``, ``end`` or ``reuse``."""
    module: str = ""
    line: str = ""
    """What a program says."""
    done: int = 0
    elapsed: float = 0.0


Listener = Callable[[Progress], None]
Wrap = Callable[[Sequence[str], Mapping[str, str]], list[str]]
FULL: Final = re.compile(r"disk is full|no space left|quota exceeded", re.IGNORECASE)
"""What SQLite, PostgreSQL and the system say of a full disk."""


class Builder:
    """Provides templates; several threads may ask at the same time."""

    def __init__(
        self,
        shelf: Shelf,
        interpreter: Path,
        *,
        env: Mapping[str, str],
        series: str,
        deadline: float,
        listener: Listener,
        wrap: Wrap | None = None,
    ) -> None:
        """`deadline` is the seconds that one layer may take.

        `wrap` makes the command that runs where the suite runs.
        """
        self.shelf = shelf
        self.interpreter = interpreter
        self.env = env
        self.series = series
        self.deadline = deadline
        self.listener = listener
        self.wrap = wrap
        self.costs: list[TemplateCost] = []
        self._known: dict[str, Manifest] = {}
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    def ensure(self, layer: Layer) -> Manifest:
        """The template of `layer`, built now if nobody has built it before.

        Raises `TemplateError` when a module or a data script fails; then the
        unfinished database is gone, and the layers below stay.
        """
        with self._guard:
            lock = self._locks.setdefault(layer.digest, threading.Lock())
        with lock:
            known = self._known.get(layer.digest)
            if known is None:
                known = self._find(layer) or self._build(layer)
                self._known[layer.digest] = known
            return known

    def _find(self, layer: Layer) -> Manifest | None:
        started = time.time()
        found = self.shelf.find(layer.digest)
        if found:
            self._note(layer, found, "reused", started, 0.0)
            self.listener(Progress(layer=layer, event="reuse"))
        return found

    def _build(self, layer: Layer) -> Manifest:
        chain = layer.chain()
        missing = [one for one in chain if self.shelf.find(one.digest) is None]
        with Process(self.interpreter, env=self.env, wrap=self.wrap) as process:
            for one in missing:
                made = self._layer(one, process)
        return made

    def _layer(self, layer: Layer, process: "Process") -> Manifest:
        def waiting() -> None:
            self.listener(Progress(layer=layer, event="wait"))

        with self.shelf.claim(layer.digest, deadline=self.deadline, waiting=waiting):
            found = self.shelf.find(layer.digest)
            if found:
                return found
            started = time.time()
            self.listener(Progress(layer=layer, event="begin"))
            draft = self.shelf.draft(layer)
            try:
                if layer.tracked:
                    self.shelf.track(draft)
                else:
                    self._fill(draft, process)
                manifest = self.shelf.publish(draft, self._describe(layer, started))
            except BaseException:
                process.kill()
                self.shelf.discard(draft)
                raise
        seconds = time.time() - started
        self._note(layer, manifest, "built", started, seconds)
        self.listener(Progress(layer=layer, event="end", elapsed=seconds))
        return manifest

    def _fill(self, draft: Draft, process: "Process") -> None:
        layer = draft.layer
        began, done = time.monotonic(), 0

        def hear(event: Mapping[str, Any]) -> None:
            nonlocal done
            name = event.get("module", "")
            done += name in layer.modules
            self.listener(
                Progress(
                    layer=layer,
                    event="module" if name else "line",
                    module=name,
                    line=event.get("line", ""),
                    done=done,
                    elapsed=time.monotonic() - began,
                )
            )

        process.order(
            {
                "database": draft.database,
                "empty": layer.parent is None,
                "trusted": layer.trusted,
                "language": layer.language,
                "modules": list(layer.modules),
                "data": [str(path) for path in layer.data],
                "program": _order(layer.program),
                "reclimit": layer.reclimit,
            },
            layer=layer,
            deadline=self.deadline,
            hear=hear,
        )

    def _describe(self, layer: Layer, started: float) -> Manifest:
        return Manifest(
            digest=layer.digest,
            name=layer.name,
            parent=layer.parent.digest if layer.parent else "",
            series=self.series,
            language=layer.language,
            modules=layer.modules,
            closure=layer.closure,
            created=started,
            used=started,
            seconds=round(time.time() - started, 3),
            facts=layer.facts,
        )

    def _note(
        self,
        layer: Layer,
        manifest: Manifest,
        action: str,
        started: float,
        seconds: float,
    ) -> None:
        self.costs.append(
            TemplateCost(
                name=layer.name,
                digest=layer.digest,
                layer=layer.name,
                modules=layer.modules,
                action=action,
                started=started,
                seconds=seconds,
                size=manifest.size,
            )
        )


class Process:
    """The process that fills databases, started when it is first needed."""

    def __init__(
        self, interpreter: Path, *, env: Mapping[str, str], wrap: Wrap | None = None
    ) -> None:
        argv = [str(interpreter), "-W", "ignore", "-m", "harness.plugins.build"]
        self.argv = wrap(argv, env) if wrap else argv
        self.env = env
        self._child: proc.Child | None = None
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._noise: list[str] = []
        self._readers: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
    ) -> None:
        """Give an order and wait until it is carried out.

        Raises `TemplateError` with what failed in which layer.
        """
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
                return

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


def _order(program: Program | None) -> dict[str, Any] | None:
    """A program as the building process is told it."""
    if program is None:
        return None
    return {
        "argv": list(program.argv),
        "directory": str(program.directory),
        "environment": dict(line.partition("=")[::2] for line in program.environment),
    }


def _failed(layer: Layer, event: Mapping[str, Any]) -> TemplateError:
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
    return TemplateError(
        f"layer {layer.name} cannot be built ({what or 'ir, res'}): {event['error']}",
        checked="\n" + trace if trace else "",
        remedy="mend what the last lines name, then run again",
    )
