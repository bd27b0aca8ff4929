# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends of a run that nobody planned: signals, a closed terminal, a full disk."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Harness
from tests.integration.terminals import Terminal, terminal

LINE = ("-m", "harness", "test", "tryton", "alpha", "--database", "local")


@pytest.fixture
def slow(project: Path, tmp_path: Path) -> Path:
    """A file that appears when the suite's slow test has begun."""
    mark = tmp_path / "begun"
    (project / "src/alpha/alpha/tests/test_slow.py").write_text(
        f"import pathlib, time\n\n\ndef test_slow():\n"
        f"    pathlib.Path({str(mark)!r}).touch()\n    time.sleep(60)\n"
    )
    return mark


def await_(mark: Path) -> None:
    deadline = time.monotonic() + 120
    while not mark.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def left(state: Path) -> list[Path]:
    """What is there of runs."""
    entries = list((state / "runs").iterdir())
    names = [f"harness-run-{entry.name}" for entry in entries]
    return [*entries, *(Path("/tmp", name) for name in names)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_with_all_it_has(
    project: Path, state: Path, env: dict[str, str], slow: Path, number: signal.Signals
) -> None:
    run = subprocess.Popen(
        [sys.executable, *LINE],
        cwd=project,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    await_(slow)
    for _ in range(3):  # a terminal and its shell say it too
        run.send_signal(number)
        if number == signal.SIGINT:
            break
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 130, output
    assert "interrupted" in output.lower()
    assert left(state) == []


def report(project: Path) -> dict[str, Any]:
    """The last run as the report has it."""
    path = project / "reports" / "latest" / "run.json"
    found: dict[str, Any] = json.loads(path.read_text())["run"]
    return found


@pytest.fixture
def failing(slow: Path, project: Path) -> Path:
    """The same after a test that fails."""
    path = project / "src/alpha/alpha/tests/test_slow.py"
    text = path.read_text()
    path.write_text(f"def test_first():\n    assert 1 == 2, 'wrong'\n\n\n{text}")
    return slow


SMALL = ("-m", "harness", "test", "tryton", "alpha", "--database", "sqlite")


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("deaf", [False, True])
def test_an_interrupted_run_has_a_report(
    project: Path,
    state: Path,
    env: dict[str, str],
    failing: Path,
    jobs: str,
    deaf: bool,
) -> None:
    """With the failures so far; whether its tests listen to Ctrl-C or not."""
    if deaf:
        path = project / "src/alpha/alpha/tests/test_slow.py"
        text = path.read_text().replace("time.sleep(60)", DEAF)
        path.write_text(text.replace("import pathlib", "import signal, pathlib"))
    run = subprocess.Popen(
        [sys.executable, *SMALL, "-k", "test_slow", "--jobs", jobs],
        cwd=project,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    await_(failing)
    began = time.monotonic()
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=60)
    assert time.monotonic() - began < 10, "three seconds, on a machine of its own"
    assert run.returncode == 130, output
    assert "assert 1 == 2" in output
    assert "INTERRUPTED: 1 failure, 1 of 2 tests ran" in output
    assert "reports/latest/index.html" in output
    assert "Traceback" not in output
    told = report(project)
    assert told["exit_code"] == 130
    assert [one["outcome"] for one in told["steps"][0]["tests"]] == ["failed"]
    page = (project / "reports/latest/index.html").read_text()
    assert "<title>interrupted" in page
    assert left(state) == []


DEAF = """\
signal.signal(signal.SIGINT, signal.SIG_IGN)
    for _ in range(600):
        time.sleep(0.1)
"""


def test_ctrl_c_through_nox_leaves_a_report(
    project: Path, env: dict[str, str], failing: Path
) -> None:
    """nox would kill half a second later; the noxfile is anybody's."""
    text = "from harness import sessions\nsessions.add('tryton')\n"
    (project / "noxfile.py").write_text(text)
    words = ("-s", "tryton", "--", "alpha", "--database", "sqlite", "-k", "test_slow")
    with terminal(
        [sys.executable, "-m", "nox", *words], cwd=project, env=env
    ) as console:
        await_(failing)
        console.type("\x03")
        console.end()
        (project / "noxfile.py").unlink()
        assert "INTERRUPTED: 1 failure" in console.text
    assert report(project)["exit_code"] == 130


def test_what_is_interrupted_before_a_test_has_run_leaves_the_last_report(
    project: Path, env: dict[str, str], tmp_path: Path
) -> None:
    mark = tmp_path / "begun"
    (project / "src/alpha/alpha/tests/test_slow.py").write_text(
        f"import pathlib, time\npathlib.Path({str(mark)!r}).touch()\ntime.sleep(60)\n"
    )
    reports = project / "reports"
    before = sorted(reports.iterdir()), (reports / "latest").resolve()
    run = subprocess.Popen(
        [sys.executable, *SMALL, "-k", "test_slow"],
        cwd=project,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    await_(mark)
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 130, output
    assert (sorted(reports.iterdir()), (reports / "latest").resolve()) == before


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("alhpa",), 2),
        (("alpha", "--isolaton", "test"), 2),
        (("alpha", "--no-such-option"), 2),
        (("alpha", "--collect-only"), 0),
        (("alpha", "-k", "nothing"), 3),
        (("src/alpha/alpha/tests/test_module.py::Nothing",), 2),
        (("alpha", "--series", "9.9"), 2),
        (("alpha", "--database", "postgresql://nobody@127.0.0.1:9/"), 7),
    ],
)
def test_what_runs_no_test_leaves_the_last_report(
    harness: Harness, project: Path, words: tuple[str, ...], code: int
) -> None:
    reports = project / "reports"
    reports.mkdir(exist_ok=True)
    before = sorted(reports.iterdir()), (reports / "latest").resolve()
    done = harness("test", "tryton", *words)
    assert done.returncode == code, done.stdout + done.stderr
    assert (sorted(reports.iterdir()), (reports / "latest").resolve()) == before


def test_an_environment_that_cannot_be_built_leaves_the_last_report(
    harness: Harness, project: Path
) -> None:
    path = project / "pyproject.toml"
    text = path.read_text().replace(
        "[tool.harness.source.alpha]",
        '[tool.harness.source.alpha]\nrequirements = ["harness-no-such-thing==99"]',
    )
    path.write_text(text)
    reports = project / "reports"
    reports.mkdir(exist_ok=True)
    before = sorted(reports.iterdir()), (reports / "latest").resolve()
    done = harness("test", "tryton", "alpha")
    assert done.returncode != 0
    assert (sorted(reports.iterdir()), (reports / "latest").resolve()) == before


def test_a_terminal_that_closes_ends_a_run_with_all_it_has(
    project: Path, state: Path, env: dict[str, str], slow: Path
) -> None:
    terminal = Terminal([sys.executable, *LINE], cwd=project, env=env)
    await_(slow)
    os.close(terminal.handle)
    _, status = os.waitpid(terminal.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    assert left(state) == []


def test_a_run_that_shall_outlive_the_terminal_does(
    project: Path, env: dict[str, str], slow: Path
) -> None:
    """As ``nohup`` has it."""
    run = subprocess.Popen(
        [sys.executable, *LINE],
        cwd=project,
        env=env,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    await_(slow)
    run.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        run.wait(2)
    run.terminate()
    assert run.wait(60) == 130


@contextmanager
def mounted(place: Path, size: int) -> Iterator[Path]:
    """A file system of `size` KiB."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a small file system")
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k,mode=711", "harness", place]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)
        place.rmdir()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system for reports that holds results, and no page."""
    with mounted(tmp_path / "small", 40) as place:
        yield place


FILL = """\
def fill():
    with open({path!r}, 'wb', buffering=0) as file:
        try:
            while True:
                file.write(b'x' * 4096)
        except OSError:
            pass
"""


@pytest.mark.parametrize("when", ["before", "import", "first", "page"])
@pytest.mark.parametrize("outcome", ["passed", "failed"])
def test_reports_find_no_room(
    harness: Harness, project: Path, small: Path, when: str, outcome: str
) -> None:
    """What the tests have said is told in any case; no run is green without it."""
    tests = project / "src/alpha/alpha/tests"
    call = "\n\nfill()\n" if when == "import" else ""
    (tests / "test_full.py").write_text(
        FILL.format(path=str(small / "filler"))
        + call
        + "\n\ndef test_first():\n"
        + ("    fill()\n" if when == "first" else "    pass\n")
        + "\n\ndef test_second():\n"
        + ("    assert False, 'it is wrong'\n" if outcome == "failed" else "    pass\n")
    )
    if when == "before":
        (small / "filler").write_bytes(b"x" * (40 << 10))
    done = harness(
        "test", "tryton", "alpha", "--database", "sqlite", "-k", "test_full",
        HARNESS_REPORTS=str(small),
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode == 4, output
    assert "no space left for" in output
    assert "to mend it" in output
    assert "defect" not in output
    assert "INTERNALERROR" not in output
    if when != "before":
        words = "1 failed, 1 passed" if outcome == "failed" else "2 passed"
        assert words in output
        assert ("it is wrong" in output) == (outcome == "failed")


def test_the_temporary_directory_has_no_room(harness: Harness) -> None:
    """pytest itself fails then, before the first test; its path may be a short one."""
    with mounted(Path(f"/tmp/harness-small-{os.getpid()}"), 16) as small:
        done = harness(
            "test", "tryton", "alpha", "--database", "sqlite", TMPDIR=str(small)
        )
    output = done.stdout + done.stderr
    assert done.returncode == 4, output
    assert f"no space left for {small}" in output
    assert "to mend it" in output


def test_a_temporary_directory_with_a_long_path(
    harness: Harness, tmp_path: Path
) -> None:
    """No socket can have such a name."""
    deep = tmp_path / ("x" * 90)
    deep.mkdir()
    done = harness("test", "tryton", "alpha", "--database", "sqlite", TMPDIR=str(deep))
    assert done.returncode == 0, done.stdout + done.stderr


LEAVES = """\
import os, pathlib, time

def test_leaves():
    if os.fork() == 0:
        os.setsid()
        os.closerange(0, 1024)
        if os.fork() == 0:
            pathlib.Path({mark!r}).write_text(str(os.getpid()))
            time.sleep(600)
        os._exit(0)
    while not pathlib.Path({mark!r}).exists():
        time.sleep(0.01)
    time.sleep({more})
"""


def gone(mark: Path) -> bool:
    """Whether the daemon has ended, be it that nobody has taken its exit code."""
    try:
        stat = Path(f"/proc/{mark.read_text()}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_daemon_that_a_test_has_left_ends_with_the_run(
    harness: Harness, project: Path, tmp_path: Path, jobs: str
) -> None:
    """It is in a session of its own, and nobody's child."""
    mark = tmp_path / "daemon"
    (project / "src/alpha/alpha/tests/test_leaves.py").write_text(
        LEAVES.format(mark=str(mark), more=0)
    )
    done = harness("test", "tryton", "alpha", "--database", "sqlite", HARNESS_JOBS=jobs)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert f"a test has left the process {mark.read_text()} " in output
    assert gone(mark)


def test_a_daemon_of_a_killed_run_ends_when_the_next_one_starts(
    harness: Harness, project: Path, env: dict[str, str], tmp_path: Path
) -> None:
    mark = tmp_path / "daemon"
    test = project / "src/alpha/alpha/tests/test_leaves.py"
    test.write_text(LEAVES.format(mark=str(mark), more=60))
    run = subprocess.Popen(
        [sys.executable, *LINE[:-1], "sqlite"], cwd=project, env=env,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    await_(mark)
    run.kill()
    run.wait()
    assert not gone(mark)
    test.unlink()
    assert harness("template", "--database", "sqlite", "list").returncode == 0
    assert gone(mark)
