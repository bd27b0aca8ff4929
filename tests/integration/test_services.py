# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of a real stack: deployed in a terminal, debugged, watched, counted."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from harness.images.services import SERVICES as IMAGES
from harness.postgres import Address
from harness.stack.project import DEFAULT
from harness.stack.roles import PASSWORDS
from tests.integration.checkouts import PREFIX, ROOT, VARIANT, Checkout, docker
from tests.integration.terminals import editor, terminal
from tests.integration.visitors import Visitor
from tests.weekly import WEEKLY

pytestmark = pytest.mark.usefixtures("engine")
HARNESS = (sys.executable, "-m", "harness")


def answers(port: int) -> int:
    """The code of the root's answer; 0 without one."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def until(stack: Checkout, *codes: int, within: float = 120) -> None:
    deadline = time.monotonic() + within
    while (found := answers(stack.erp)) not in codes:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


# -- counted -------------------------------------------------------------------


def test_replicas_are_counted_and_reached_one_by_one(stack: Checkout) -> None:
    found = json.loads(stack.good("scale", "api=2", "--json"))
    try:
        assert [one["service"] for one in found].count("api") == 2
        urls = {one["service"]: one for one in json.loads(stack.good("urls", "--json"))}
        assert (urls["api"]["well"], urls["api"]["replicas"]) == (2, 2)
        assert "2 of 2 up" in stack.good("urls")
        both = stack.good("port", "api", "5678").split()
        assert len(set(both)) == 2
        second = stack.good("port", "api", "5678", "--index", "2").split()
        assert second == both[1:]
        [one] = json.loads(stack.good("port", "api", "5678", "--index=1", "--json"))
        assert one["address"] == both[0]
        assert one["container"].endswith("-api-1")
        done = stack("port", "api", "5678", "--index", "7")
        assert done.returncode == 2
        assert "there are 1, 2" in done.stdout
    finally:
        stack.good("scale", "api=1")


def test_dry_runs_are_lines_that_a_shell_takes(stack: Checkout) -> None:
    """They set all that the files need, and say no secret."""
    before = stack.containers()
    for words in (
        ("up",), ("restart", "portal"), ("scale", "portal=2"),
        ("deploy", "portal", "--debug"),
    ):  # fmt: skip
        text = stack.good(*words, "--dry-run")
        assert stack.password not in text
        *exports, up = text.strip().splitlines()[: 2 + len(PASSWORDS)]
        checked = re.sub(
            r" (up|restart|--progress=quiet run) .*", " config --quiet", up
        )
        assert checked != up
        subprocess.run(
            ["bash", "-euc", "\n".join([*exports, checked])],
            env={name: os.environ[name] for name in ("PATH", "HOME")},
            check=True, timeout=60,
        )  # fmt: skip
    assert "--scale=portal=0" in text
    assert re.search(r"--env DEBUGGER_WAIT=127\.0\.0\.1:\d+ ", text)
    stop, last, *remove = stack.good("down", "--dry-run").strip().splitlines()
    assert stop.split()[1] == "stop"
    assert last.split()[2:] == [one["name"] for one in before["db"]]
    assert [one.split()[1] for one in remove] == ["container", "network"]
    assert stack.containers().keys() == before.keys()
    assert len(stack.containers()["portal"]) == 1


# -- old commands ----------------------------------------------------------------

ROWS = "SELECT 'rows ' || count(*) FROM ir_module;"
DO = {
    "harness ps": ("", "erpserver .* healthy"),
    "harness urls": ("", r"api +http://api\.\w+\.test:\d+/\S* +up"),
    "harness port --index 1 tryton 8000": ("", r"^127\.0\.0\.1:\d+$"),
    "harness monitor --once": ("", r"processing .* healthy"),
    "harness shell portal": ("echo of $SERVICE", r"^of \w+$"),
    "harness exec db psql": (ROWS, r"rows [1-9]\d+"),
    "harness db psql": (ROWS, r"rows [1-9]\d+"),
    "harness db backup -o FILE": ("", r"FILE: .*, sha256 "),
    "harness db copy A B": ("", "old_b is a copy of collecting_society"),
    "harness db delete NAME": ("", "old_b is deleted"),
    "harness run erpserver bash": ("echo of $SERVICE", r"^of \w+$"),
}
"""New lines of docs/old-commands.md that take about a second: what is typed into each,
and what comes of it."""


def test_new_lines_do_what_the_old_ones_did(stack: Checkout, tmp_path: Path) -> None:
    do_old(stack, tmp_path)


def do_old(stack: Checkout, place: Path) -> None:
    """Type the new lines at a stack, whoever's sources it runs."""
    page = (ROOT / "docs" / "old-commands.md").read_text("utf-8")
    meant = {
        "FILE": [str(place / "x.dump")], "A": ["collecting_society"],
        "B": ["old_b"], "NAME": ["old_b", "--yes", "--no-backup"],
    }  # fmt: skip
    for line, (typed, effect) in DO.items():
        assert f"`{line}`" in page
        done = subprocess.run(
            [*HARNESS, *(w for one in line.split()[1:] for w in meant.get(one, [one]))],
            cwd=stack.root, env={**stack.env, "HARNESS_DATABASE_SERVER": "auto"},
            input=f"{typed}\n", capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        told = done.stdout + done.stderr
        assert done.returncode == 0, f"{line}\n{told}"
        wanted = effect.replace("FILE", meant["FILE"][0])
        assert re.search(wanted, told, re.MULTILINE), f"{line}\n{told}"
    assert (place / "x.dump").read_bytes().startswith(b"PGDMP")


# -- described -------------------------------------------------------------------

TABLE = """
[tool.harness.service.mail]
image = "erpserver"
command = ["python3", "-m", "http.server", "8025", "--directory", "/var/lib/trytond"]
volumes = ["files:/var/lib/trytond"]
environment = ["GREETING=hello ${DATABASE_NAME}, $$5"]
secrets = ["TOKEN=session_secret"]
port = 8025
vhost = "mail.repertoire.test"
health = ["http://127.0.0.1:8025/"]
after = ["db"]
"""


def test_a_service_more_is_one_table(stack: Checkout) -> None:
    """Started, well, reached by its name at nginx, told a secret that is not shown."""
    file = stack.root / "pyproject.toml"
    before = file.read_text("utf-8")
    file.write_text(before + TABLE, "utf-8")
    try:
        assert re.search(
            r"mail +http://mail\.repertoire\.test:\d+/ +up", stack.good("up", "mail")
        )
        [mail] = stack.containers()["mail"]
        assert mail["health"] == "healthy"
        page = Visitor(stack.web, "mail.repertoire.test").ask("GET", "/")
        assert page[0] == 200
        assert "Directory listing" in page[2]
        own = stack.good("exec", "mail", "sh", "-c", "tr '\\0' '\\n' </proc/1/environ")
        secret = (stack.root / "compose/secrets/development/session_secret").read_text()
        assert f"TOKEN={secret.strip()}\n" in own
        assert "GREETING=hello collecting_society, $5\n" in own
        assert secret.strip() not in docker("inspect", mail["name"])
        assert "GET /" in stack.good("logs", "mail")
        docker("rm", "--force", mail["name"])
    finally:
        file.write_text(before, "utf-8")
        stack.good("up")
    assert "there is no service 'mail'" in stack("up", "mail").stdout


# -- watched -------------------------------------------------------------------


def test_monitor_sees_all_that_runs(stack: Checkout, address: Address) -> None:
    rows = json.loads(stack.good("monitor", "--once", "--json"))
    containers = {one["service"]: one for one in rows if one["kind"] == "container"}
    assert set(DEFAULT) <= set(containers)
    for service in DEFAULT:
        one = containers[service]
        assert (one["state"], one["health"]) == ("running", "healthy")
        assert one["rss"] > 100_000, service
        assert one["user"] + one["system"] > 0, service
        assert one["received"] > 0, service
        assert one["restarts"] == 0
    processes = {one["service"]: one for one in rows if one["kind"] == "process"}
    assert set(processes) == {"supervisor", "embedded db"}
    assert processes["embedded db"]["processes"] > 3
    assert processes["embedded db"]["rss"] > 1_000_000
    assert processes["embedded db"]["received"] is None


def test_monitor_counts_work(stack: Checkout) -> None:
    """Other work on the machine takes its share: what idles is the measure."""
    portal = stack.containers()["portal"][0]["name"]
    with subprocess.Popen(
        ["docker", "exec", portal, "timeout", "30", "sh", "-c",
         "echo on; exec sh -c 'while :; do :; done'"],
        stdout=subprocess.PIPE, text=True,
    ) as busy:  # fmt: skip
        assert busy.stdout
        assert busy.stdout.readline() == "on\n"
        rows = json.loads(stack.good("monitor", "--once", "--json"))
        docker("exec", portal, "sh", "-c",
               "kill $(grep -l '^timeout' /proc/*/cmdline | cut -d/ -f3)")  # fmt: skip
    rates = {
        one["service"]: one["rates"]["user"] + one["rates"]["system"] for one in rows
    }
    assert rates["portal"] > 5
    assert rates["portal"] > 2 * rates["nginx"]


def test_monitor_is_a_live_board_on_a_terminal(stack: Checkout) -> None:
    argv = [*HARNESS, "monitor", "--interval", "0.3"]
    with terminal(argv, cwd=stack.root, env=stack.env) as shown:
        first = shown.wait_for("service +name.*nginx")
        up = shown.wait_for(r"\x1b\[1A", after=first)
        shown.wait_for("service +name.*nginx", after=up)
        shown.type("\x03")
        assert shown.end() == 0


def test_monitor_without_an_engine_shows_processes(
    stack: Checkout, address: Address
) -> None:
    done = stack("monitor", "--once", DOCKER_HOST="unix:///nowhere.sock")
    assert done.returncode == 0
    assert "no containers are shown" in done.stdout
    assert "embedded db" in done.stdout


# -- old names inside ----------------------------------------------------------


@pytest.mark.parametrize("service", IMAGES)
def test_execute_is_in_every_image(images: None, service: str) -> None:
    image = f"{PREFIX}/{service}:{VARIANT}"
    if not docker("images", "--quiet", image):
        pytest.skip(f"the image is not built: harness build {service}")
    words = ("run", "--rm", "--entrypoint", "execute", "--network", "none", image)
    text = docker(*words, "--help")
    assert f"in the image of {service}\n" in text
    done = subprocess.run(
        ["docker", *words, "db-rebuild"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "to mend it: harness db rebuild" in done.stderr


@pytest.mark.parametrize("service", ["db", "erpserver"])
def test_execute_reaches_the_database(stack: Checkout, service: str) -> None:
    done = subprocess.run(
        [*HARNESS, "exec", service, "execute", "db-psql"],
        cwd=stack.root, env=stack.env, input="SELECT 'it is ' || 6 * 7;",
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "it is 42" in done.stdout
    dump = stack.good("exec", service, "execute", "db-backup")
    assert "CREATE TABLE public.ir_module " in dump


def test_execute_updates_a_module(stack: Checkout) -> None:
    which = "WHERE name = 'collecting_society'"
    change = f"UPDATE ir_module SET state = 'to upgrade' {which}"
    stack.good("exec", "db", "psql", "-qc", change)
    stack.good("exec", "erpserver", "execute", "update", "-m", "collecting_society")
    look = f"SELECT state FROM ir_module {which}"
    assert stack.good("exec", "db", "psql", "-Atc", look) == "activated\n"
    done = stack("exec", "processing", "execute", "update")
    assert done.returncode == 4
    assert "harness run erpserver" in done.stdout + done.stderr


@WEEKLY
def test_pip_install_once_in_the_life_of_a_container(stack: Checkout) -> None:
    """The container keeps the version of the test: nobody else looks at it."""
    file = stack.root / "examples" / "collecting_society" / "pyproject.toml"
    text = file.read_text()
    try:
        file.write_text(text.replace('version = "7.0.0"', 'version = "7.0.1"'))
        assert "installing collecting_society" in stack.good("pip-install", "erpserver")
        listed = stack.good("exec", "erpserver", "pip", "list", "--editable")
        assert "7.0.1" in listed
        assert "already" in stack.good("pip-install", "tryton")
        file.write_text("this is no TOML")
        done = stack("pip-install", "erpserver", "--again")
        assert done.returncode == 5
        assert "cannot be installed" in done.stdout
    finally:
        file.write_text(text)
    assert not list(file.parent.glob("*.egg-info"))
    assert stack("exec", "erpserver", "ls", "/tmp/pip-settings").returncode


# -- deployed ------------------------------------------------------------------


def test_deploy_waits_for_an_editor_and_begins_again_on_change(
    stack: Checkout,
) -> None:
    """In place of its replicas, reached where they were; they are back in the end."""
    argv = [*HARNESS, "deploy", "tryton", "--debug"]
    with terminal(argv, cwd=stack.root, env=stack.env) as shown:
        waits = shown.wait_for(r"waiting for an editor at 127\.0\.0\.1:(\d+)\r")
        port = int(shown.text[:waits].split(":")[-1])
        assert answers(stack.erp) in (0, 502)
        with editor(port) as vscode:
            vscode.attach()
            shown.wait_for("Running on")
            until(stack, 405)
        done = stack("deploy", "erpserver")
        assert done.returncode == 2
        assert "is deployed already" in done.stdout
        assert [one["name"] for one in stack.containers()["erpserver"]] == [
            f"{stack.project}-erpserver-deploy"
        ]
        assert stack.good("exec", "erpserver", "printenv", "SERVICE") == "erpserver\n"
        at = len(shown.text)
        os.utime(stack.root / "examples" / "collecting_society" / "party.py")
        changed = shown.wait_for("party.py has changed: once more", after=at)
        shown.wait_for("Running on", after=changed)
        assert "waiting for an editor" not in shown.text[changed:]
        shown.type("\x03")
        assert shown.end() == 0
    [one] = stack.containers()["erpserver"]
    assert one["name"] == f"{stack.project}-erpserver-1"
    until(stack, 405)


def test_pdb_has_the_terminal_of_a_deployed_service(stack: Checkout) -> None:
    """A placeholder is as good as a portal: it is a program that can be changed."""
    overlay = stack.root / "compose" / "local.yaml"
    program = stack.root / "examples" / "collecting_society" / "program.py"
    program.write_text("x = 41\nbreakpoint()\nprint('x is', x)\n")
    overlay.write_text(
        "services:\n  api:\n    environment:\n"
        "      DEPLOY: python3 /shared/src/collecting_society/program.py\n"
    )
    try:
        argv = [*HARNESS, "deploy", "api"]
        with terminal(argv, cwd=stack.root, env=stack.env) as shown:
            at = shown.wait_for(r"\(Pdb\) ")
            shown.type("x += 1\n")
            at = shown.wait_for(r"\(Pdb\) ", after=at)
            shown.type("c\n")
            shown.wait_for("x is 42", after=at)
            assert shown.end() == 0
    finally:
        for path in (overlay, program):
            path.unlink()
        stack.good("up")  # without the overlay
    assert len(stack.containers()["api"]) == 1


def test_a_breakpoint_of_a_service_in_the_background(stack: Checkout) -> None:
    code = "def f(x):\n    breakpoint()\n    return x\nprint('f is', f(41))\n"
    program = subprocess.Popen(
        [*HARNESS, "exec", "portal", "python3", "-c", code],
        cwd=stack.root, env=stack.env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    done = subprocess.run(
        [*HARNESS, "pdb", "portal"],
        cwd=stack.root, env=stack.env, input="x = x + 1\np x * 2\nc\n",
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    out, err = program.communicate(timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "(pdb) 84" in done.stdout
    assert out == "f is 42\n"
    assert "harness pdb SERVICE" in err
    done = stack("pdb", "portal", "--no-wait")
    assert done.returncode == 2
    assert "no breakpoint waits" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("deploy", "nginx"), "nothing to deploy"),
        (("deploy", "portla"), "did you mean portal?"),
        (("deploy", "portal", "--debug", "--environment", "staging"), "no debugger"),
        (("pip-install", "api", "--environment", "production"), "no sources"),
        (("pdb", "api", "--environment", "production"), "passed over"),
        (("pip-install", "nginx"), "no sources"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_refused(stack: Checkout, words: tuple[str, ...], said: str) -> None:
    done = stack(*words)
    assert done.returncode == 2
    assert said in done.stdout


def test_no_stack_no_service(state: Path) -> None:
    env = {**os.environ, "HARNESS_STACK_PROJECT": "harness-test-none"}
    for words in (("pip-install", "api"), ("pdb", "api"), ("port", "api", "1")):
        done = subprocess.run(
            [*HARNESS, *words], cwd=ROOT, env=env,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert "harness up" in done.stdout
