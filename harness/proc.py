# SPDX-License-Identifier: GPL-3.0-or-later
"""The only user of ``subprocess``: argv in, a pasteable line out, typed failures."""

import contextlib
import os
import pwd
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Self

from harness.errors import FREE, CommandFailed, DiskFull, HarnessError, MissingTool
from harness.masks import masked

Output = int | IO[bytes] | IO[str] | None
PIPE, DEVNULL, STDOUT = subprocess.PIPE, subprocess.DEVNULL, subprocess.STDOUT


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A process that has ended: its exit code and its decoded output."""

    code: int
    stdout: str
    stderr: str


def line(argv: Sequence[str | Path]) -> str:
    """The command as a line that can be pasted into a shell, but for passwords."""
    return shlex.join(masked(str(part)) for part in argv)


def run(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    check: bool = True,
    timeout: float | None = None,
    user: str | None = None,
) -> Completed:
    """Run a command to its end, without standard input, and take its output.

    `timeout` is in seconds.  Raises `MissingTool` when the program is not
    there and, with `check`, `CommandFailed` when it fails or takes too long,
    `DiskFull` where it says so.
    """
    child = Child(argv, env=env, cwd=cwd, stdout=PIPE, stderr=PIPE, user=user)
    with child:
        try:
            out, err = child.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise CommandFailed(
                f"{line(argv)} did not end within {timeout:g} s"
            ) from error
    done = Completed(code=child.code(), stdout=_decode(out), stderr=_decode(err))
    if check and done.code:
        raise _failed(argv, done)
    return done


def _failed(argv: Sequence[str | Path], done: Completed) -> HarnessError:
    tail = (done.stderr.strip() or done.stdout.strip())[-4000:]
    said = f"{line(argv)} ended with exit code {done.code}:\n{tail}"
    if DiskFull.said(tail):
        return DiskFull(said, remedy=FREE)
    return CommandFailed(said)


def _decode(data: bytes | None) -> str:
    return (data or b"").decode(errors="replace")


class Child:
    """A child in a process group of its own: no input, TERM → deadline → KILL.

    Leaving the context ends whatever of the group is still there.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        stdin: Output = DEVNULL,
        stdout: Output = None,
        stderr: Output = None,
        user: str | None = None,
        foreground: bool = False,
    ) -> None:
        self.argv = [str(part) for part in argv]
        self.foreground = foreground
        self._ended = False
        try:
            self.process = subprocess.Popen(
                self.argv,
                env=dict(env),
                cwd=cwd,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                user=user,
                group=pwd.getpwnam(user).pw_gid if user else None,
                extra_groups=[] if user else None,
                start_new_session=not foreground,
            )
        except FileNotFoundError as error:
            raise MissingTool(
                f"{error.filename or argv[0]} is not there",
                checked=f"the command {line(argv)}",
            ) from error
        except PermissionError as error:
            raise MissingTool(
                f"{argv[0]} may not be started: {error.strerror}",
                checked=f"the command {line(argv)}",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    def code(self) -> int:
        """Wait for the end; the exit code, negative for a signal."""
        return self.process.wait()

    def ended(self, *, within: float) -> bool:
        """Whether it has ended, after `within` seconds at the latest."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(within)
        return self.process.returncode is not None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group (to the process in the foreground)."""
        try:
            if self.foreground:
                self.process.send_signal(number)
            else:
                os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def interrupt(self, *, grace: float = 10.0) -> None:
        """What Ctrl-C does, and `grace` seconds to tidy up.

        In the foreground the terminal does it: a second one would cut its last words.
        """
        if self.foreground and self.ended(within=grace):
            return
        self.signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(grace)

    def end(self, *, grace: float = 5.0) -> int:
        """TERM, `grace` seconds, KILL; the exit code.

        Once it has been ended, its number may be somebody else's: nothing is done.
        """
        if self._ended:
            return self.process.wait()
        self._ended = True
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(grace)
        if not self.foreground or self.process.poll() is None:
            self.signal(signal.SIGKILL)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        return self.process.wait()


def detach(argv: Sequence[str | Path], *, env: Mapping[str, str], log: Path) -> None:
    """Start a process that outlives this one; its output goes to `log`.

    It is of no run, also where one of its tests has called us.
    """
    with log.open("ab") as output:
        child = subprocess.Popen(
            [str(part) for part in argv],
            env={name: value for name, value in env.items() if name != MARK},
            stdin=DEVNULL,
            stdout=output,
            stderr=STDOUT,
            start_new_session=True,
            cwd="/",
        )
    child.returncode = 0  # not known, but Popen is not to complain that it still runs


MARK: Final = "HARNESS_BROKER"
"""Variable of all processes that come of a run's tests: a path in its directory."""
VANISH: Final = 3.0
"""Seconds that processes get to vanish after they were killed."""


def end_marked(directory: Path) -> tuple[str, ...]:
    """End all that came of the tests of the run with this directory; what it was.

    A process that has made a session of its own is in no group, and is nobody's child
    when its parent is gone; but its environment is inherited.  (Where there is no
    ``/proc``, none is found.)
    """
    found: dict[int, str] = {}
    deadline = time.monotonic() + VANISH
    while (left := _marked(directory)) and time.monotonic() < deadline:
        for pid, what in left.items():
            found.setdefault(pid, what)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    return tuple(found.values())


def _marked(directory: Path) -> dict[int, str]:
    """Processes by their number, each with how it was started."""
    mark = f"\0{MARK}={directory}/".encode()
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if mark in b"\0" + (path / "environ").read_bytes():
                command = (path / "cmdline").read_bytes().split(b"\0")
                found[int(path.name)] = f"{path.name} ({_decode(command[0])} …)"
        except OSError:
            continue
    found.pop(os.getpid(), None)
    return found
