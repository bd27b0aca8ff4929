# SPDX-License-Identifier: GPL-3.0-or-later
"""The last steps of a test in its browser: what was done, and how it looked then.

Chromium makes small pictures by itself (``Page.startScreencast``); they lie in the
driver's log until it is read.  So a step costs two short commands, and of other
browsers there are the words of the steps alone.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Mapping, NamedTuple

from harness.plugins import hidden, steps

STEPS = 40
"""Steps that are remembered."""
PICTURES = 8
"""The last of them have a picture, this many."""
SIZE = 640
"""Pixels of a picture's longer side."""
SHARE, CREDIT = 0.05, 0.5
"""The part of a test's time that pictures may take, beside these seconds."""
TAKE = 0.03
"""Seconds in which a picture is made; the browser makes no more of them then."""
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""What a WebDriver calls an element by."""
KIND = "return `${arguments[0].type} ${arguments[0].autocomplete}`"
START, STOP = "Page.startScreencast", "Page.stopScreencast"
FRAME, MOVED = "Page.screencastFrame", "Page.frameNavigated"

Send = Callable[..., Any]


class FilmStep:
    """A command that may have changed the page."""

    def __init__(self, words: str, at: float) -> None:
        self.words = words
        self.at = at
        self.times = 1
        self.failed = ""
        self.picture: tuple[str, int] = "", 0
        """The window, and the number of the screencast that shows it."""
        self.shot = 0.0
        """When that began."""


class Frame(NamedTuple):
    """A picture (base64), when it was made by the browser's clock, and its address."""

    time: float
    data: str
    url: str


class Film:
    """Remembers the steps of a test, and pictures where `send` gives commands."""

    def __init__(self, *, resting: bool = False) -> None:
        self.send: Send | None = None
        """Gives Chromium a command of its own protocol."""
        self.window = ""
        self.steps: deque[FilmStep] = deque(maxlen=STEPS)
        self.frames: OrderedDict[tuple[str, int], list[Frame]] = OrderedDict()
        """By screencast, the newest last."""
        self._names = steps.Names()
        self._casts: dict[str, int] = {}
        self._url = ""
        self._typed = False
        self._casting = 0.0
        """When pictures began to be made, while they are."""
        self._resting = resting
        self.begin()

    def begin(self) -> None:
        """A test begins."""
        self.began = time.monotonic()
        self.spent = 0.0

    def clear(self) -> None:
        """The browser is new."""
        self.steps.clear()
        self.frames.clear()
        self._names.clear()
        self._typed = False
        self._casting = 0.0

    def load(self, send: Send | None, window: str) -> None:
        """Another browser, which shows a `window`."""
        self.clear()
        self._casts.clear()
        self.send, self.window = send, window

    @contextmanager
    def resting(self) -> Iterator[None]:
        """What is done meanwhile is no step of a test."""
        before, self._resting = self._resting, True
        try:
            yield
        finally:
            self._resting = before

    # -- what the driver is asked ------------------------------------------------

    def around(self, execute: Send, name: str, given: Mapping[str, Any] | None) -> Any:
        """Let the driver `execute` a command, and remember it if it is a step."""
        __tracebackhide__ = True
        if self._casting and not self._resting:
            self._cut(time.monotonic() - TAKE)
        if name == steps.TYPE and not self._resting:
            self._look(execute, given or {})
        words = "" if self._resting else self._names.words(name, given or {})
        if not words:
            answer = execute(name, given)
            self._hear_answer(name, given or {}, answer)
            return answer
        typing = name in steps.TYPING
        if self._typed and not typing:
            self._shoot()  # the form, filled in
        step = self._add(words)
        try:
            answer = execute(name, given)
        except Exception as error:
            step.failed = _first_line(error)
            raise
        self._hear_answer(name, given or {}, answer)
        self._typed = typing
        if not typing:
            self._shoot()
        return answer

    def _look(self, execute: Send, given: Mapping[str, Any]) -> None:
        """Ask a field whether it is one for passwords; in doubt it is."""
        id_ = str(given.get("id", ""))
        if not self._names.asked(id_):
            try:
                found = execute(
                    steps.SCRIPT, {"script": KIND, "args": [{ELEMENT: id_}]}
                )
                kind = str(found["value"])
            except Exception:
                kind = "password"
            self._names.hide(id_, secret="password" in kind or "one-time" in kind)
        if self._names.hidden(id_):
            hidden.typed.add(str(given.get("text", "")))

    def _add(self, words: str) -> FilmStep:
        last = self.steps[-1].words if self.steps else ""
        if last == words:  # somebody waits
            self.steps[-1].times += 1
            return self.steps[-1]
        if steps.follows(last, words):
            self.steps.pop()
        self.steps.append(FilmStep(words, time.monotonic()))
        return self.steps[-1]

    def _hear_answer(self, name: str, given: Mapping[str, Any], answer: Any) -> None:
        if not isinstance(answer, dict):
            return
        value = answer.get("value")
        self._names.learn(name, given, value)
        if name == "switchToWindow":
            self.window = str(given.get("handle", ""))
        elif name == "newWindow" and isinstance(value, dict):
            self._casts[str(value.get("handle", ""))] = 0

    def _shoot(self) -> None:
        """Have a picture made of the last step, if there is time for it."""
        began = time.monotonic()
        allowed = CREDIT + SHARE * (began - self.began)
        if self.send is None or self.spent > allowed or not self.steps:
            return
        self._cut(began)
        if self._start() or (self._command(STOP) and self._start()):
            self._casts[self.window] = number = self._casts.get(self.window, 0) + 1
            self.steps[-1].picture = self.window, number
            self.steps[-1].shot = self._casting = time.monotonic()

    def _start(self) -> bool:
        size = {"maxWidth": SIZE, "maxHeight": SIZE}
        return self._command(START, format="jpeg", quality=60, **size)

    def _cut(self, before: float) -> None:
        """No more pictures, if they began `before` that."""
        if self._casting and self._casting <= before:
            self._casting = 0.0
            self._command(STOP)

    def _command(self, name: str, **given: Any) -> bool:
        """Whether the browser could do it: there may be no window, or an alert."""
        assert self.send is not None
        began = time.monotonic()
        try:
            self.send(name, **given)
        except Exception:
            return False
        finally:
            self.spent += time.monotonic() - began
        return True

    # -- what the browser has logged ---------------------------------------------

    def hear(self, event: Mapping[str, Any], window: str) -> bool:
        """Take an event of a window's log; True: it was a picture."""
        name, parameters = event.get("method"), event.get("params", {})
        if name == MOVED and not parameters["frame"].get("parentId"):
            self._url = str(parameters["frame"].get("url", ""))
        if name != FRAME:
            return False
        when = float(parameters["metadata"].get("timestamp", 0.0))
        frames = self.frames.setdefault((window, int(parameters["sessionId"])), [])
        frames.append(Frame(when, str(parameters["data"]), self._url))
        while len(self.frames) > PICTURES:
            self.frames.popitem(last=False)
        return True

    def shown(self) -> list[dict[str, Any]]:
        """The steps, each with its picture (base64) or none; times since `begin`."""
        found = []
        following = [*list(self.steps)[1:], None]
        for step, after in zip(self.steps, following):
            frame = self._frame(step, after)
            found.append(
                {
                    "at": round(step.at - self.began, 3),
                    "words": step.words,
                    "times": step.times,
                    "failed": step.failed,
                    "url": frame.url if frame else "",
                    "picture": frame.data if frame else "",
                }
            )
        return found

    def _frame(self, step: FilmStep, after: FilmStep | None) -> Frame | None:
        """The last picture before the next step; two clocks are not compared."""
        frames = self.frames.get(step.picture, [])
        if not frames or after is None:
            return frames[-1] if frames else None
        end = frames[0].time + after.at - step.shot
        return [one for one in frames if one.time <= end or one is frames[0]][-1]


def _first_line(error: BaseException) -> str:
    text = str(getattr(error, "msg", None) or error).strip()
    return text.partition("\n")[0] or type(error).__name__
