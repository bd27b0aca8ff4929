# SPDX-License-Identifier: GPL-3.0-or-later
"""Save, see: a watch on a small module, in a terminal and without one."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.terminals import Terminal, terminal

ROOT = Path(__file__).parents[2]
WATCH = (sys.executable, "-m", "harness", "watch", "tryton", "alpha")
SQLITE = ("--database", "sqlite")
GREEN = r"passed in .*\(the first after"
TOOLS = {
    "tools.py": """\
import os

def twice(number):
    return 2 * number + 0 * len(dict(os.environ))
""",
    "tests/test_tools.py": """\
from unittest import TestCase
from ..tools import twice

class ToolsTestCase(TestCase):
    def test_twice(self):
        self.assertEqual(twice(2), 4)
""",
}


def marked(mark: str) -> set[int]:
    """Processes of a watch: its own, and all that have its mark."""
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if f"WATCH={mark}".encode() in (path / "environ").read_bytes():
                found.add(int(path.name))
        except OSError:
            continue
    return found


def settled(there: Callable[[], object]) -> bool:
    """Whether something is gone soon."""
    deadline = time.monotonic() + 20
    while there() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not there()


class Edited:
    """A file of the project; each save is waited for by what it leads to."""

    def __init__(self, shown: Terminal, path: Path) -> None:
        self.shown = shown
        self.path = path
        self.text = path.read_text()

    def save(self, old: str, new: str, *patterns: str) -> str:
        """What is said when one text is put in another's place, up to the last.

        In two steps, as by an editor on a busy machine.
        """
        with self.path.open("w") as stream:
            time.sleep(0.1)
            stream.write(self.text.replace(old, new))
        return self.say("", *patterns)

    def say(self, keys: str, *patterns: str) -> str:
        """The same for keys."""
        begin = at = len(self.shown.text)
        self.shown.type(keys)
        for pattern in patterns:
            at = self.shown.wait_for(pattern, within=90, after=at)
        return self.shown.text[begin:at]


def test_a_day_in_a_terminal(project: Path, state: Path, env: dict[str, str]) -> None:
    """It begins without traces, whatever other tests have left."""
    shutil.rmtree(state / "traces", ignore_errors=True)
    source = project / "src" / "alpha" / "alpha"
    env = {**env, "WATCH": "terminal"}
    for name, text in TOOLS.items():
        (source / name).write_text(text)
    with terminal([*WATCH, *SQLITE], cwd=project, env=env) as shown:
        test = Edited(shown, source / "tests" / "test_module.py")
        shown.wait_for("database server")
        test.say("a", "24 tests in 2 files wait", "all: 24 tests", "24 passed in")
        test.save(
            "['First']",
            "['Second']",
            r"test_module.py: 1 test",
            r"FAILED .*test_first.*AssertionError",
            r"\D1 failed in",
        )
        test.say("u", r"Thing.search.*E +AssertionError")
        test.say("f", "failed: 1 test", "1 failed in")
        test.save("class", "clas", r"test_module.py:4: ")
        test.save("", "", GREEN)
        test.say("tfirst\n", "of them 'first'", r"\D1 passed in")
        test.say("pgone\n", "no such file of tests")
        test.say("a", r"all: \d+ tests", GREEN)
        assert "1 passed in" not in test.say("\n", GREEN)

        tools = Edited(shown, source / "tools.py")
        tools.save("2 *", "2  *", "tools.py: no test depends on what changed")
        tools.save(
            "2 *", "3 *", r"tools.py: 1 test", r"FAILED .*test_twice", "1 failed"
        )
        test.say("r", r"the rest: \d\d+ tests", r"\d\d+ passed in .*; 1 more fail: f")
        said = tools.save("", "", "tools.py: 1 test", "1 passed", "the rest:", GREEN)
        assert "FAILED" not in said
        test.say("r", "a all")

        model = Edited(shown, source / "alpha.py")
        said = model.save("class Thing", "class Thin(", r"alpha.py:\d+: ")
        assert "layer" not in said
        new = f"Name {time.time_ns()}"  # no earlier run has its template
        anew = r"layer alpha is built anew: src/alpha/alpha/alpha.py, outside of"
        said = model.save('"Name"', f'"{new}"', anew, "layer alpha built", GREEN)
        assert "layer base" not in said
        records = Edited(shown, source / "alpha.xml")
        anew = "layer alpha is built anew: file alpha/alpha.xml changed"
        records.save("First", new, anew, "layer alpha built", "FAILED .*Name")
        records.save("", "", "passed in")
        config = Edited(shown, source / "tryton.cfg")
        config.save("ir\n", "ir\n", "")  # the same: a save, nevertheless
        test.say("", "tryton.cfg: all is looked at anew", GREEN)
        (project / "pyproject.toml").write_text("[tool.harness]\nnonsense = 1\n")
        test.say("", "nonsense = 1: unknown key")
        test.save("['First']", "[ 'First']", "nonsense = 1: unknown key")
        shown.type("q")
        assert shown.end() == 0
    assert settled(lambda: marked("terminal"))


def test_two_without_a_terminal_and_one_is_killed(
    project: Path, env: dict[str, str]
) -> None:
    logs = [project / f"{number}.log" for number in range(2)]
    watches = []
    for log in logs:
        with log.open("wb") as output:
            one = subprocess.Popen(
                [*WATCH, *SQLITE],
                cwd=project,
                env={**env, "WATCH": log.name},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        watches.append(one)

    def says(log: Path, text: str) -> bool:
        deadline = time.monotonic() + 180
        while text not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        return text in log.read_text()

    try:
        assert all(says(log, "wait for a save") for log in logs)
        test = project / "src" / "alpha" / "alpha" / "tests" / "test_module.py"
        test.write_text(f"{test.read_text()}\n")
        assert all(says(log, " passed in ") for log in logs)
        assert "\x1b" not in logs[0].read_text()
        assert len(marked(logs[0].name)) > 1
        os.kill(watches[0].pid, signal.SIGKILL)
        test.write_text(f"{test.read_text()}\n")
        watches[1].send_signal(signal.SIGINT)
        assert watches[1].wait(30) == 130
    finally:
        for one in watches:
            one.kill()
            one.wait()
    assert all(settled(lambda log=log: marked(log.name)) for log in logs)


@contextmanager
def watch(
    cwd: Path, log: Path, *options: str, env: dict[str, str]
) -> Iterator[Callable[..., None]]:
    """A watch without a terminal; waits for what it says next."""
    with log.open("wb") as output:
        one = subprocess.Popen(
            [*WATCH, *options],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    seen = 0

    def says(*patterns: str) -> None:
        nonlocal seen
        for pattern in patterns:
            deadline = time.monotonic() + 120
            while not (found := re.search(pattern, log.read_text()[seen:])):
                assert time.monotonic() < deadline, (pattern, log.read_text())
                time.sleep(0.05)
            seen += found.end()

    try:
        yield says
    finally:
        one.send_signal(signal.SIGINT)
        one.wait(30)


@pytest.mark.weekly
def test_the_server_is_killed_between_two_saves_and_under_a_round(
    project: Path, state: Path, env: dict[str, str], tmp_path: Path
) -> None:
    """Another one is started, and the tests come out as they are."""
    test = project / "src" / "alpha" / "alpha" / "tests" / "test_module.py"
    text = test.read_text()

    def kill() -> None:
        pid, *_ = (state / "server/data/postmaster.pid").read_text().splitlines()
        os.kill(int(pid), signal.SIGKILL)

    log = tmp_path / "said"
    with watch(project, log, "--database", "local", env=env) as says:
        says("wait for a save")
        kill()
        test.write_text(text.replace("['First']", "sorted(['First'])"))
        says("another one is started", " passed in ")
        slow = "__import__('time').sleep(3) or ['First']"
        test.write_text(text.replace("['First']", slow))
        says("test_module.py: 1 test")
        time.sleep(1.5)
        kill()
        says("ended while tests were running", "another one is started")
        says(r"\n1 passed in")


LIMITED = """\
import sys, time
from pathlib import Path
from harness.run.saves import Saves

root, heard = Path(sys.argv[1]), []
saves = Saves([root], apart=[], saved=heard.append, tell=print)
saves.start()
deadline = time.monotonic() + 60
while not saves.polling and time.monotonic() < deadline:
    time.sleep(0.05)
(root / "d9/saved.py").write_text("1")
while not heard and time.monotonic() < deadline:
    time.sleep(0.05)
saves.close()
print(*heard)
"""


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("watches", "OS file watch limit reached"),
        ("instances", "Too many open files"),
    ],
)
def test_at_a_limit_of_the_system_all_is_looked_at_again_and_again(
    tmp_path: Path, limit: str, said: str
) -> None:
    """The limit is one of a namespace of users, the machine's stays what it is."""
    for number in range(10):
        (tmp_path / f"d{number}").mkdir()
    inside = f'echo 0 > /proc/sys/user/max_inotify_{limit} && exec "$@"'
    argv = ["unshare", "-U", "-r", "sh", "-c", inside, "sh"]
    try:
        subprocess.run([*argv, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nobody may have a namespace of users here")
    done = subprocess.run(
        [*argv, sys.executable, "-c", LIMITED, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "the system cannot tell of saved files (" in done.stdout
    assert said in done.stdout
    assert "fs.inotify.max_user_watches=524288" in done.stdout
    assert "d9/saved.py" in done.stdout
