# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of containers and processes, and what two looks say."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.commands import monitor
from harness.engine import ROLE, STATE
from harness.monitor import containers, processes
from harness.monitor.base import Sample, compared
from harness.monitor.prometheus import exposition

KNOWN: dict[str, Any] = {
    "Name": "/x-portal-1",
    "RestartCount": 2,
    "State": {"Status": "running", "Running": True, "Health": {"Status": "healthy"}},
    "Config": {"Labels": {containers.SERVICE: "portal", containers.PROJECT: "x"}},
}
CPU = {"cpu_usage": {"usage_in_usermode": 3_000_000_000, "usage_in_kernelmode": 5e8}}
FIRST = {
    "cpu_stats": CPU,
    "memory_stats": {"stats": {"rss": 1000, "cache": 200, "total_rss": 9}},
    "networks": {
        "eth0": {"rx_bytes": 10, "tx_bytes": 1},
        "eth1": {"rx_bytes": 5, "tx_bytes": 2},
    },
    "blkio_stats": {
        "io_service_bytes_recursive": [
            {"op": "Read", "value": 7},
            {"op": "Write", "value": 4},
            {"op": "Read", "value": 1},
        ]
    },
    "pids_stats": {"current": 3},
}
"""Of cgroups' first version."""
SECOND = {
    "cpu_stats": CPU,
    "memory_stats": {"stats": {"anon": 1000, "file": 200, "file_mapped": 9}},
    "networks": FIRST["networks"],
    "blkio_stats": {
        "io_service_bytes_recursive": [
            {"op": "read", "value": 8},
            {"op": "write", "value": 4},
        ]
    },
    "pids_stats": {"current": 3},
}
WANTED = Sample(
    name="x-portal-1", service="portal", kind="container", state="running", at=1.0,
    health="healthy", restarts=2, user=3.0, system=0.5, rss=1000, cache=200,
    received=15, sent=3, read=8, written=4, processes=3,
)  # fmt: skip


@pytest.mark.parametrize("stats", [FIRST, SECOND], ids=["v1", "v2"])
def test_both_versions_of_cgroups(stats: dict[str, Any]) -> None:
    assert containers.sample(KNOWN, stats, at=1.0) == WANTED


def test_a_container_that_has_ended() -> None:
    known = {**KNOWN, "State": {"Status": "exited", "Running": False}}
    found = containers.sample(known, {}, at=1.0)
    assert (found.state, found.health, found.rss, found.received) == (
        "exited", "", 0, 0,
    )  # fmt: skip


def test_the_engine_may_say_null() -> None:
    stats = {"blkio_stats": {"io_service_bytes_recursive": None}, "pids_stats": {}}
    assert containers.sample(KNOWN, stats, at=1.0).read == 0


def test_which_containers_are_shown() -> None:
    labels = [
        {containers.PROJECT: "mine", STATE: "s", ROLE: "stack"},
        {containers.PROJECT: "other", STATE: "s", ROLE: "stack"},
        {STATE: "s", ROLE: "server"},
        {STATE: "s", ROLE: "stack"},
        {STATE: "another", ROLE: "server"},
        {},
    ]
    found = containers.chosen(
        [{"Id": n, "Labels": one} for n, one in enumerate(labels)]
        + [{"Id": 9, "Labels": None}],
        project="mine",
        state="s",
    )
    assert [one["Id"] for one in found] == [0, 2]


def test_two_looks() -> None:
    later = replace(WANTED, at=3.0, user=4.0, system=0.5, received=35, read=8)
    row = compared(WANTED, later)
    assert (row.user, row.system, row.received, row.read) == (50.0, 0.0, 10.0, 0.0)


def test_one_look_and_a_new_beginning() -> None:
    assert compared(None, WANTED).user == 0
    anew = replace(WANTED, at=2.0, user=0.1, received=0)
    row = compared(WANTED, anew)
    assert (row.user, row.received) == (0, 0)


def test_what_nobody_knows_stays_unknown() -> None:
    one = replace(WANTED, received=None, kind="process")
    row = compared(one, replace(one, at=2.0))
    assert row.received is None
    [cells] = monitor.cells([row])
    assert cells[7] == "–"
    assert cells[-1] == "–"


def test_rows_are_matched_by_name() -> None:
    new = replace(WANTED, name="new", at=2.0, user=9.0)
    found = monitor.rows([WANTED], [new, replace(WANTED, at=2.0, user=3.5)])
    assert [row.user for row in found] == [0.0, 50.0]


def test_a_document_has_counters_and_rates() -> None:
    found = monitor.document(compared(WANTED, replace(WANTED, at=2.0, sent=5)))
    assert found["sent"] == 5
    assert found["rates"]["sent"] == 2.0  # type: ignore[index]
    assert "at" not in found


# -- processes -----------------------------------------------------------------


def process(proc: Path, pid: int, parent: int, line: str, **memory: int) -> None:
    place = proc / str(pid)
    place.mkdir(parents=True)
    ticks = processes.TICKS
    rest = f"S {parent} 0 0 0 0 0 0 0 0 0 {2 * ticks} {ticks} 0 0"
    (place / "stat").write_text(f"{pid} (a) name) {rest}")
    (place / "cmdline").write_bytes(line.replace(" ", "\0").encode() + b"\0")
    status = [f"{name}:\t{value} kB" for name, value in memory.items()]
    (place / "status").write_text("Name:\tx\n" + "\n".join(status) + "\n")
    (place / "io").write_text("read_bytes: 10\nwrite_bytes: 20\n")


def test_an_embedded_server_and_its_supervisor(tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    order = '{"directory":"/dev/shm/mine"}'
    process(proc, 5, 1, f"python -m {processes.SUPERVISOR} {order}", RssAnon=100)
    process(proc, 6, 5, "/x/bin/postgres -D /dev/shm/mine", RssAnon=10, RssShmem=50)
    process(proc, 7, 6, "postgres: checkpointer", RssAnon=20, RssShmem=40, RssFile=5)
    process(proc, 8, 1, f"python -m {processes.SUPERVISOR} {{other}}", RssAnon=1)
    process(proc, 9, 1, "postgres -D /elsewhere", RssAnon=1)
    (proc / "self").mkdir()
    (proc / "10").mkdir()  # gone while we look
    supervisor, server = processes.look(proc, [Path("/dev/shm/mine")])
    assert (supervisor.service, supervisor.name) == ("supervisor", "pid 5")
    assert (supervisor.rss, supervisor.user) == (100 * 1024, 2.0)
    assert (server.service, server.processes) == ("embedded db", 2)
    assert server.rss == 30 * 1024
    assert server.cache == 50 * 1024  # shared, so it counts once
    assert (server.user, server.system) == (4.0, 2.0)
    assert (server.read, server.written, server.received) == (20, 40, None)


def test_a_supervisor_without_a_server_of_its_own(tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    process(proc, 5, 1, f"python -m {processes.SUPERVISOR} /mine")
    process(proc, 6, 5, "docker events")
    [one] = processes.look(proc, [Path("/mine")])
    assert one.service == "supervisor"


def test_a_machine_without_proc(tmp_path: Path) -> None:
    assert processes.look(tmp_path / "none", [Path("/mine")]) == []


def test_prometheus_has_what_can_be_said() -> None:
    made = Sample(
        name='x-"portal"-1', service="portal", kind="container", state="running",
        at=1.0, user=2.5, received=7,
    )  # fmt: skip
    process = Sample(
        name="pid 1", service="server", kind="process", state="running", at=1.0
    )
    ill = replace(made, name="ill", health="unhealthy")
    found = list(exposition([made, process, ill]))
    labels = r'service="portal",name="x-\"portal\"-1"'
    assert "# TYPE harness_user_seconds_total counter" in found
    assert f"harness_user_seconds_total{{{labels}}} 2.5" in found
    assert f"harness_received_bytes_total{{{labels}}} 7" in found
    assert not any("received" in line and "pid 1" in line for line in found)
    up = [line for line in found if line.startswith("harness_up{")]
    assert [line[-1] for line in up] == ["1", "0"]
