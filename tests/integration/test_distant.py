# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers on another machine: a namespace with a network, files and a name of its own.

It has a real sshd; what it sees of this machine's files is the system, not the project,
the state directory, /tmp or /dev/shm.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.integration.conftest import environment
from tests.integration.machines import keyed, linked
from tests.integration.test_run import results
from tests.integration.workbench import Suite
from tests.weekly import weekly

ROOT = Path(__file__).parents[2]
NEEDED = ("ssh", "ssh-keygen", "sshd", "rsync", "ip", "unshare", "mount")
HERE, THERE = "10.254.77.1", "10.254.77.2"

Harness = Callable[..., "subprocess.CompletedProcess[str]"]


def why_not() -> str:
    """Why there can be no other machine here."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = [name for name in NEEDED if shutil.which(name, path=path) is None]
    if missing:
        return f"{', '.join(missing)} missing: apt-get install openssh-server rsync"
    if os.getuid():
        return "only root can make network namespaces"
    probe = subprocess.run(["unshare", "-m", "-n", "-u", "true"], check=False)
    return "namespaces cannot be made" if probe.returncode else ""


@dataclass
class Machine:
    """The other one; `path` begins with an ssh that knows it as ``there``."""

    place: Path
    link: str
    name: str

    @property
    def path(self) -> str:
        return f"{self.place / 'bin'}:{os.environ['PATH']}:/usr/sbin"

    @property
    def said(self) -> Path:
        """The one directory that both machines see."""
        return self.place / "said"

    def names(self) -> list[str]:
        """Where tests have run."""
        return self.said.read_text().split() if self.said.exists() else []

    def cut(self) -> None:
        """From now on nothing comes through."""
        subprocess.run(["ip", "link", "set", self.link, "down"], check=True)


def sshd(place: Path, state: Path) -> list[str]:
    """The command of the machine's sshd, with files that it must not see hidden."""
    keyed(place, there=THERE, nobody="10.254.77.3")
    hidden = {ROOT, state, Path("/tmp"), Path("/dev/shm")}
    lines = ["mount --make-rprivate /", "hostname there", "mkdir -p /run/sshd"]
    for path in sorted(hidden):
        lines += [f"mkdir -p {path}", f"mount -t tmpfs -o mode=1777 none {path}"]
    lines.append(f"exec $(command -v sshd) -D -e -f {place}/sshd_config")
    return ["unshare", "-m", "-u", "sh", "-ec", "\n".join(lines)]


@pytest.fixture
def machine(state: Path) -> Iterator[Machine]:
    reason = why_not()
    if reason and os.environ.get("CI"):
        pytest.fail(f"CI has no other machine: {reason}")
    if reason:
        pytest.skip(reason)
    name = f"hd{os.getpid()}"
    place = Path(tempfile.mkdtemp(prefix="harness-ssh-", dir="/var/tmp"))
    made = Machine(place=place, link=f"{name}a", name=name)
    command = sshd(place, state)
    env = {**os.environ, "PATH": made.path}
    log = (place / "log").open("wb")
    try:
        with linked(name, here=HERE, there=THERE):
            server = subprocess.Popen(
                ["ip", "netns", "exec", name, *command], env=env, stderr=log
            )
            try:
                argv = ["ssh", "-oConnectTimeout=2", "there", "true"]
                deadline = time.monotonic() + 30
                while subprocess.run(argv, env=env, check=False).returncode:
                    assert time.monotonic() < deadline, (place / "log").read_text()
                    time.sleep(0.2)
                yield made
            finally:
                server.terminate()
                server.wait()
    finally:
        log.close()
        shutil.rmtree(place)


TESTS = """\
import os, time, unittest
from trytond.tests.test_tryton import activate_module, drop_db, with_transaction
from trytond.pool import Pool
from trytond.transaction import Transaction

class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        activate_module('alpha')

    @classmethod
    def tearDownClass(cls):
        drop_db()

    @with_transaction()
    def test_things(self):
        Thing = Pool().get('alpha.thing')
        self.assertEqual([one.name for one in Thing.search([])], ['First'])
        Thing.create([{{'name': type(self).__name__}}])
        Transaction().commit()
        with open({said!r}, 'a') as file:
            file.write(os.uname().nodename + '\\n')
        time.sleep({seconds})
"""


def write(project: Path, machine: Machine, *, count: int, seconds: float) -> None:
    """Tests that say where they run."""
    text = TESTS.format(said=str(machine.said), seconds=seconds)
    classes = [f"class Test{n}(Base): pass\n" for n in range(count)]
    path = project / "src" / "alpha" / "alpha" / "tests" / "test_many.py"
    path.write_text("\n".join([text, *classes, "del Base\n"]))


ASKED = ("test", "tryton", "alpha", "--jobs", "2")


def test_another_machine_helps(
    harness: Harness, project: Path, machine: Machine
) -> None:
    write(project, machine, count=16, seconds=1)
    done = harness(*ASKED, "--worker", "ssh=there", PATH=machine.path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {key: v for key, v in results(project).items() if "test_things" in key}
    assert len(found) == 16
    assert set(found.values()) == {"passed"}
    names = machine.names()
    assert len(names) == 16
    assert {"there", os.uname().nodename} == set(names)


def test_a_machine_that_is_away(
    harness: Harness, project: Path, machine: Machine
) -> None:
    write(project, machine, count=2, seconds=0)
    done = harness(*ASKED, "--worker", "ssh=nobody", PATH=machine.path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nobody is left out: " in done.stdout + done.stderr
    assert "to mend it: ssh nobody true" in done.stdout + done.stderr
    assert set(machine.names()) == {os.uname().nodename}


def test_a_machine_that_goes_away(project: Path, machine: Machine, state: Path) -> None:
    write(project, machine, count=16, seconds=2)
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *ASKED, "--worker", "ssh=there"],
        cwd=project,
        env=environment(state, PATH=machine.path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 240
    while "there" not in machine.names():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    machine.cut()
    said, _ = process.communicate(timeout=240)
    assert "there is away: the others run what was its" in said
    assert "to mend it: ssh there true" in said
    found = {key: v for key, v in results(project).items() if "test_things" in key}
    assert len(found) == 16
    assert set(found.values()) <= {"passed", "flaky"}, said
    assert process.returncode == 0, said


def test_what_the_harness_has_not_brought_is_not_touched(
    harness: Harness, project: Path, machine: Machine
) -> None:
    write(project, machine, count=2, seconds=0)
    source = project / "src" / "alpha"
    script = f"mkdir -p {source} && echo mine > {source}/mine"
    env = {**os.environ, "PATH": machine.path}
    subprocess.run(["ssh", "there", script], env=env, check=True)
    done = harness(*ASKED, "--worker", "ssh=there", PATH=machine.path)
    assert done.returncode == 0
    assert "which the harness has not brought there" in done.stdout + done.stderr
    kept = ["ssh", "there", f"cat {source}/mine"]
    assert subprocess.run(kept, env=env, capture_output=True).stdout == b"mine\n"


MEASURED = """\

def where():
    import os
    if os.uname().nodename == 'there':
        return 'there'
    return 'here'
"""
EVIDENCE = """\
import time
import pytest
from alpha.alpha import where

@pytest.mark.parametrize('number', range(4))
class TestOne:
    def test_one(self, number, record_property, tmp_path):
        path = tmp_path / 'said.txt'
        path.write_text(where() + '\\n')
        record_property('evidence', str(path))
        with open({said!r}, 'a') as file:
            file.write(where() + '\\n')
        time.sleep(1)
        assert number % 2
"""


def test_coverage_and_evidence_come_from_there(
    harness: Harness, project: Path, machine: Machine
) -> None:
    source = project / "src" / "alpha" / "alpha"
    with (source / "alpha.py").open("a") as file:
        file.write(MEASURED)
    text = EVIDENCE.format(said=str(machine.said))
    for name in range(6):
        (source / "tests" / f"test_one{name}.py").write_text(text)
    words = ("-k", "test_one", "--worker", "ssh=there", "--coverage")
    done = harness(*ASKED, *words, PATH=machine.path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert set(machine.names()) == {"there", "here"}, done.stdout
    report = project / "reports" / "latest"
    files = [path.read_text().strip() for path in report.glob("evidence/*-said.txt")]
    assert sorted(files) == sorted(machine.names())
    for path in report.glob("*.jsonl"):
        events = map(json.loads, path.read_text().splitlines())
        tests = [one for one in events if one["kind"] == "test"]
        assert len(tests) == 24
        assert all(one["duration"] >= 1 for one in tests)
        assert not [
            file for one in tests for file in one["evidence"] if file["missing"]
        ]
    tree = ElementTree.parse(report / "coverage.xml")
    [measured] = [c for c in tree.iter("class") if c.get("filename") == "alpha.py"]
    hits = {int(one.get("number", 0)): one.get("hits") for one in measured.iter("line")}
    lines = (source / "alpha.py").read_text().splitlines()
    for line in ("        return 'there'", "    return 'here'"):
        assert hits[lines.index(line) + 1] == "1"


# -- a machine that is lost before its worker has said anything ------------------

SSH = """\
import os, subprocess, sys, threading, time

mode, host, remote = sys.argv[1:]
if mode == "silent":
    sys.exit(255)
if mode == "lost":
    sys.stdin.buffer.read(5000)
    sys.exit(255)
if mode == "broken":
    sys.exit(127)
process = subprocess.Popen(
    ["sh", "-c", remote], stdin=subprocess.PIPE, stdout=subprocess.PIPE
)
def hand_on():
    while True:
        process.stdin.write(sys.stdin.buffer.raw.read(1 << 16))
        process.stdin.flush()


threading.Thread(target=hand_on, daemon=True).start()
sys.stdout.buffer.write(process.stdout.read(1))
sys.stdout.buffer.flush()
time.sleep(float(mode.partition(" ")[2]))
process.kill()
sys.stdout.flush()
os._exit(255)
"""


@pytest.mark.parametrize(
    ("warm", "mode"),
    [
        (True, "silent"),
        weekly(False, "silent"),
        weekly(True, "lost"),
        (False, "lost"),
        (True, "broken"),
        weekly(False, "broken"),
        weekly(True, "word 0"),
        (False, "word 0"),
        (True, "word 0.3"),
        weekly(False, "word 0.3"),
    ],
)
def test_a_machine_that_is_lost_before_it_works(
    tmp_path: Path, mode: str, *, warm: bool
) -> None:
    suite = Suite(tmp_path, Path(sys.executable)).write(
        test_a="""\
        import pytest

        @pytest.mark.parametrize('number', range(6))
        def test_one(number):
            assert number != 3
        """,
    )
    (tmp_path / "ssh.py").write_text(SSH)
    place = {
        "host": "there",
        "ssh": [sys.executable, str(tmp_path / "ssh.py"), mode],
        "workers": 2,
        "away": str(tmp_path / "away"),
        "environment": {},
    }
    given = json.dumps([place])
    options = ("-p", "harness.plugins.workers.distant")
    ran = (suite.warm if warm else suite.stock)(*options, HARNESS_DISTANT=given)
    assert "INTERNALERROR" not in ran.text, ran.text
    assert ran.told == suite.plain().told
    assert ran.text.count("to mend it: ssh there true") == 1
    assert ran.text.count("there is left out" if mode == "broken" else "there is ") == 1
