# SPDX-License-Identifier: GPL-3.0-or-later
"""What BuildKit says with ``--progress=plain``, understood line by line."""

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Final

_LINE: Final = re.compile(r"#(?P<number>\d+) (?P<rest>.*)")
_STEP: Final = re.compile(
    r"\[(?P<place>[^\]]*?(?P<done>\d+)/(?P<all>\d+))\] (?P<what>.*)"
)
_DONE: Final = re.compile(r"DONE (?P<seconds>[\d.]+)s")
_LOG: Final = re.compile(r"(?P<at>\d+\.\d+) (?P<text>.*)")
_PLACE: Final = re.compile(r"Dockerfile:(?P<line>\d+)$")
_SHOWN: Final = re.compile(r"\s*(?P<line>\d+) \| >>> (?P<text>.*)")
_OPTION: Final = re.compile(r"--mount=\S+\s+")

TAIL: Final = 30
"""Lines of a failed step's log that are kept."""
WIDTH: Final = 48


@dataclass(kw_only=True)
class ImageStep:
    """One step of a build: announced, then cached, done or failed."""

    number: int
    place: str
    what: str
    state: str = "runs"
    seconds: float = 0.0
    last: str = ""
    error: str = ""
    log: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))

    @property
    def title(self) -> str:
        """Its instruction, short, without mounts."""
        text = " ".join(_OPTION.sub("", self.what).split())
        return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"

    @property
    def stage(self) -> str:
        """The stage of the Dockerfile that it belongs to; empty for the only one."""
        return self.place.rpartition(" ")[0]

    @property
    def instructs(self) -> bool:
        """Whether it is an instruction of the Dockerfile."""
        return bool(self.place)


class BuildProgress:
    """The state of one build; `feed` it each line of the output."""

    def __init__(self) -> None:
        self.layers: dict[int, ImageStep] = {}
        self.tail: deque[str] = deque(maxlen=TAIL)
        self.line = 0
        """The line of the Dockerfile that failed; 0 while none did."""
        self._shown: list[str] = []

    def feed(self, line: str) -> ImageStep | None:
        """Take a line; the layer that has just been closed by it, if any."""
        line = line.rstrip()
        found = _LINE.match(line)
        if found:
            return self._layer(int(found["number"]), found["rest"])
        if line:
            self.tail.append(line)
            self._mark(line)
        return None

    @property
    def failed(self) -> ImageStep | None:
        """The step that ended the build."""
        found = [one for one in self.layers.values() if one.state == "failed"]
        return found[0] if found else None

    @property
    def instruction(self) -> str:
        """The failing lines of the Dockerfile, as BuildKit shows them."""
        return "\n".join(self._shown)

    def status(self) -> str:
        """In a few words: what runs now; empty between two layers."""
        steps = [one for one in self.layers.values() if one.instructs]
        running = [one for one in steps if one.state == "runs"]
        if not running:
            return ""
        now = running[-1]
        return f"[{now.place}] {now.title} {now.last}".strip()

    def _mark(self, line: str) -> None:
        place = _PLACE.match(line)
        if place:
            self.line = int(place["line"])
        shown = _SHOWN.match(line)
        if shown:
            if not self._shown:
                self.line = int(shown["line"])
            self._shown.append(shown["text"].strip())

    def _layer(self, number: int, rest: str) -> ImageStep | None:
        layer = self.layers.get(number)
        if layer is None:
            step = _STEP.match(rest)
            self.layers[number] = ImageStep(
                number=number,
                place=step["place"] if step else "",
                what=step["what"] if step else rest,
            )
            return None
        done = _DONE.match(rest)
        if rest == "CACHED" or done or rest.startswith("ERROR"):
            layer.state = "failed" if rest.startswith("ERROR") else "done"
            layer.error = rest.partition("ERROR:")[2].strip()
            if done:
                layer.seconds = float(done["seconds"])
            if rest == "CACHED":
                layer.state = "cached"
            return layer
        log = _LOG.match(rest)
        if log:
            layer.log.append(log["text"])
            layer.last = log["text"][:WIDTH]
        return None
