# SPDX-License-Identifier: GPL-3.0-or-later
"""A network namespace at the end of a link: another machine, as far as TCP tells."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


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
