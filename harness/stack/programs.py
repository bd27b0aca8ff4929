# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that fill the stack's database, as templates name them."""

import json
import re
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from harness import proc
from harness.template import digest
from harness.template.layer import Program

PLACE: Final = "/shared/data"
"""Where the directory of a program is."""
UNPACKED: Final = 'mkdir -p "$0" && cd "$0" && tar -xf - && exec "$@" </dev/null'
"""A shell's words: what it is given is there, and the program runs in it."""
KILLED: Final = (-9, 137)
"""Exit codes of who was killed, by somebody or for want of memory: that is silent."""


def fact(program: Program) -> str:
    """All that its outcome depends on, but for the image that it runs in."""
    read = [digest.tree(program.root / one) for one in program.reads]
    return json.dumps([program.argv, program.environment, read], sort_keys=True)


def words(
    begun: Sequence[str], database: str, program: Program, *, far: bool
) -> list[str]:
    """Compose's words that run it; how those of erpserver begin is `begun`.

    Its directory is mounted.  A `far` engine has not its files, and would mount an
    empty one: it is `given` them.
    """
    told = (f"DB_NAME={database}", "PYTHONDONTWRITEBYTECODE=1", *program.environment)
    mounted = ("--volume", f"{program.directory}:{PLACE}:ro", "--workdir", PLACE)
    return [
        *begun, *(() if far else mounted),
        *(word for one in told for word in ("--env", one)),
        "erpserver", *(("sh", "-c", UNPACKED, PLACE) if far else ()), *program.argv,
    ]  # fmt: skip


@contextmanager
def given(program: Program, *, far: bool) -> Iterator[proc.Output]:
    """Its standard input: nothing, or its directory as an archive."""
    if not far:
        yield proc.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            archive.add(program.directory, arcname=".", filter=_plain)
        file.seek(0)
        yield file


def followed(
    child: proc.Child, listener: Callable[[str], None], patience: float
) -> list[str] | None:
    """The last lines of one that failed, or took more seconds; None for a good end.

    The listener gets each module, or set of data, that a line names.
    """
    deadline = time.monotonic() + patience
    tail: list[str] = []
    assert child.process.stdout
    for line in child.process.stdout:
        text = line.decode(errors="replace").rstrip()
        module = re.match(r"(?:module|>) (\w+)(?:$|:)", text)
        if module:
            listener(module[1])
        else:
            tail = [*tail[-30:], text]
        if time.monotonic() > deadline:
            return [*tail, f"given up after {patience:g} s"]
    code = child.code()
    if code in KILLED:
        return [f"it was killed, with exit code {code}"]
    return tail if code else None


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Readable by whoever it becomes; not what Python has made of it."""
    member.mode |= 0o755 if member.isdir() else 0o444
    return None if Path(member.name).name == "__pycache__" else member
