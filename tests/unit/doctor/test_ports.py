# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds a port, read from /proc as it looks on Linux."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.config.schema import StackSettings
from harness.doctor import ports
from harness.errors import CommandFailed
from harness.proc import Completed
from harness.store import Store

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt"
LINE = " 0: {address}:{port:04X} 0:0 {state} 0:0 00:0 0 {uid} 0 {inode} 1 0\n"
LOOPBACK, ANY, OTHER = "0100007F", "00000000", "0100000A"
ANY6 = "0" * 32
LOOPBACK6 = "0" * 24 + "01000000"
MAPPED = "0000000000000000FFFF00000100007F"

Make = Callable[..., Any]

pytestmark = pytest.mark.skipif(sys.byteorder != "little", reason="addresses above")


def listen(
    proc: Path,
    port: int,
    *,
    address: str = LOOPBACK,
    state: str = "0A",
    uid: int = 1000,
    inode: str = "777",
    pid: int | None = 42,
    argv: tuple[str, ...] = ("/usr/bin/python3", "-m", "http.server"),
) -> None:
    file = proc / "net" / ("tcp6" if len(address) > 8 else "tcp")
    line = LINE.format(address=address, port=port, state=state, uid=uid, inode=inode)
    file.write_text(f"{HEAD}\n{line}")
    if pid is not None:
        (proc / str(pid) / "fd").mkdir(parents=True)
        (proc / str(pid) / "fd" / "3").symlink_to(f"socket:[{inode}]")
        (proc / str(pid) / "cmdline").write_bytes("\0".join([*argv, ""]).encode())


@pytest.fixture
def proc(make: Make, tmp_path: Path) -> Path:
    return tmp_path / "proc"


def first(machine: Any) -> tuple[str, str, str, str]:
    one = ports.taken(machine)[0]
    return one.check, str(one.status), one.found, one.remedy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LOOPBACK, "127.0.0.1"),
        (OTHER, "10.0.0.1"),
        (ANY6, "::"),
        (LOOPBACK6, "::1"),
    ],
)
def test_addresses(text: str, expected: str) -> None:
    assert ports.address(text) == expected


def test_free_ports(make: Make) -> None:
    found = ports.taken(make())
    assert [(one.check, str(one.status)) for one in found] == [
        ("port 81", "ok"),
        ("port 8000", "ok"),
    ]


@pytest.mark.parametrize("address", [LOOPBACK, ANY, ANY6, MAPPED])
def test_a_process_is_named(make: Make, proc: Path, address: str) -> None:
    listen(proc, 81, address=address)
    assert first(make()) == (
        "port 81",
        "warning",
        "taken by pid 42 (python3 -m http.server)",
        "kill 42",
    )


@pytest.mark.parametrize(
    "other",
    [
        {"address": OTHER},
        {"address": LOOPBACK6},
        {"state": "01"},
        {"port": 8081},
    ],
    ids=str,
)
def test_what_does_not_clash(make: Make, proc: Path, other: dict[str, Any]) -> None:
    listen(proc, **{"port": 81, **other})
    assert first(make())[1] == "ok"


def test_a_process_of_somebody_else(make: Make, proc: Path) -> None:
    listen(proc, 81, uid=33)
    assert first(make(uid=1000))[3] == "sudo kill 42"


def test_a_process_that_cannot_be_seen(make: Make, proc: Path) -> None:
    listen(proc, 81, uid=0, pid=None)
    assert first(make())[2:] == (
        "taken by a process of the user with the id 0",
        "sudo ss -ltnp sport = :81",
    )


def test_a_long_command_is_cut(make: Make, proc: Path) -> None:
    listen(proc, 81, argv=("java", "x" * 100))
    assert ports.command(proc, 42) == f"java {'x' * 52}..."
    assert ports.command(proc, 43) == "its command is not known"


def container(engine: Any, *words: str) -> None:
    text = "\t".join(words)
    engine.answers["ps --filter publish=81 "] = Completed(
        code=0, stdout=f"{text}\n", stderr=""
    )


def test_a_container_is_named_before_its_proxy(
    make: Make, engine: Any, proc: Path
) -> None:
    listen(proc, 81, argv=("docker-proxy",))
    container(engine, "web-1", "", "shop")
    assert first(make())[1:] == (
        "warning",
        "taken by the container web-1 of the project shop",
        "docker stop web-1",
    )


def test_a_container_by_the_label_of_this_state(
    make: Make, engine: Any, tmp_path: Path
) -> None:
    state = Store(tmp_path / "state")
    container(engine, "nginx-1", state.id, "")
    assert first(make())[1:3] == ("ok", "the stack's own: nginx-1")


def test_a_container_by_the_project(make: Make, engine: Any) -> None:
    container(engine, "nginx-1", "", "mine")
    machine = make(config={"stack": StackSettings(project="mine")})
    assert first(machine)[1] == "ok"
    assert first(make())[1] == "warning"


def test_an_engine_that_fails_does_not_hide_the_process(
    make: Make, engine: Any, proc: Path
) -> None:
    listen(proc, 81)
    engine.answers["ps"] = CommandFailed("no")
    assert first(make())[2].startswith("taken by pid 42")


def test_an_engine_that_is_not_there_is_not_asked(make: Make, engine: Any) -> None:
    engine.absent()
    assert first(make())[1] == "ok"
    assert not any(one.startswith("ps") for one in engine.calls)
