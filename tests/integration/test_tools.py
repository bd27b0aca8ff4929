# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation, lint, completion and the debugger of tests, with real programs."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.integration.checkouts import PREFIX, ROOT, VARIANT, docker
from tests.integration.conftest import Harness, environment
from tests.integration.terminals import editor, terminal
from tests.weekly import WEEKLY

HARNESS = (sys.executable, "-m", "harness")

# -- documentation -------------------------------------------------------------


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with the real documents and the real example."""
    root = tmp_path_factory.mktemp("docs") / "checkout"
    ignored = shutil.ignore_patterns("_build", "autoapi", "__pycache__", "*.egg-info")
    for name in ("docs", "examples", "Dockerfiles/requirements"):
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    for name in ("pyproject.toml", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, root)
    return root


def docs(
    root: Path, state: Path, *words: str, code: int = 0
) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [*HARNESS, "docs", *words], cwd=root, env=environment(state),
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_the_documentation_has_no_warning(documented: Path, state: Path) -> None:
    """The project's own pages, and the interface of the example."""
    done = docs(documented, state)
    pages = documented / "docs" / "_build" / "html"
    assert f"documentation: {pages}/index.html" in done.stdout
    for name in ("running", "old-commands", "contributing", "design"):
        assert (pages / f"{name}.html").is_file()
    described = list(pages.glob("autoapi/**/party/index.html"))
    assert described
    assert "class" in described[0].read_text()
    assert sorted(path.name for path in (documented / "docs").iterdir()) == sorted(
        [*(path.name for path in (ROOT / "docs").iterdir()
           if path.name not in ("_build", "autoapi", "__pycache__")), "_build"]
    )  # fmt: skip


@WEEKLY
def test_the_documentation_in_its_image(
    documented: Path, state: Path, engine: object
) -> None:
    if not docker("images", "--quiet", f"{PREFIX}/documentation:{VARIANT}"):
        pytest.skip("the image is not built: harness build documentation")
    docs(documented, state, "--in", "image")
    assert list(documented.glob("docs/_build/html/autoapi/**/party/index.html"))


def test_a_warning_is_an_error_and_leaves_the_former_pages(
    documented: Path, state: Path
) -> None:
    docs(documented, state, "--no-autoapi")
    pages = documented / "docs" / "_build" / "html"
    before = (pages / "index.html").read_text()
    page = documented / "docs" / "broken.md"
    page.write_text("# Broken\n\n[nowhere](nothing.md)\n")
    try:
        done = docs(documented, state, "--no-autoapi", "--keep", code=8)
    finally:
        page.unlink()
    assert f"{page}:3: WARNING" in done.stdout
    assert not (pages / "broken.html").exists()
    assert (pages / "index.html").read_text() == before
    docs(documented, state, "--down")
    assert not pages.exists()
    assert "sphinx-build" in docs(documented, state, "--dry-run").stdout


def test_served_and_built_again(documented: Path, state: Path) -> None:
    argv = [*HARNESS, "docs", "--no-autoapi", "--serve", "--port", "0"]
    page = documented / "docs" / "debugging.md"
    former = page.read_text()
    with terminal(argv, cwd=documented, env=environment(state)) as shown:
        at = shown.wait_for(r"served at (http://127\.0\.0\.1:\d+/), built again")
        url = shown.text[:at].rpartition("served at ")[2].partition(",")[0]
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert b"harness" in answer.read()
        page.write_text(f"{former}\nJust written.\n")
        try:
            shown.wait_for("documentation: done", after=at)
            deadline = time.monotonic() + 90
            while b"Just written" not in fetch(f"{url}debugging.html"):
                assert time.monotonic() < deadline, shown.text[at:]
                time.sleep(0.1)
        finally:
            page.write_text(former)
        shown.type("\x03")
        assert shown.end() == 0


def fetch(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bytes(answer.read())
    except OSError:
        return b""


# -- lint ----------------------------------------------------------------------


def test_lint_by_the_tool_that_each_source_names(
    project: Path, harness: Harness
) -> None:
    with (project / "pyproject.toml").open("a") as file:
        file.write('[tool.harness.source.gamma]\nlint = "flake8"\n')
        file.write('[tool.harness.source.delta]\nlint = "none"\n')
    for name in ("gamma", "delta"):
        (project / "src" / name).mkdir(exist_ok=True)
        (project / "src" / name / "wrong.py").write_text("import os\nx = undefined\n")
    (project / "src" / "gamma" / "setup.cfg").write_text("[flake8]\nignore = F401\n")
    own = project / "src" / "alpha" / "ruff.toml"
    own.write_text('lint.select = ["F"]\n')
    try:
        done = harness("lint", "--json")
        assert done.returncode == 8, done.stdout + done.stderr
        found = {(one["file"], one["code"]) for one in json.loads(done.stdout)}
        assert ("src/gamma/wrong.py", "F821") in found
        assert not [
            one for one in found if one[0].startswith(("src/alpha", "src/delta"))
        ]
        assert harness("lint", "alpha").returncode == 0
        (project / "src" / "alpha" / "alpha" / "alpha.py").write_text("import os\n")
        done = harness("lint", "alpha", "gamma")
        assert done.returncode == 8
        assert "src/alpha/alpha/alpha.py:1:8: F401" in done.stdout
        assert "src/gamma/wrong.py:2:5: F821" in done.stdout
        assert "wrong.py:1" not in done.stdout
        assert harness("lint", "delta").returncode == 3
        assert "did you mean alpha?" in harness("lint", "alhpa").stdout
        assert "flake8 ." in harness("lint", "--dry-run").stdout
    finally:
        own.unlink()
        for name in ("gamma", "delta"):
            shutil.rmtree(project / "src" / name)


# -- completion ----------------------------------------------------------------

LINES = {
    "harness monit": {"monitor"},
    "harness template ex": {"explain", "export"},
    "harness test --isola": {"--isolation"},
    "harness test --isolation cl": {"class"},
    "harness logs -f po": {"portal"},
    "harness completion ": {"bash", "zsh", "fish"},
    "harness lint port": {"portal_web"},
}


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("completion")
    names = {"bash": "harness.bash", "zsh": "_harness", "fish": "harness.fish"}
    for shell, name in names.items():
        done = subprocess.run(
            [*HARNESS, "completion", shell],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        (place / name).write_text(done.stdout)
    return place


def shell(name: str) -> str:
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed: apt-get install {name}")
    return found


@pytest.mark.parametrize("line", LINES)
def test_bash_completes(scripts: Path, line: str) -> None:
    words = " ".join(f"'{one}'" for one in line.split(" "))
    text = (
        f"source {scripts}/harness.bash\nCOMP_WORDS=({words})\n"
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
        "_harness\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n"
    )
    done = subprocess.run(
        [shell("bash"), "--norc", "-c", text],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    assert set(done.stdout.split()) == LINES[line]


@pytest.mark.parametrize("line", LINES)
def test_fish_completes(scripts: Path, tmp_path: Path, line: str) -> None:
    done = subprocess.run(
        [shell("fish"), "--no-config", "-c",
         f"source {scripts}/harness.fish; complete -C '{line}'"],
        capture_output=True, text=True, check=True, timeout=30,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )  # fmt: skip
    assert {one.partition("\t")[0] for one in done.stdout.splitlines()} == LINES[line]


def test_zsh_completes(scripts: Path, tmp_path: Path) -> None:
    """By its own completion system, on a terminal, with the script on its fpath."""
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PS1": "ready> "}
    with terminal([shell("zsh"), "-f"], cwd=tmp_path, env=env) as shown:
        shown.type(
            f"PS1='ready> '; fpath=({scripts} $fpath);"
            " autoload -Uz compinit; compinit -u -D; echo loa''ded\n"
        )
        at = shown.wait_for("loaded")
        for line, words in LINES.items():
            # The first Tab inserts what all have in common, the second lists them.
            shown.type(f"{line}\t" if len(words) == 1 else f"{line}\t\t")
            for word in words:
                shown.wait_for(word, after=at, within=60)
            shown.type("\x15echo ne''xt\n")
            at = shown.wait_for("next\r?\n", after=at)
        shown.type("exit\n")
        shown.end()


# -- the debugger of tests -----------------------------------------------------


def test_tests_wait_for_an_editor_and_stop_at_its_breakpoint(
    project: Path, state: Path
) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 5678)) == 0:
            pytest.skip("somebody on this machine debugs at 5678")
    file = project / "src" / "alpha" / "alpha" / "tests" / "test_module.py"
    line = next(
        number
        for number, text in enumerate(file.read_text().splitlines(), 1)
        if "Thing = Pool()" in text
    )
    env = environment(state)
    argv = [*HARNESS, "test", "tryton", "alpha", "--debug", "-k", "test_first"]
    with terminal(argv, cwd=project, env=env) as shown:
        shown.wait_for("waiting for an editor at 127.0.0.1:5678", within=300)
        with editor(5678) as vscode:
            vscode.attach((str(file), line))
            stopped = vscode.hear("stopped")["body"]
            assert stopped["reason"] == "breakpoint"
            vscode.ask("stackTrace", threadId=stopped["threadId"], levels=1)
            [frame] = vscode.hear("stackTrace")["body"]["stackFrames"]
            assert (frame["name"], frame["line"]) == ("test_first", line)
            vscode.ask("continue", threadId=stopped["threadId"])
            shown.wait_for("1 passed")
        assert shown.end() == 0


# -- a service that is asked how it is ------------------------------------------

HEALTHY = ROOT / "Dockerfiles" / "common" / "healthy.py"


def test_a_server_that_answers_is_healthy() -> None:
    said = {
        "HTTP/1.1 200 OK\r\n\r\n": "",
        "HTTP/1.0 302 FOUND\r\n\r\n": "",
        "HTTP/1.1 404 Not Found\r\n\r\nno such page": "",
        "HTTP/1.1 500 Internal Server Error\r\n\r\n": "500 Internal",
        "SSH-2.0-OpenSSH_9.2\r\n": "SSH",
        "HTTP/1.1\r\n": "HTTP/1.1",
        "": "b''",
    }
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/health"
        for answer, reason in said.items():
            with asked(url) as child:
                client, _ = server.accept()
                with client:
                    assert client.recv(100).startswith(b"GET /health HTTP/1.0\r\n")
                    client.sendall(answer.encode())
                told = child.communicate(timeout=20)[1]
            assert (child.returncode == 0) == (not reason), (answer, told)
            assert reason in told
            assert "Traceback" not in told
    with asked(url) as child:
        assert "refused" in child.communicate(timeout=20)[1]
    assert child.returncode == 1


def asked(url: str) -> "subprocess.Popen[str]":
    """As the image's check does."""
    argv = [sys.executable, "-IS", str(HEALTHY), url]
    return subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)


def test_who_was_well_is_left_alone_for_a_while(tmp_path: Path) -> None:
    """No rest after a start, nor after a failure, and time for a first page."""
    for name, script in {
        "sleep": 'echo "rests $1"',
        "timeout": 'echo "may take $1"; shift; exec "$@"',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}

    def well(*command: str) -> tuple[int, str]:
        done = subprocess.run(
            ["sh", HEALTHY.with_suffix(""), *command],
            env=env, capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    long, rested = "may take 14\n", "rests 10\nmay take 4\n"
    assert well("echo", "well") == (0, f"{long}well\n")
    assert well("echo", "well") == (0, f"{rested}well\n")
    assert well("false") == (1, rested)
    assert well("false") == (1, long)
    late = ("sh", "-c", "exit 124")  # as timeout says it
    assert well(*late) == (1, f"{long}no answer within 14 s\n")
    assert well("true") == (0, long)
    (tmp_path / "healthy").write_text("of an earlier start\n")
    assert well("true") == (0, long)


# -- a service that begins again -----------------------------------------------

RELOAD = ROOT / "Dockerfiles" / "common" / "reload.py"


def reloaded(place: Path, code: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-IS", str(RELOAD), sys.executable, "-c", code],
        env={**os.environ, "RELOAD_PATHS": str(place), "DEBUGGER_WAIT": "once"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def test_a_service_that_ends_hands_its_code_on(tmp_path: Path) -> None:
    with reloaded(tmp_path, "raise SystemExit(7)") as child:
        assert child.wait(timeout=20) == 7
    done = subprocess.run(
        [sys.executable, "-IS", str(RELOAD), "no-such-program"],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert done.returncode == 127
    assert "no-such-program" in done.stderr


def test_a_change_begins_it_again_and_only_the_first_waits(tmp_path: Path) -> None:
    (tmp_path / "module.py").touch()
    (tmp_path / "__pycache__").mkdir()
    code = (
        "import os, time; print(os.getenv('DEBUGGER_WAIT'),"
        " os.getenv('DEBUGGER_HERE'), flush=True); time.sleep(60)"
    )
    with reloaded(tmp_path, code) as child:
        assert child.stdout
        assert child.stderr
        assert child.stdout.readline() == "once 1\n"
        (tmp_path / "__pycache__" / "module.pyc").touch()
        (tmp_path / ".module.py.swp").touch()
        (tmp_path / "module.py").write_text("x = 1\n")
        assert child.stdout.readline() == "None 1\n"
        assert f"{tmp_path}/module.py has changed" in child.stderr.readline()
        child.terminate()
        assert child.wait(timeout=20) in (0, 128 + signal.SIGTERM)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_of_the_engine_reach_the_service(
    tmp_path: Path, number: signal.Signals
) -> None:
    """`docker stop` tells the first process only."""
    code = (
        "import signal, time\n"
        f"def end(*_): print('ending'); raise SystemExit(3)\n"
        f"signal.signal({int(number)}, end); print('on', flush=True)\n"
        "for _ in range(1200): time.sleep(0.05)  # a signal may come just before it"
    )
    with reloaded(tmp_path, code) as child:
        assert child.stdout
        assert child.stdout.readline() == "on\n"
        child.send_signal(number)
        assert child.wait(timeout=20) == 3
        assert child.stdout.read() == "ending\n"


def test_a_service_that_fails_waits_for_a_change_on_a_terminal(
    tmp_path: Path,
) -> None:
    (tmp_path / "module.py").touch()
    argv = [sys.executable, "-IS", str(RELOAD), sys.executable, "-c", "1 / 0"]
    env = {**os.environ, "RELOAD_PATHS": str(tmp_path)}
    with terminal(argv, cwd=tmp_path, env=env) as shown:
        at = shown.wait_for("ended with 1; it begins again when a source changes")
        (tmp_path / "module.py").write_text("x = 1\n")
        shown.wait_for("has changed: once more.*ended with 1;", after=at)
        shown.type("\x03")
        assert shown.end(within=10) == 1


def test_a_port_that_is_taken_is_told_first(harness: Harness) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 5678))
        other.listen()
        done = harness("test", "tryton", "alpha", "--database", "sqlite", "--debug")
    assert done.returncode == 4, done.stdout
    assert "the port 5678 cannot be used: it is taken" in done.stdout
    assert "wait for an editor" not in done.stdout
    assert "series" not in done.stdout
