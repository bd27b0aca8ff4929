# SPDX-License-Identifier: GPL-3.0-or-later
"""What a console shows of a step that runs."""

from collections.abc import Callable, Iterable, Iterator

from harness.quantities import duration


class ConsoleStep:
    """A step that runs; made by `Console.step`."""

    def __init__(
        self,
        title: str,
        *,
        started: float,
        refresh: "Callable[[ConsoleStep, str, Iterable[str]], None]",
    ) -> None:
        self.title = " ".join(title.split())
        self.started = started
        self.text = ""
        self.parts: tuple[str, ...] = ()
        self.shown = started
        self.failed = "failed after"
        """What is said when it comes to no good end, before its duration."""
        self._refresh = refresh

    def update(self, text: str, parts: Iterable[str] = ()) -> None:
        """Say what is going on; cheap, may be called as often as one likes.

        On a terminal each of the `parts` has a row.
        """
        self._refresh(self, text, parts)

    def rows(self, now: float) -> Iterator[str]:
        """What runs since when, and a row for each of its parts."""
        passed = duration(now - self.started)  # tenths: each picture is another one
        text = "" if self.parts else self.text
        yield " ".join(f"{self.title} ... {passed} {text}".split())
        for part in self.parts:
            yield f"  {part}"
