# SPDX-License-Identifier: GPL-3.0-or-later
"""What every command is given: configuration, surroundings, console, store."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from harness import sources, store
from harness.config import Config
from harness.discovery import Discovered
from harness.errors import HarnessError, UsageError
from harness.model import Source
from harness.modules import Graph
from harness.output import Console

Ask = Callable[[str], str] | None
"""How to ask the user; None where nobody is there to answer."""


def confirm(ask: Ask, what: str) -> None:
    """Ask whether `what` may be done; raises `UsageError` where it may not."""
    if ask is None:
        raise UsageError(
            f"nobody is there to be asked: {what}?", remedy="say it beforehand: --yes"
        )
    if ask(f"{what}? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise UsageError("nothing was changed")


@dataclass(frozen=True, kw_only=True)
class Context:
    """The surroundings of one invocation; `line` is how it was called.

    `found` is what was taken, and from where, in place of a configuration;
    `application` says that pytest's own configuration is all that there is.
    """

    config: Config
    environ: Mapping[str, str]
    console: Console
    line: str
    answers: Console | None = None
    found: Discovered | None = None
    application: bool = False

    def answer(self, value: object) -> None:
        """Print a document for machines: alone on stdout, where `answers` is set."""
        (self.answers or self.console).info(json.dumps(value, indent=2))

    @cached_property
    def store(self) -> store.Store:
        """The state directory; a relative one is the project's, wherever one is."""
        path = self.config.state
        if not path:
            return store.Store(store.default(self.environ))
        return store.Store(self.config.root / Path(path).expanduser())

    @cached_property
    def sources(self) -> dict[str, Source]:
        """The sources that are there."""
        return sources.resolve(self.config, self.environ)

    @cached_property
    def graph(self) -> Graph:
        """The Tryton modules of the sources.

        A broken one is an error only where it is named.
        """
        found = []
        for name, source in self.sources.items():
            if self.config.source[name].kind == "tryton":
                table = self.config.source[name]
                try:
                    module = sources.module_of(source)
                    version = module.version or table.series
                    found.append(replace(module, version=version, tests=table.modules))
                except HarnessError as error:
                    self.console.warn(str(error))
        return Graph(found)
