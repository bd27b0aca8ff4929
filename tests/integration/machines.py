# SPDX-License-Identifier: GPL-3.0-or-later
"""A network namespace at the end of a link: another machine, as far as TCP tells."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent


def ip(*words: str, check: bool = True) -> str:
    done = subprocess.run(
        ["ip", *words], stdout=subprocess.PIPE, text=True, check=check
    )
    return done.stdout


@contextmanager
def linked(name: str, *, here: str, there: str) -> Iterator[str]:
    """The namespace `name`; the link's ends have these addresses, ours is answered.

    All that is in it in the end is killed.
    """
    outer, inner = f"{name}a", f"{name}b"
    for line in (
        f"netns add {name}",
        f"link add {outer} type veth peer name {inner} netns {name}",
        f"addr add {here}/29 dev {outer}",
        f"link set {outer} up",
        f"-n {name} addr add {there}/29 dev {inner}",
        f"-n {name} link set {inner} up",
    ):
        ip(*line.split())
    try:
        yield outer
    finally:
        for pid in ip("netns", "pids", name).split():
            os.kill(int(pid), signal.SIGKILL)
        ip("link", "del", outer, check=False)
        ip("netns", "del", name)


def keyed(
    place: Path, *, there: str, nobody: str = "127.0.0.1", port: int = 22
) -> None:
    """Files of an sshd, and an ssh that knows its machine as ``there``."""
    for name in ("host", "user"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / name]
        subprocess.run(key, check=True)
    (place / "sshd_config").write_text(
        dedent(f"""\
        HostKey {place}/host
        ListenAddress {there}:{port}
        PidFile none
        MaxStartups 100
        UsePAM no
        StrictModes no
        AuthorizedKeysFile {place}/user.pub
        PermitRootLogin prohibit-password
        SetEnv PATH={os.environ["PATH"]}
        """)
    )
    known = f"StrictHostKeyChecking no\nUserKnownHostsFile {place}/known\n"
    (place / "config").write_text(
        f"Host there\nHostName {there}\nPort {port}\n"
        f"Host nobody\nHostName {nobody}\n"
        f"Host *\nLogLevel ERROR\nIdentityFile {place}/user\n{known}"
    )
    shim = place / "bin" / "ssh"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {place}/config "$@"\n')
    shim.chmod(0o755)
