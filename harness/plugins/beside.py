# SPDX-License-Identifier: GPL-3.0-or-later
"""A process of the harness beside a session of pytest, from its begin to its end.

It is another process so that tests share no threads with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from harness.plugins.client import BROKER, client

PATIENCE = 20.0
"""Seconds that the process gets to tidy up."""


class Beside:
    """A module of the harness that runs until its standard input ends.

    It gets an `order` of JSON in one line, and answers with variables in another,
    `said`.  Raises a usage error with `remedy` where it ends instead.
    """

    def __init__(self, *words: str, order: Any, remedy: str, cwd: str = ".") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=cwd,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()
        said = self.process.stdout.readline()
        if not said:
            raise pytest.UsageError(
                f"python -m {' '.join(words)}, which has the databases of the tests,"
                f" has ended with exit code {self.process.wait()}\nto mend it: {remedy}"
            )
        self.said: dict[str, str] = json.loads(said)

    def end(self) -> None:
        """Have it take away what it has made."""
        client.close()
        os.environ.pop(BROKER, None)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
