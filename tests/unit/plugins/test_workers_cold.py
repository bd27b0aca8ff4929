# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a process may not be forked, and who is told to have done it."""

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from harness.plugins.workers import cold
from harness.plugins.workers.cold import Watch


class Process:
    """What the process has beside its main thread."""

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.connections: set[str] = set()


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    made = Process()
    monkeypatch.setattr(cold, "threads", lambda: set(made.threads))
    monkeypatch.setattr(Watch, "connections", lambda self: set(made.connections))
    return made


@pytest.fixture
def watch() -> Iterator[Watch]:
    made = Watch()
    made.begin()
    yield made
    made.end()


def load(module: str, text: str, **names: Any) -> dict[str, Any]:
    """Import a module with this text."""
    namespace = {"__name__": module, **names}
    exec(compile(text, f"{module}.py", "exec"), namespace)
    return namespace


def test_nothing_is_there(watch: Watch, process: Process) -> None:
    load("shop.models", "import json")
    watch.look("t/test_a.py")
    assert watch.why() == ""


THREAD = """\
import threading
ONE = threading.Thread(target=END.wait, daemon=True)
ONE.start()
"""


@pytest.fixture
def end() -> Iterator[threading.Event]:
    made = threading.Event()
    yield made
    made.set()


def test_the_module_that_starts_a_thread_is_named(
    watch: Watch, process: Process, end: threading.Event
) -> None:
    one = load("shop.models", THREAD, END=end)["ONE"]
    process.threads = {one.native_id}
    watch.look("t/test_a.py")
    assert watch.why() == "shop.models starts a thread"


def test_a_thread_that_has_ended_is_none(
    watch: Watch, process: Process, end: threading.Event
) -> None:
    load("shop.models", THREAD, END=end)["ONE"]
    watch.look("t/test_a.py")
    assert watch.why() == ""


def test_a_library_that_starts_a_thread_is_no_module_of_ours(
    watch: Watch, process: Process, end: threading.Event
) -> None:
    """An import inside of `importlib` or pytest is that of the module around it."""
    text = "\n".join(f"    {line}" for line in THREAD.splitlines())
    source = f"def go():\n{text}\n    return ONE\n"
    go = load("threading.helpers", source, END=end)["go"]
    one = load("shop.models", "ONE = GO()", GO=go)["ONE"]
    process.threads = {one.native_id}
    assert watch.why() == "shop.models starts a thread"


def test_a_native_thread_is_that_of_the_file_imported_then(
    watch: Watch, process: Process
) -> None:
    watch.look("t/test_a.py")
    process.threads = {7}
    watch.look("t/test_b.py")
    watch.look("t/test_c.py")
    assert watch.why() == "t/test_b.py starts a thread"


def test_a_thread_of_nobody_known(watch: Watch, process: Process) -> None:
    process.threads = {7}
    assert watch.why() == "an import starts a thread"


def test_a_connection_is_that_of_the_file_imported_then(process: Process) -> None:
    process.connections = {"1 50"}
    watch = Watch()
    watch.begin()
    watch.end()
    process.connections |= {"3 100"}
    watch.settle()  # those that plugins have, each fork has for itself
    watch.look("t/test_a.py")
    assert watch.why() == ""
    process.connections |= {"4 200"}
    watch.look("t/test_b.py")
    assert watch.why() == "t/test_b.py holds a connection open"
    process.connections -= {"4 200"}
    assert watch.why() == ""


def test_a_connection_of_a_conftest_is_one(watch: Watch, process: Process) -> None:
    """It was there before the plugins were told that they are a worker's."""
    process.connections = {"4 200"}
    watch.look("a conftest.py")
    watch.settle()
    watch.look("t/test_a.py")
    assert watch.why() == "a conftest.py holds a connection open"


def test_a_connection_of_nobody_known(watch: Watch, process: Process) -> None:
    process.connections = {"4 200"}
    assert watch.why() == "an import holds a connection open"


@pytest.mark.parametrize("name", cold.NAMES)
@pytest.mark.parametrize(
    "how",
    [
        "os.environ.get(NAME, '')", "os.getenv(NAME)", "NAME in os.environ",
        "os.environ.get(NAME) or 'master'",
    ],
)  # fmt: skip
def test_who_asks_for_the_workers_name_when_it_is_imported(
    watch: Watch, process: Process, name: str, how: str
) -> None:
    load("shop.ports", f"import os\nPORT = {how}", NAME=name)
    assert watch.why() == f"shop.ports asks for {name} when it is imported"


def test_who_asks_later_may(watch: Watch, process: Process) -> None:
    os.environ.get("PYTEST_XDIST_WORKER")
    load("shop.ports", "import os\ndef port(): return os.getenv('HOME')")["port"]()
    assert watch.why() == ""


@pytest.mark.parametrize("module", ["xdist", "xdist.plugin", "_pytest.config"])
def test_who_runs_the_tests_may(watch: Watch, process: Process, module: str) -> None:
    load(module, "import os\nos.environ.get('PYTEST_XDIST_WORKER')")
    assert watch.why() == ""


def test_but_not_who_is_called_alike(watch: Watch, process: Process) -> None:
    load("xdistant", "import os\nos.environ.get('PYTEST_XDIST_WORKER')")
    assert watch.why().startswith("xdistant asks for")


def test_a_thread_weighs_more_than_a_name(watch: Watch, process: Process) -> None:
    load("shop.ports", "import os\nos.environ.get('PYTEST_XDIST_WORKER')")
    process.threads = {7}
    assert watch.why() == "an import starts a thread"


def test_no_trace_is_left() -> None:
    kind, start = type(os.environ), threading.Thread.start
    made = Watch()
    made.begin()
    assert type(os.environ) is not kind
    made.end()
    assert type(os.environ) is kind
    assert threading.Thread.start is start
    load("shop.ports", "import os\nos.environ.get('PYTEST_XDIST_WORKER')")
    assert made.readers == []


NEEDLESS = """\
import threading
def dumper(seen):
    seen.append(threading.current_thread())
def other(seen):
    seen.append(threading.current_thread())
ONE = threading.Thread(target=RUN or dumper, args=(SEEN,), daemon=True)
ONE.start()
"""


def test_the_thread_of_trytond_for_its_status_is_not_started(watch: Watch) -> None:
    seen: list[threading.Thread] = []
    load("trytond.status", NEEDLESS, SEEN=seen, RUN=None)
    assert not seen
    assert not watch.starters
    load("shop.status", NEEDLESS, SEEN=seen, RUN=None)["ONE"].join()
    load("trytond.status", NEEDLESS, SEEN=seen, RUN=seen.append)["ONE"].join()
    assert len(watch.starters) == 2


def test_what_was_put_on_top_of_its_look_at_variables_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Traces hear of variables by a class of their own."""
    monkeypatch.setattr(os.environ, "__class__", type(os.environ))
    watch = Watch()
    watch.begin()

    class Above(type(os.environ)):  # type: ignore[misc]
        pass

    monkeypatch.setattr(os.environ, "__class__", Above)
    watch.end()
    assert type(os.environ) is Above
