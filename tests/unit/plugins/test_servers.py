# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server is told around a reset, without a process."""

import ast
import signal
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from harness.plugins import browser, closer, guard, serving
from harness.plugins.client import Lease, Left, Way
from harness.plugins.servers import SuiteServer

LEASE = Lease(
    key="k", database="harness_c_1", files="/f", modules=(), digest="", kind="ready",
    seconds=0.0, mark=1,
)  # fmt: skip
KEEPER: Any = SimpleNamespace(ensure=lambda: LEASE)
LEFT = (Left(process=7, state="active", query="UPDATE party"),)


class Told(SuiteServer):
    """Notes what it would do; `listens`: it is asked, and answers yes."""

    alive = True

    def __init__(self, *, listens: bool) -> None:
        super().__init__("portal", {}, "/nowhere")
        self.ready = True
        self.listens = listens
        self.done: list[Any] = []

    def _say(self, said: Any) -> bool:
        if self.listens:
            self.done.append(said.get("hold", said.get("fresh")))
        return self.listens

    def _signal(self, number: int) -> None:
        self.done.append(signal.Signals(number).name)

    def stop(self) -> None:
        self.done.append("stop")


def way(how: str, left: tuple[Left, ...] = ()) -> Way:
    return Way(how=how, reason="", left=left, lease=LEASE)


@pytest.mark.parametrize(
    ("listens", "how", "left", "done"),
    [
        (True, "clean", (), [True, False]),
        (True, "reset", (), [True, False]),
        (True, "exchanged", (), [True, True]),
        (True, "exchanged", LEFT, [True, "SIGKILL", "stop"]),
        (True, "clean", LEFT, [True, "SIGKILL", "stop"]),
        (False, "clean", (), ["SIGSTOP", "SIGCONT"]),
        (False, "reset", (), ["SIGSTOP", "SIGCONT", "stop"]),
        (False, "exchanged", LEFT, ["SIGSTOP", "SIGKILL", "stop"]),
    ],
)
def test_a_server_is_held_while_its_database_is_put_back(
    listens: bool,
    how: str,
    left: tuple[Left, ...],
    done: list[Any],
) -> None:
    server = Told(listens=listens)
    server.hold()
    server.put_back(KEEPER, way(how, left))
    assert server.done == done
    assert not server._frozen


@pytest.mark.parametrize("program", [guard, closer], ids=lambda one: one.__name__)
def test_a_program_of_its_own_imports_nothing_of_the_harness(
    program: ModuleType,
) -> None:
    """Its interpreter is told (-I) to look nowhere: in an image there is none."""
    assert program.__file__
    tree = ast.parse(Path(program.__file__).read_text("utf-8"))
    found = {
        name.split(".")[0]
        for one in ast.walk(tree)
        for name in (
            [one.module or ""]
            if isinstance(one, ast.ImportFrom)
            else [alias.name for alias in one.names]
            if isinstance(one, ast.Import)
            else []
        )
    }
    assert "harness" not in found


def test_a_server_that_is_there_always_is_up_before_the_test(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    given = {"erpserver": {"always": True}, "portal": {"always": False}}
    servers = SimpleNamespace(given=given, url=asked.append)
    monkeypatch.setattr(browser, "_state", SimpleNamespace(servers=servers))
    item: Any = None
    browser.pytest_runtest_setup(item)
    assert asked == ["erpserver"]


def test_transactions_wait_while_a_server_is_held() -> None:
    tryton = SimpleNamespace(forget=lambda: None)
    serving.hold(tryton, True)
    assert not serving.GATE.is_set()
    serving.hold(tryton, False)
    assert serving.GATE.is_set()
    serving.hold(tryton, True)
    serving.obey(tryton, {"fresh": False})
    assert serving.GATE.is_set()
    with pytest.raises(RuntimeError, match="without trytond"):
        serving.hold(None, True)
