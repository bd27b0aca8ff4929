# SPDX-License-Identifier: GPL-3.0-or-later
"""Services replaced one container after the other, and fewer of them, while they serve.

A new one is well before a former one goes, and that gets no more requests before it
is stopped: so visitors see nothing of it.
"""

import contextlib
import json
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from harness.commands import stack_health
from harness.commands.stack import Stack, kept
from harness.errors import HarnessError
from harness.stack.certificates import CERTIFICATE, KEY
from harness.stack.compose import Container, replicas
from harness.stack.overlay import pages
from harness.store import write_atomically

NOTE: Final = "rolling"
"""File with how many there were of services that are being replaced."""
MADE_ANEW: Final = re.compile(r"Container (\S+)\s+Recreate\b")
"""Of Compose's words in a dry run."""
RELOADED: Final = """
old=$(grep -l '^nginx: worker' /proc/[0-9]*/cmdline 2>/dev/null)
kill -HUP 1 || exit 1
n=0
for one in $old; do
    while [ -e "$one" ] && [ "$n" -lt 300 ]; do sleep 0.1; n=$((n + 1)); done
done
"""
"""A shell's words: nginx reads anew, and what was begun before is answered (30 s)."""
KEPT: Final = f"""
mkdir -p /tmp/nginx/kept
printf '%s\\n' "$2" >"/tmp/nginx/kept/$1.upstream"
echo "set \\$service kept-$1;" >"/tmp/nginx/kept/$1.use"
{RELOADED}"""
FREED: Final = 'rm -f "/tmp/nginx/kept/$1.use" "/tmp/nginx/kept/$1.upstream"'
LATER: Final = (
    f'sleep 300; grep -qF "$2" "/tmp/nginx/kept/$1.upstream" && {FREED} && kill -HUP 1'
)
"""Where we are killed, nginx finds its way back by itself."""
TAKEN: Final = f"""
set -e
cd /run/secrets
rm -f {CERTIFICATE} {KEY}
printf '%s\\n' "$TLS_CERTIFICATE" >{CERTIFICATE}
printf '%s\\n' "$TLS_KEY" >{KEY}
"""


def replace(stack: Stack, names: Sequence[str]) -> None:
    """Replace what Compose would make anew with `names`, of what nginx stands before.

    Raises where a new one does not become well: it goes, and the former ones serve.
    """
    there = stack.looking.ps()
    if not _running(there, "nginx"):
        return
    touched = stack.project.closure(names)
    place = stack.context.store.directory("stack", stack.project.name) / NOTE
    wanted = _noted(place)
    for one in there:
        if one.service in wanted and one.state == "exited":
            # Stopped when we were killed: Compose would begin it anew, and nginx too.
            stack.engine.run("rm", one.name)
    former = [
        one
        for service in filter(touched.__contains__, pages(stack.project))
        if _may(stack, service, found := _running(there, service))
        for one in found
    ]
    # Not all are named at once: it ends at the first that it cannot go on with.
    while old := _outdated(stack, former):
        for one in old:
            count = sum(other.service == one.service for other in former)
            wanted.setdefault(one.service, count)
        write_atomically(place, json.dumps(wanted))
        title = f"replace {', '.join(one.name for one in old)}"
        with stack.context.console.step(title, ticker=True):
            for one in old:
                if one.name in _names(_running(stack.looking.ps(), one.service)):
                    _one_more(stack, one.service)
                    _without(stack, one)
                else:  # It has ended by itself: who does not serve is Compose's.
                    former.remove(one)
    for service in filter(touched.__contains__, list(wanted)):
        fewer(stack, service, wanted[service])
    place.unlink(missing_ok=True)


def fewer(stack: Stack, service: str, count: int) -> None:
    """Take away the newest containers of a service that has more than `count`."""
    former = _running(stack.looking.ps(), service)
    for one in former[count:]:
        _without(stack, one)


def renew(stack: Stack) -> None:
    """Give a running nginx the certificate of today, without an interruption."""
    texts = stack.project.pair.texts()
    for one in _running(stack.looking.ps(), "nginx"):
        words = ("exec", one.name, "cat", f"/run/secrets/{CERTIFICATE}")
        has = stack.engine.run(*words, check=False)
        if has.code or has.stdout.strip() == texts.get(CERTIFICATE, "").strip():
            continue
        told = {name.upper(): text for name, text in texts.items()}
        given = [word for name in told for word in ("--env", name)]
        with stack.context.console.step("new certificate", ticker=True):
            stack.engine.run(
                "exec", "--user", "0", *given, one.name, "sh", "-c", TAKEN,
                env=told,
            )  # fmt: skip
            stack.engine.run("exec", one.name, "sh", "-c", RELOADED, timeout=90)


def _outdated(stack: Stack, former: Sequence[Container]) -> list[Container]:
    """Those that Compose would make anew, as it says itself."""
    services = dict.fromkeys(one.service for one in former)
    if not services:
        return []
    scales = kept(stack.project, replicas(stack.looking.ps()), services)
    words = ("--dry-run", "up", "--detach", *scales, *services)
    # It fails where it comes to secrets, which are said to be copied after this.
    said = stack.compose.run(*words, check=False)
    names = MADE_ANEW.findall(said.stderr + said.stdout)
    return [one for one in former if one.name in names]


def _may(stack: Stack, service: str, there: Sequence[Container]) -> bool:
    """Whether one more can be there for a moment, and is worth it."""
    table = stack.project.tables.get(service)
    serves = stack.project.environment != "development" or len(there) > 1
    return serves and not (table and table.ports) and all(one.well for one in there)


def _one_more(stack: Stack, service: str) -> None:
    """Start one of today's, and wait until it is well."""
    before = stack.looking.ps()
    counts = replicas(before)
    counts[service] = counts.get(service, 0) + 1
    scales = kept(stack.project, counts, [service])
    timeout = f"--wait-timeout={stack.context.config.stack.timeout}"
    call = ("up", "--detach", "--no-recreate", "--wait", timeout, *scales, service)
    try:
        stack_health.called(stack, call)
    except HarnessError as error:
        known = _names(before)
        made = [
            one.name
            for one in stack.looking.ps()
            if one.service == service and one.name not in known
        ]
        if made:
            stack.engine.run("rm", "--force", *made)
        error.message += f"; the former {service} still serves"
        raise


def _without(stack: Stack, one: Container) -> None:
    """Stop a container that gets no more requests and has answered those it had."""
    others = [
        other
        for other in _running(stack.looking.ps(), one.service)
        if other.name != one.name
    ]
    with _kept(stack, one.service, others):
        stack.engine.run("stop", one.name, timeout=300)
        stack.engine.run("rm", one.name)


@contextlib.contextmanager
def _kept(
    stack: Stack, service: str, containers: Sequence[Container]
) -> Iterator[None]:
    """In the block nginx asks these containers only."""
    doors = _running(stack.looking.ps(), "nginx")
    if not (doors and containers):
        yield
        return
    form = (
        f'{{{{(index .NetworkSettings.Networks "{stack.project.name}_frontend")'
        ".IPAddress}}"
    )
    names = [one.name for one in containers]
    found = stack.engine.run("inspect", "--format", form, *names).stdout.split()
    port = pages(stack.project)[service]
    servers = " ".join(f"server {one}:{port} max_fails=0;" for one in found)
    mark = f"# {time.time_ns()}"  # told from those of other times
    upstream = f"upstream kept-{service} {{ {servers} }} {mark}"

    def call(words: str, *more: str, detached: bool = False) -> None:
        option = ["--detach"] if detached else []
        argv = ("exec", *option, doors[0].name, "sh", "-c", words, "sh", service, *more)
        stack.engine.run(*argv, timeout=90)

    call(LATER, mark, detached=True)
    call(KEPT, upstream)
    try:
        yield
    finally:
        call(FREED + RELOADED)


def _running(there: Sequence[Container], service: str) -> list[Container]:
    return [
        one
        for one in there
        if one.service == service and one.state == "running" and not one.deployed
    ]


def _names(containers: Sequence[Container]) -> set[str]:
    return {one.name for one in containers}


def _noted(place: Path) -> dict[str, int]:
    try:
        return dict(json.loads(place.read_text("utf-8")))
    except (OSError, ValueError):
        return {}
