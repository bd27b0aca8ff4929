# SPDX-License-Identifier: GPL-3.0-or-later
"""Data scripts and programs that fill a database; the first error ends them."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Any

from harness.plugins import lifeline


class ScriptError(Exception):
    """A line of a data script failed, or a program."""


def document(path: Path, reclimit: int) -> None:
    """Run a doctest document against the database; the first error ends it."""
    from proteus import config as proteus

    config = proteus.set_trytond()
    config.pool.test = True
    test = doctest.DocTestParser().get_doctest(
        path.read_text("utf-8"),
        {"config": config, "reclimit": reclimit, "here": path.parent},
        path.name,
        str(path),
        0,
    )
    runner = doctest.DebugRunner(verbose=False)
    try:
        runner.run(test)
    except doctest.UnexpectedException as failure:
        error = failure.exc_info[1]
        raise ScriptError(_place(failure, path), reason(error)) from error
    except doctest.DocTestFailure as failure:
        raise ScriptError(
            _place(failure, path),
            f"expected {failure.example.want!r}, got {failure.got!r}",
        ) from None


def execute(program: dict[str, Any], database: str, answer: Any) -> None:
    """Run a program that fills the database; its words are events."""
    scripts = str(Path(sys.executable).parent)
    env = {
        **os.environ,
        "PATH": os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)]),
        "DB_NAME": database,
        **program["environment"],
    }
    with subprocess.Popen(
        program["argv"],
        cwd=program["directory"],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=lifeline.hold,
    ) as child:
        said: deque[str] = deque(maxlen=30)
        for line in child.stdout or ():
            said.append(line.rstrip())
            if line.strip():
                answer(line=line.strip())
    if child.returncode:
        told = "\n".join(said)
        raise ScriptError(f"it ended with exit code {child.returncode}:\n{told}")


def _place(failure: Any, path: Path) -> str:
    line = failure.test.lineno + failure.example.lineno + 1
    return f"{path.name}:{line}: {failure.example.source.strip()}"


def reason(error: BaseException) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
