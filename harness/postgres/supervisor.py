# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m harness.postgres.supervisor``: owns one embedded server.

It makes the data directory, starts ``postgres`` as its child, and stops it
when no run holds the shared lock any more: the kernel gives that lock back
when a run ends, also by ``kill -9``, so no server is ever left alone.
"""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from harness import proc
from harness.errors import HarnessError
from harness.store import Lock

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
    "jit": "off",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "log_min_messages": "warning",
}
"""Tuned for data that nobody will miss (DESIGN.md, section 7)."""
PAUSE = 0.05
"""Seconds between two looks at the locks and the child."""


def main(order: dict[str, str | None]) -> int:
    """Run the server until nobody uses it; the exit code."""
    directory = Path(str(order["directory"]))
    own = Lock(directory / "supervisor.lock")
    if not own.acquire(wait=5):
        return 0
    try:
        _initialise(directory, order)
        with _start(directory, order) as server:
            _await(directory, order, server)
            users = _watch(directory, server)
            server.signal(signal.SIGINT)
            server.end(grace=20)
    except HarnessError as error:
        print(error, file=sys.stderr, flush=True)
        (directory / "failed").touch()
        return error.code
    finally:
        (directory / "ready").unlink(missing_ok=True)
    own.release()
    users.release()
    return 0


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}


def _initialise(directory: Path, order: dict[str, str | None]) -> None:
    """Make the data directory; it gets its name when it is complete."""
    data = directory / "data"
    if data.exists():
        return
    half = directory / "data.half"
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700)
    user = order["user"]
    if user:
        for path in (half, Path(str(order["sockets"]))):
            shutil.chown(path, user=user)
    argv = [
        f"{order['binaries']}/bin/initdb",
        f"--pgdata={half}",
        "--username=postgres",
        "--auth=trust",
        "--no-sync",
        "--no-instructions",
        f"--encoding={order['encoding']}",
        f"--locale={order['locale']}",
    ]
    proc.run(argv, env=_environment(), cwd=Path("/"), user=user, timeout=60)
    half.rename(data)


def _start(directory: Path, order: dict[str, str | None]) -> proc.Child:
    data = directory / "data"
    _end_orphan(data)
    argv = [f"{order['binaries']}/bin/postgres", "-D", str(data)]
    settings = {**SETTINGS, "unix_socket_directories": str(order["sockets"])}
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    with (directory / "log").open("ab") as log:
        return proc.Child(
            argv,
            env=_environment(),
            cwd=Path("/"),
            stdout=log,
            stderr=proc.STDOUT,
            user=order["user"],
        )


def _end_orphan(data: Path) -> None:
    """End a server whose supervisor was killed; forget a stale pid file."""
    status = data / "postmaster.pid"
    try:
        pid = int(status.read_text("ascii").splitlines()[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError, IndexError):
        status.unlink(missing_ok=True)
        return
    if os.fsencode(data) in command:
        os.kill(pid, signal.SIGQUIT)
        while Path(f"/proc/{pid}").exists():
            time.sleep(PAUSE)
    status.unlink(missing_ok=True)


def _await(directory: Path, order: dict[str, str | None], server: proc.Child) -> None:
    """Wait until it takes connections; the client sets the deadline."""
    status = directory / "data" / "postmaster.pid"
    while server.process.poll() is None:
        try:
            lines = status.read_text("ascii").splitlines()
        except OSError:
            lines = []
        if len(lines) >= 8 and lines[7].strip() == "ready":
            (directory / "ready").touch()
            return
        time.sleep(0.005)
    raise HarnessError(f"postgres ended with exit code {server.code()}")


def _watch(directory: Path, server: proc.Child) -> Lock:
    """Until nobody uses the server; the exclusive lock that says so."""
    users = Lock(directory / "users.lock")
    while server.process.poll() is None:
        if users.acquire(wait=0):
            if time.time() >= _kept_until(directory):
                return users
            users.release()
            time.sleep(1)
        time.sleep(PAUSE)
    raise HarnessError(f"postgres ended with exit code {server.code()}")


def _kept_until(directory: Path) -> float:
    try:
        return float((directory / "keep").read_text("ascii"))
    except (OSError, ValueError):
        return 0.0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise SystemExit(main(json.loads(sys.argv[1])))
