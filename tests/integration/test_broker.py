# SPDX-License-Identifier: GPL-3.0-or-later
"""Broker and client over their real socket; clones are only names here."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import DatabaseError, HarnessError, UsageError
from harness.plugins import client as client_
from harness.plugins.client import Client, LeaseError
from harness.template import broker as broker_
from harness.template.broker import Broker
from harness.template.layer import Layer, Request
from harness.template.pool import PoolLease
from harness.template.undo import PRISTINE, UNTRACKED, LeftSession, ResetOutcome


class Pool:
    """Leases with numbered databases, and what came back."""

    def __init__(self) -> None:
        self.shelf = self
        self.reason: str | None = None
        self.outcome = ResetOutcome(how="reset", rows=2, tables=1)
        self.backs: list[tuple[str, int]] = []
        self.leased: list[tuple[str, str]] = []
        self.returned: list[str] = []
        self.error: Exception | None = None

    def lease(self, layer: Layer, *, worker: str) -> PoolLease:
        if self.error:
            raise self.error
        self.leased.append((layer.name, worker))
        database = f"{layer.name}_{len(self.leased)}"
        return PoolLease(database=database, layer=layer, kind="ready", seconds=0.25)

    def untracked(self) -> str | None:
        return self.reason

    def mark(self, lease: PoolLease) -> int:
        return 2 + len(self.backs)

    def written(self, lease: PoolLease) -> str:
        return ""

    def back(self, lease: PoolLease, mark: int) -> tuple[ResetOutcome, PoolLease]:
        self.backs.append((lease.database, mark))
        if self.outcome.how == "exchanged":
            lease = replace(lease, database=f"{lease.database}_other")
        return self.outcome, lease

    def give_back(self, lease: PoolLease) -> None:
        self.returned.append(lease.database)


class Layers:
    """Resolves a request to a layer of the same modules."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def resolve(self, request: Request) -> Layer:
        self.asked.append(request)
        if "acount" in request.modules:
            raise UsageError("there is no Tryton module named 'acount'")
        name = "-".join(request.modules) or "base"
        return Layer(
            name=name,
            digest=f"{name}-{request.language}",
            parent=None,
            language=request.language,
            closure=("country", *request.modules),
            tracked=request.tracked,
        )


@pytest.fixture
def pool() -> Pool:
    return Pool()


@pytest.fixture
def layers() -> Layers:
    return Layers()


@pytest.fixture
def failures() -> list[HarnessError]:
    return []


@pytest.fixture
def directory() -> Iterator[Path]:
    """Private, with a path that is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="harness-", dir="/tmp") as name:
        yield Path(name)


@pytest.fixture
def broker(
    pool: Pool,
    layers: Layers,
    failures: list[HarnessError],
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Broker]:
    monkeypatch.setenv("PGHOST", "nowhere")
    with Broker(directory=directory, failed=failures.append) as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        made.serve(pool, layers, {"PGHOST": "/run/pg"})  # type: ignore[arg-type]
        yield made


@pytest.fixture
def client(broker: Broker) -> Iterator[Client]:
    made = Client()
    made.worker = "w1"
    yield made
    made.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_both_sides_name_the_socket_alike() -> None:
    assert broker_.BROKER == client_.BROKER


def test_a_lease(client: Client, pool: Pool, layers: Layers) -> None:
    lease = client.lease(["party", "bank", "party"], "de")
    assert layers.asked == [Request(modules=("bank", "party"), language="de")]
    assert pool.leased == [("bank-party", "w1")]
    assert lease.database == "bank-party_1"
    assert lease.modules == ("country", "bank", "party")
    assert (lease.digest, lease.kind) == ("bank-party-de", "ready")
    assert lease.seconds == 0.25
    assert client.waited > 0


def test_files_live_as_long_as_the_lease(client: Client) -> None:
    one, other = client.lease(["party"], "en"), client.lease(["party"], "en")
    assert one.files != other.files
    Path(one.files, "invoice.pdf").write_text("%PDF")
    client.give_back(one)
    assert not Path(one.files).exists()
    assert Path(other.files).is_dir()


def test_a_lease_is_given_back_once(
    client: Client, pool: Pool, failures: list[HarnessError]
) -> None:
    lease = client.lease(["party"], "en")
    client.give_back(lease)
    assert pool.returned == ["party_1"]
    client.give_back(lease)
    assert pool.returned == ["party_1"]
    assert "the broker failed: KeyError" in str(failures[0])


def test_what_was_asked_for_is_remembered(client: Client, broker: Broker) -> None:
    client.lease(["party"], "en")
    client.lease(["party"], "en")
    client.lease([], "de")
    assert list(broker.asked) == ["party-en", "base-de"]


def test_a_worker_that_ends_gives_back_what_it_held(client: Client, pool: Pool) -> None:
    leases = [client.lease([name], "en") for name in ("party", "bank")]
    client.close()
    until(lambda: len(pool.returned) == 2)
    assert sorted(pool.returned) == ["bank_2", "party_1"]
    until(lambda: not any(Path(one.files).exists() for one in leases))


def worker(script: str) -> subprocess.Popen[str]:
    """A process that can ask the broker; it prints what it is told to."""
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(Path(broker_.__file__).parents[2])},
        stdout=subprocess.PIPE,
        text=True,
    )


HOLD = """
import time
from harness.plugins.client import client
print(client.lease(["party"], "en").database, flush=True)
time.sleep(60)
"""
FORK = """
import os, time
from harness.plugins.client import client
client.lease(["party"], "en")
if os.fork() == 0:
    client.lease(["bank"], "en")
    os._exit(0)
os.wait()
print("the fork has ended", flush=True)
time.sleep(60)
"""


def test_a_worker_that_is_killed_gives_back_what_it_held(
    broker: Broker, pool: Pool
) -> None:
    with worker(HOLD) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "party_1\n"
            assert pool.returned == []
        finally:
            process.kill()
    until(lambda: pool.returned == ["party_1"])


def test_a_fork_has_a_connection_of_its_own(broker: Broker, pool: Pool) -> None:
    with worker(FORK) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "the fork has ended\n"
            until(lambda: pool.returned == ["bank_2"])
            time.sleep(0.1)
            assert pool.returned == ["bank_2"]
        finally:
            process.kill()
    until(lambda: pool.returned == ["bank_2", "party_1"])


@pytest.mark.parametrize(
    ("error", "heard"),
    [
        (
            DatabaseError("no room", remedy="free some"),
            "no room\nto mend it: free some",
        ),
        (KeyError("w1"), "the broker failed: KeyError('w1')"),
    ],
)
def test_an_error_reaches_the_worker_and_the_harness(
    client: Client,
    pool: Pool,
    failures: list[HarnessError],
    error: Exception,
    heard: str,
) -> None:
    pool.error = error
    with pytest.raises(LeaseError) as caught:
        client.lease(["party"], "en")
    assert str(caught.value) == heard
    assert [str(one) for one in failures] == [heard]
    pool.error = None
    assert client.lease(["party"], "en").database == "party_1"


def test_an_unknown_module_is_the_workers_error(client: Client) -> None:
    with pytest.raises(LeaseError, match="named 'acount'"):
        client.lease(["acount"], "en")


@pytest.mark.parametrize("line", [b"{}\n", b'{"ask": "lease"}\n', b'{"ask": "x"}\n'])
def test_a_line_that_asks_for_nothing_is_answered(
    broker: Broker, failures: list[HarnessError], line: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(broker.environment["HARNESS_BROKER"])
        connection.sendall(line)
        answer = json.loads(connection.recv(1000))
    assert answer["ok"] is False
    assert len(failures) == 1


def test_a_line_that_is_no_json_ends_only_its_connection(
    broker: Broker, client: Client
) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(broker.environment["HARNESS_BROKER"])
        connection.sendall(b"GET / HTTP/1.1\n")
        assert connection.recv(1000) == b""
    assert client.lease(["party"], "en").database == "party_1"


# -- the way back --------------------------------------------------------------


def test_a_tracked_lease(client: Client, layers: Layers, pool: Pool) -> None:
    lease = client.lease(["party"], "en", tracked=True)
    assert layers.asked == [Request(modules=("party",), tracked=True)]
    assert (lease.mark, lease.untracked) == (PRISTINE, "")
    assert client.lease(["party"], "en").mark == UNTRACKED


def test_who_cannot_track_says_why(client: Client, layers: Layers, pool: Pool) -> None:
    pool.reason = "no superuser"
    lease = client.lease(["party"], "en", tracked=True)
    assert layers.asked == [Request(modules=("party",))]
    assert (lease.mark, lease.untracked) == (UNTRACKED, "no superuser")


def test_a_template_by_its_name(
    pool: Pool, layers: Layers, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Request(modules=("party",), language="de", data=(Path("portal.txt"),))
    with Broker(directory=directory) as broker:
        monkeypatch.setenv("HARNESS_BROKER", broker.environment["HARNESS_BROKER"])
        broker.serve(pool, layers, {}, {"portal": known})  # type: ignore[arg-type]
        own = Client()
        own.lease([], "en", template="portal", tracked=True)
        own.lease([], "en", template="portal")
        with pytest.raises(LeaseError, match=r"no template named 'portl'\n.*portal"):
            own.lease([], "en", template="portl")
        own.close()
    assert layers.asked == [replace(known, tracked=True), known]


def test_the_way_back(client: Client, pool: Pool) -> None:
    left = LeftSession(process=4711, state="idle in transaction", query="UPDATE party")
    pool.outcome = ResetOutcome(how="reset", left=(left,))
    lease = client.lease(["party"], "en", tracked=True)
    mark = client.mark(lease)
    way = client.back(lease, mark)
    assert pool.backs == [("party_1", mark)]
    assert (way.how, way.reason, way.lease) == ("reset", "", lease)
    assert way.left == ((4711, "idle in transaction", "UPDATE party"),)


def test_an_exchange_names_the_other_database(client: Client, pool: Pool) -> None:
    pool.outcome = ResetOutcome(how="exchanged", reason="create table")
    lease = client.lease(["party"], "en", tracked=True)
    way = client.back(lease, lease.mark)
    assert (way.how, way.reason) == ("exchanged", "create table")
    assert way.lease == lease._replace(database="party_1_other")
    client.give_back(way.lease)
    assert pool.returned == ["party_1_other"]


def test_files_go_the_same_way(client: Client, directory: Path) -> None:
    lease = client.lease(["party"], "en", tracked=True)
    files = Path(lease.files)
    (files / "fixture").write_text("of the class")
    mark = client.mark(lease)
    for _ in range(2):
        (files / "fixture").write_text("of the test!")
        (files / "new").mkdir()
        client.back(lease, mark)
        assert [path.name for path in files.iterdir()] == ["fixture"]
        assert (files / "fixture").read_text() == "of the class"
    client.back(lease, lease.mark)
    assert list(files.iterdir()) == []
    client.give_back(lease)
    assert [path.name for path in directory.iterdir()] == ["broker"]


def test_files_stay_where_there_is_doubt(client: Client, pool: Pool) -> None:
    lease = client.lease(["party"], "en", tracked=True)
    mark = client.mark(lease)
    (Path(lease.files) / "new").write_text("x")
    pool.outcome = ResetOutcome(how="doubt", reason="create table")
    assert client.back(lease, mark).how == "doubt"
    assert (Path(lease.files) / "new").exists()


def test_an_unknown_mark_is_refused(client: Client, pool: Pool) -> None:
    lease = client.lease(["party"], "en", tracked=True)
    with pytest.raises(LeaseError, match="no mark 99"):
        client.back(lease, 99)
    mark = client.mark(lease)
    client.back(lease, lease.mark)
    with pytest.raises(LeaseError, match=f"no mark {mark}"):
        client.back(lease, mark)
    assert [mark for _, mark in pool.backs] == [PRISTINE]


def test_many_workers_at_once(broker: Broker, pool: Pool) -> None:
    def work(name: str) -> None:
        own = Client()
        own.worker = name
        for _ in range(10):
            own.give_back(own.lease(["party"], "en"))
        own.close()

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(pool.leased) == len(pool.returned) == 80
    assert len(set(pool.returned)) == 80


def test_who_asks_before_there_is_a_server_waits(
    pool: Pool, layers: Layers, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", "nowhere")
    with Broker(directory=directory) as broker:
        monkeypatch.setenv("HARNESS_BROKER", broker.environment["HARNESS_BROKER"])
        early = Client()
        leases: list[object] = []
        thread = threading.Thread(target=lambda: leases.append(early.lease([], "en")))
        thread.start()
        time.sleep(0.1)
        assert leases == []
        broker.serve(pool, layers, {"PGHOST": "/run/pg"})  # type: ignore[arg-type]
        thread.join(10)
        assert len(leases) == 1
        early.close()


def test_a_worker_learns_where_the_server_is(client: Client) -> None:
    assert os.environ["PGHOST"] == "nowhere"
    client.lease(["party"], "en")
    assert os.environ["PGHOST"] == "/run/pg"


def test_nothing_is_left(directory: Path) -> None:
    with Broker(directory=directory) as broker:
        assert Path(broker.environment["HARNESS_BROKER"]).is_socket()
    assert list(directory.iterdir()) == []


def test_no_thread_is_left(pool: Pool, layers: Layers, directory: Path) -> None:
    before = set(threading.enumerate())
    with Broker(directory=directory) as broker:
        broker.serve(pool, layers, {})  # type: ignore[arg-type]
        [thread] = set(threading.enumerate()) - before
        time.sleep(0.2)  # it accepts by now
    thread.join(1)
    assert not thread.is_alive()


def test_a_worker_without_harness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_BROKER", raising=False)
    assert not Client().available


@pytest.fixture
def orphan() -> Iterator[Client]:
    """A client whose harness has gone."""
    here, there = socket.socketpair()
    made = Client()
    made._stream, made._pid = here.makefile("rwb"), os.getpid()
    there.close()
    yield made
    here.close()
    with contextlib.suppress(OSError):
        made.close()


def test_a_harness_that_has_gone(orphan: Client) -> None:
    with pytest.raises(LeaseError, match="the harness has gone"):
        orphan.lease(["party"], "en")


def test_closing_after_the_harness_has_gone(orphan: Client) -> None:
    with pytest.raises(LeaseError):
        orphan.lease(["party"], "en")
    orphan.close()
