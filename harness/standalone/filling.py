# SPDX-License-Identifier: GPL-3.0-or-later
"""Fills the databases of templates by running programs."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from harness import proc
from harness.errors import CommandFailed, MissingTool, TemplateError
from harness.postgres.base import Address
from harness.standalone.recipe import PROGRAMS
from harness.template.base import Seen
from harness.template.layer import Layer

SHOWN = 30
"""Lines of a failed program's output that are shown."""


class Programs:
    """See `harness.template.base.Filling`."""

    def __init__(
        self, address: Address, *, environ: Mapping[str, str], binaries: Path | None
    ) -> None:
        self.address = address
        self.environ = environ
        self.binaries = binaries

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    def kill(self) -> None:
        """Nothing: no program outlives its order."""

    def order(
        self,
        order: Mapping[str, Any],
        *,
        layer: Layer,
        deadline: float,
        hear: Callable[[Mapping[str, Any]], None],
    ) -> Seen:
        """Run the program of a layer to its end; what it reads is not looked at."""
        del hear
        assert layer.program is not None
        argv = list(layer.program.argv)
        if argv[0] in PROGRAMS and self.binaries:
            argv[0] = str(self.binaries / argv[0])
        try:
            done = proc.run(
                argv,
                env=self._environment(layer, order["database"]),
                cwd=layer.program.directory,
                timeout=deadline,
                check=False,
            )
        except (CommandFailed, MissingTool) as error:
            raise _failed(layer, error.message) from error
        if done.code:
            lines = f"{done.stdout}{done.stderr}".strip().splitlines()[-SHOWN:]
            said = "\n".join([f"it ended with exit code {done.code}", *lines])
            raise _failed(layer, said)
        return Seen()

    def _environment(self, layer: Layer, database: str) -> dict[str, str]:
        assert layer.program is not None
        scripts = str(Path(sys.executable).parent)
        path = self.environ.get("PATH", os.defpath)
        return {
            **self.environ,
            "PATH": os.pathsep.join([scripts, path]),
            **self.address.environment(),
            "PGDATABASE": database,
            "DATABASE_URL": self.address.url(database),
            **dict(line.partition("=")[::2] for line in layer.program.environment),
        }


def _failed(layer: Layer, said: str) -> TemplateError:
    return TemplateError(
        f"the template cannot be built: {layer.name}: {said}",
        checked="postgresql_template",
        remedy="mend what the last lines name, then run again",
    )
