# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests on every core: which of them may not meet, and what takes longest begins.

What runs at the same time shares no state directory and no port, so files may go to
any worker.  Those of one place stay on one worker: a stack is started once for two
files, and an environment is made once.
"""

import gc
import os
import signal
from pathlib import Path
from typing import Any

import pytest

PLACES = {
    "project": (
        "test_run", "test_template", "test_gate", "test_shards", "test_doctor",
        "test_watch",
    ),
    "stack": ("test_stack", "test_services", "test_rolling"),
    "suites": ("test_suite", "test_flaky"),
    "databases": ("test_stack_databases",),
    "cases": ("test_cases",),
    "checkout": (
        "test_inside", "test_browsers_inside", "test_undo_tryton",
        "test_c3s", "test_c3s_stack",
    ),
    "nose": ("test_nose",),
    "workers": ("test_workers",),
    "undo": ("test_undo",),
    "browsers": ("test_browsers",),
    "people": ("test_databases",),
    "matrix": ("test_matrix",),
    "tools": ("test_tools",),
    "distant": ("test_distant",),
    "lanes": ("test_lanes",),
    "isolation": ("test_isolation",),
}  # fmt: skip
"""Files of tests that share a stack, a small project, this checkout's reports or its
templates, and others that take more than a minute.

The longest come first: nothing long begins when all else is done.
"""
PLACE = {name: place for place, names in PLACES.items() for name in names}


def place(nodeid: str) -> str:
    """What a worker does in one go: the tests of a place, or else those of a file."""
    file = nodeid.partition("::")[0]
    return PLACE.get(file.rpartition("/")[2].removesuffix(".py"), file)


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()  # until all is collected
    # A shell has what it starts with & ignore Ctrl-C, nohup the end of the terminal,
    # and all that they start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if hasattr(config, "workerinput"):
        # Not for what tests start: a pytest in there is no worker of this one.
        for name in [name for name in os.environ if name.startswith("PYTEST_XDIST_")]:
            del os.environ[name]


def pytest_collection_finish() -> None:
    """What has been collected stays: to look through it again and again takes long."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two more than there are cores, since others than unit tests wait a lot."""
    waiting = not all("unit" in Path(word).parts for word in config.args)
    return min((os.cpu_count() or 1) + 2 * waiting, 4)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Places in their order, then integration, then what takes no time."""
    if not hasattr(config, "workerinput"):
        return
    order = list(PLACES)

    def rank(item: pytest.Item) -> tuple[bool, int]:
        found = place(item.nodeid)
        number = order.index(found) if found in order else len(order)
        return "/unit/" in f"/{item.nodeid}", number

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Places instead of files; in the order of the collection, not by their size."""
    from xdist.scheduler import LoadScopeScheduling

    class Places(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return place(nodeid)

    config.option.loadscopereorder = False
    return Places(config, log)
