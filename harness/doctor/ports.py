# SPDX-License-Identifier: GPL-3.0-or-later
"""Check of ports: what the stack publishes must be free, or its own already."""

import ipaddress
import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.doctor.base import STACK, Finding, Machine, ok, warning
from harness.engine import STATE
from harness.errors import HarnessError

LISTENING = "0A"
LONGEST = 60
"""Characters of a command line that are shown."""


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A socket that waits for connections, and the user who made it."""

    port: int
    address: str
    uid: int
    inode: str


@dataclass(frozen=True, kw_only=True)
class PublishedContainer:
    """A container that publishes a port."""

    name: str
    state: str
    project: str


def listeners(proc: Path) -> Iterator[Listener]:
    """All TCP sockets of this machine that wait for connections."""
    for name in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / name).read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for words in map(str.split, lines):
            if len(words) > 9 and words[3] == LISTENING:
                host, _, port = words[1].rpartition(":")
                yield Listener(
                    port=int(port, 16),
                    address=address(host),
                    uid=int(words[7]),
                    inode=words[9],
                )


def address(text: str) -> str:
    """An address of /proc/net/tcp: words of four bytes, each in machine order."""
    words = [bytes.fromhex(text[i : i + 8]) for i in range(0, len(text), 8)]
    if sys.byteorder == "little":
        words = [word[::-1] for word in words]
    return str(ipaddress.ip_address(b"".join(words)))


def clashes(one: Listener) -> bool:
    """Whether publishing on 127.0.0.1 fails because of it."""
    found = ipaddress.ip_address(one.address)
    mapped = getattr(found, "ipv4_mapped", None)
    if mapped:
        found = mapped
    return found.is_unspecified or str(found) == "127.0.0.1"


def holders(proc: Path, inodes: Iterable[str]) -> list[int]:
    """The processes that hold sockets, as far as this user may see them."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    return sorted(
        int(process.name)
        for process in proc.iterdir()
        if process.name.isdecimal() and wanted.intersection(_sockets(process))
    )


def _sockets(process: Path) -> Iterator[str]:
    try:
        handles = list((process / "fd").iterdir())
    except OSError:
        return
    for handle in handles:
        try:
            yield os.readlink(handle)
        except OSError:
            continue


def command(proc: Path, pid: int) -> str:
    """The command line of a process, shortened."""
    try:
        data = (proc / str(pid) / "cmdline").read_bytes()
    except OSError:
        return "its command is not known"
    words = data.decode(errors="replace").rstrip("\0").split("\0")
    line = shlex.join([Path(words[0]).name, *words[1:]])
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."


def publisher(machine: Machine, port: int) -> PublishedContainer | None:
    """The container that publishes a port."""
    form = "\t".join(
        (
            "{{.Names}}",
            f'{{{{.Label "{STATE}"}}}}',
            '{{.Label "com.docker.compose.project"}}',
        )
    )
    try:
        done = machine.docker.engine.run(
            "ps", "--filter", f"publish={port}", "--format", form
        )
    except HarnessError:
        return None
    for line in done.stdout.splitlines():
        name, state, project = (line + "\t\t").split("\t")[:3]
        return PublishedContainer(name=name, state=state, project=project)
    return None


def own(machine: Machine, container: PublishedContainer) -> bool:
    """Whether a container belongs to this checkout's stack."""
    project = machine.config.stack.project
    state = machine.store.id if machine.store else ""
    return bool(
        (state and container.state == state)
        or (project and container.project == project)
    )


def taken(machine: Machine) -> list[Finding]:
    """Each port of the stack: free, or taken by whom."""
    found = list(listeners(machine.proc))
    engine = machine.docker.why_not() is None
    findings = []
    for port, what in machine.ports.items():
        container = publisher(machine, port) if engine else None
        listening = [one for one in found if one.port == port and clashes(one)]
        findings.append(_one(machine, port, what, container, listening))
    return findings


def _one(
    machine: Machine,
    port: int,
    what: str,
    container: PublishedContainer | None,
    listening: list[Listener],
) -> Finding:
    name, need = f"port {port}", f"{what} of {STACK}"
    if container is not None:
        if own(machine, container):
            return ok(name, f"the stack's own: {container.name}")
        text = f"taken by the container {container.name}"
        if container.project:
            text += f" of the project {container.project}"
        remedy = f"docker stop {container.name}"
        return warning(name, text, remedy=remedy, need=need)
    if not listening:
        return ok(name, f"free for {what}")
    for pid in holders(machine.proc, (one.inode for one in listening)):
        text = f"taken by pid {pid} ({command(machine.proc, pid)})"
        remedy = f"kill {pid}"
        if machine.uid not in (0, listening[0].uid):
            remedy = f"sudo {remedy}"
        return warning(name, text, remedy=remedy, need=need)
    text = f"taken by a process of the user with the id {listening[0].uid}"
    remedy = machine.root(f"ss -ltnp sport = :{port}")
    return warning(name, text, remedy=remedy, need=need)
