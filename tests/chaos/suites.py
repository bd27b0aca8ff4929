# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that do what no test should: each is named, the others do not suffer, nor do
later runs.
"""

import re
from random import Random
from textwrap import dedent, indent

from tests.chaos.ground import Ground
from tests.chaos.table import Row

SERVER = """\
import os
import psycopg2
from trytond.tests.test_tryton import activate_module
activate_module("alpha")
connection = psycopg2.connect(dbname="postgres")
connection.autocommit = True
cursor = connection.cursor()
"""
FAILS, PASSES, EITHER = {"failed", "error"}, {"passed"}, {"passed", "failed", "error"}
TRICKS: dict[str, tuple[str, set[str]]] = {
    "exit 0": ("import os\nos._exit(0)", FAILS),
    "exit 1": ("import os\nos._exit(1)", FAILS),
    "exit in a thread": (
        "import os, threading, time\n"
        "threading.Timer(0.2, os._exit, (0,)).start()\ntime.sleep(5)",
        FAILS,
    ),
    "hang": ("import time\ntime.sleep(3600)", FAILS),
    "hang in C": (
        "import ctypes, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [14])\n"
        "ctypes.PyDLL(None).sleep(3600)",
        FAILS,
    ),
    "segfault": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", FAILS),
    "killed": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", FAILS),
    "closed descriptors": ("import os\nos.closerange(3, 1024)", EITHER),
    "closed output": ("import os\nos.close(1)\nos.close(2)", EITHER),
    "daemon left": (
        "import os, time\n"
        "if os.fork() == 0:\n    os.setsid()\n    time.sleep(900)\n    os._exit(0)",
        EITHER,
    ),
    "process left": (
        "import multiprocessing, time\n"
        "multiprocessing.get_context('fork').Process("
        "target=time.sleep, args=(900,)).start()",
        EITHER,
    ),
    "thread left": (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(900,)).start()",
        EITHER,
    ),
    "recursion": ("def down(n):\n    return down(n + 1) + 1\ndown(0)", FAILS),
    "200 MB printed": ("for _ in range(200):\n    print('x' * (1 << 20))", PASSES),
    "huge exception": ("raise ValueError('y' * (20 << 20))", FAILS),
    "temporary directory": (
        "import glob, shutil\n"
        "for path in glob.glob('/tmp/harness-run-*'):\n"
        "    try:\n"
        "        ours = open(path + '/state').read().strip() == {state!r}\n"
        "    except OSError:\n        continue\n"
        "    if ours:\n        shutil.rmtree(path, ignore_errors=True)",
        EITHER,
    ),
    "database dropped": (
        SERVER + 'cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE'
        " 'harness_c_%'\")\n"
        "for (name,) in cursor.fetchall():\n"
        "    cursor.execute(f'DROP DATABASE IF EXISTS \"{{name}}\" WITH (FORCE)')\n"
        "    break",
        EITHER,
    ),
    "ALTER SYSTEM": (
        SERVER + "cursor.execute('ALTER SYSTEM SET statement_timeout = 1')\n"
        "cursor.execute('SELECT pg_reload_conf()')",
        EITHER,
    ),
    "role made": (
        SERVER + "cursor.execute('CREATE ROLE chaos_{number} LOGIN')\n",
        EITHER,
    ),
    "role locked": (
        SERVER + "cursor.execute('ALTER ROLE postgres SET"
        " default_transaction_read_only = on')",
        EITHER,
    ),
}
OF_SERVERS = {"database dropped", "ALTER SYSTEM", "role made", "role locked"}
SUFFERING = {"ALTER SYSTEM", "role locked", "database dropped", "temporary directory"}
"""What takes the ground away from other tests of the same run: they may fail."""
ALONE = OF_SERVERS | SUFFERING
TOGETHER = 4
"""So many of the others may be in one run."""
HANGS = {"hang", "hang in C"}
WAITING = HANGS | {"database dropped"}
"""Of a database that has gone trytond asks 64 times, a second apart."""
LIMIT = "8"
"""Seconds that each test may take where one hangs, or waits for long."""
IDS = """\
import pytest

@pytest.mark.parametrize("value", {values}, ids={ids})
def test_b(value):
    assert {outcome}
"""
BESIDE = """
import unittest
class {name}TestCase(unittest.TestCase):
    def test_a(self):
        pass
    def test_b(self):
{body}
    def test_c(self):
        pass
"""


def names() -> tuple[str, ...]:
    """The kinds of rows."""
    return (*(f"suite: {name}" for name in TRICKS), "suite: ids")


def why_not(ground: Ground) -> str:
    """Why no test may hang, or nothing."""
    done = ground.start("config").end()
    return "" if re.search(r"^ *timeout ", done.output, re.M) else "tests have no limit"


def trick(ground: Ground, random: Random, rows: dict[str, Row]) -> None:
    """Some tricks in a suite, with one worker or two; then a run without."""
    able = [rows[name] for name in names() if not rows[name].skipped]
    able.sort(key=lambda row: (row.trials, random.random()))
    chosen = able[:1]
    if random.random() < 0.7 and _name(able[0]) not in ALONE:
        chosen = [one for one in able if _name(one) not in ALONE][:TOGETHER]
    server = random.choice(("local", "sqlite"))
    if _name(chosen[0]) in OF_SERVERS:
        server = "local"
    jobs = "2" if chosen[1:] else random.choice(("1", "2"))
    for number, row in enumerate(chosen):
        row.trials += 1
        text = _text(random, _name(row), number, ground)
        ground.add(f"test_trick_{number}.py", text)
    waiting = WAITING & set(map(_name, chosen))
    more = {"HARNESS_TIMEOUT": LIMIT} if waiting else {}
    done = ground.test(server, HARNESS_JOBS=jobs, **more).end()
    what = f"{server}, {jobs} jobs (log {ground.number:04})"
    if chosen[1:]:
        what = f"{', '.join(map(_name, chosen))}; {what}"
    wrong = done.problems()
    suffering = _name(chosen[0]) in SUFFERING
    if not (done.hung or suffering):
        wrong += _whole(done.outcomes, done.code)
    ground.write()
    bad, leaked, late = ground.calm(server)
    for number, row in enumerate(chosen):
        own = []
        if not (done.hung or suffering or _name(row) == "ids"):
            told = done.output if jobs == "1" else ""
            own = _own(done.outcomes, TRICKS[_name(row)][1], number, told)
        row.hung += [what] * done.hung
        row.wrong += [f"{what}: {text}" for text in [*wrong, *own, *bad]]
        row.leaked += [f"{what}: {text}" for text in leaked]
        row.hung += [f"{what}: {text}" for text in late]
    if bad or leaked or late:  # the next trial is not to suffer from it
        ground.kill_all()
    if bad and _name(chosen[0]) in OF_SERVERS:
        ground.new_server()


def _name(row: Row) -> str:
    return row.kind.partition(": ")[2]


def _text(random: Random, name: str, number: int, ground: Ground) -> str:
    """The file of tests with a trick in it."""
    if name == "ids":
        return _ids(random)
    body = TRICKS[name][0].format(
        state=str(ground.state), number=random.getrandbits(20)
    )
    return BESIDE.format(name=f"Trick{number}", body=indent(dedent(body), " " * 8))


def _own(
    outcomes: dict[str, str], allowed: set[str], number: int, told: str
) -> list[str]:
    """What is wrong with the tests of one trick.

    Where there is but one process, those after it may not have run: if that is `told`.
    """
    found = []
    case = f"Trick{number}TestCase"
    bad = outcomes.get(f"{case}::test_b", "missing")
    if bad not in allowed:
        found.append(f"the test is {bad}")
    for name in ("test_a", "test_c"):
        other = outcomes.get(f"{case}::{name}", "missing")
        said = "did not run: " in told and f"{case}::{name}" in told
        if other != "passed" and not (other == "missing" and said):
            found.append(f"{name} beside it is {other}")
    return found


def _whole(outcomes: dict[str, str], code: int) -> list[str]:
    """What is wrong with the run."""
    found = []
    failed = any(one in FAILS for one in outcomes.values())
    if failed != (code == 1):
        found.append(f"ends with {code}")
    lost = [k for k, v in outcomes.items() if k.startswith("Case") and v != "passed"]
    if lost:
        found.append(f"others suffer: {lost[0]} is {outcomes[lost[0]]}")
    return found


def _ids(random: Random) -> str:
    """Names of tests that no terminal, file system or XML likes."""
    ids = [
        "\x1b[31mred",
        "a\x00b\x07",
        "x" * 5000,
        "ü\u2028\ud7ff",
        "]]>&<\"'",
        "../..",
        " ",
    ]
    random.shuffle(ids)
    outcome = random.choice(("True", "value % 2"))
    return IDS.format(values=list(range(len(ids))), ids=ids, outcome=outcome)
