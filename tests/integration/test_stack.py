# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack on a real engine: up, reached over HTTP, scaled, repaired, gone."""

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from harness import engine
from harness.engine import Engine
from harness.stack.project import DEFAULT, derived
from harness.stack.secrets import NAMES
from tests.integration.checkouts import ROOT, Checkout, docker, identity, left, say
from tests.integration.checkouts import checkout as made
from tests.integration.conftest import environment
from tests.integration.terminals import editor
from tests.integration.visitors import PASSWORD, Visitor, register, sound

WITHOUT = Engine(dict(os.environ)).why_not()
pytestmark = [
    pytest.mark.skipif(
        bool(WITHOUT) and not os.environ.get("CI"),
        reason=f"no Docker engine: {WITHOUT}",
    ),
    pytest.mark.usefixtures("engine"),  # in CI it fails where there is none
]
FAST = 30.0
"""Seconds until an empty stack answers, where its database was made before, on a
machine that does nothing else."""


if WITHOUT:
    say(f"tests of the stack are skipped: {WITHOUT}")


def checkout(root: Path, state: Path) -> Checkout:
    return made(root, environment(state))


def get(port: int, host: str, path: str = "/health") -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        answer.read()
        return answer.status, dict(answer.getheaders())


class Tryton:
    """A client that speaks JSON-RPC."""

    def __init__(self, port: int, database: str = "collecting_society") -> None:
        self.port, self.path = port, f"/{database}/"
        self.headers = {"Content-Type": "application/json"}

    def call(self, method: str, *params: object) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            body = json.dumps({"id": 1, "method": method, "params": params})
            connection.request("POST", self.path, body, self.headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                return answer.status
            return json.loads(text)["result"]

    def login(self, password: str) -> bool:
        import base64

        words = {"password": password}
        found = self.call("common.db.login", "admin", words, "en")
        if not isinstance(found, list):
            return False
        user, session = found[:2]
        token = base64.b64encode(f"admin:{user}:{session}".encode()).decode()
        self.headers["Authorization"] = f"Session {token}"
        return True


# -- reached -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "service"), [("repertoire.test", "portal"), ("api.repertoire.test", "api")]
)
def test_portal_and_api_answer_by_their_names(
    stack: Checkout, host: str, service: str
) -> None:
    status, headers = get(stack.web, host)
    assert status == 200
    assert "X-Harness-Placeholder" not in headers
    text = Visitor(stack.web, host).json("GET", "/health")
    assert text == {"status": "ok", "service": service}


def test_other_names_are_not_answered(stack: Checkout) -> None:
    assert get(stack.web, "example.org", "/")[0] == 404


def test_admin_logs_in_with_the_password_of_the_file(stack: Checkout) -> None:
    client = Tryton(stack.erp)
    assert not client.login("admin")
    assert client.login(stack.password)
    modules = client.call(
        "model.ir.module.search_read",
        [["name", "=", "collecting_society"]], 0, None, None, ["name", "state"], {},
    )  # fmt: skip
    assert [one["state"] for one in modules] == ["activated"]


def test_an_upload_goes_from_registration_to_the_archive(stack: Checkout) -> None:
    tryton = Tryton(stack.erp)
    assert tryton.login(stack.password)
    volume = {"name": "volume-1", "capacity": 1000}
    tryton.call(
        "model.collecting_society.storage.create",
        [{"name": "Archive", "volumes": [["create", [volume]]]}], {},
    )  # fmt: skip
    began = time.monotonic()
    address = f"{uuid.uuid4().hex}@example.com"
    portal = register(stack, address)
    api = Visitor(stack.web, "api.repertoire.test")
    api.token = api.json("POST", "/v1/tokens", email=address, password=PASSWORD)[
        "token"
    ]
    tone, silence = (api.upload(f"{hz}.wav", sound(hz)) for hz in (440, 0))
    assert tone["state"] == "uploaded"
    deadline = time.monotonic() + 180
    while True:
        items = api.json("GET", "/v1/uploads")["items"]
        found = {one["uuid"]: (one["state"], one["rejection_reason"]) for one in items}
        states = {state for state, _ in found.values()}
        if states <= {"archived", "rejected"}:
            break
        assert time.monotonic() < deadline, stack.good("logs", "processing")
        time.sleep(0.5)
    say(f"from registration to the archive: {time.monotonic() - began:.1f} s")
    assert found == {
        tone["uuid"]: ("archived", None),
        silence["uuid"]: ("rejected", "silence"),
    }
    assert "440.wav" in portal.ask("GET", "/uploads")[2]
    files = stack.good("exec", "portal", "ls", "-R", "/var/lib/trytond/uploads")
    places = {
        block.splitlines()[0].rpartition("/")[2].rstrip(":"): block
        for block in files.split("\n\n")
    }
    assert tone["uuid"] in places["archived"]
    assert f"{tone['uuid']}.ogg" in places["excerpts"]
    assert silence["uuid"] in places["rejected"]
    command = ("-m", "collecting_society_worker", "status", "--json")
    status = json.loads(stack.good("exec", "processing", "python3", *command))
    assert status["findings"] == []


def test_the_password_is_for_its_owner_and_in_no_environment(stack: Checkout) -> None:
    place = stack.root / "compose" / "secrets" / "development"
    values = set()
    for path in place.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        values.add(path.read_text().strip())
    for containers in stack.containers().values():
        shown = docker("inspect", containers[0]["name"])
        assert not [value for value in values if value in shown]


def test_all_is_on_the_loopback_only(stack: Checkout) -> None:
    ports = [
        port["address"]
        for containers in stack.containers().values()
        for one in containers
        for port in one["ports"]
    ]
    assert set(ports) == {"127.0.0.1"}


def test_nothing_runs_as_root(stack: Checkout) -> None:
    for service in DEFAULT:
        status = stack.good("exec", service, "cat", "/proc/1/status")
        [uid] = re.findall(r"^Uid:\t(\d+)", status, re.MULTILINE)
        assert uid != "0", service


def test_sources_are_mounted(stack: Checkout) -> None:
    path = "/shared/src/collecting_society/tryton.cfg"
    inside = stack.good("exec", "erpserver", "cat", path)
    outside = stack.root / "examples" / "collecting_society" / "tryton.cfg"
    assert inside == outside.read_text()


STOPS = {
    "portal": ("portal_web/portal_web/views/general.py", "creation.licences()"),
    "api": ("portal_web/portal_web/api/v1.py", "return openapi.describe"),
    "erpserver": ("collecting_society/artist.py", "return 'unclaimed'"),
    "processing": (
        "collecting_society_worker/collecting_society_worker/worker.py",
        "for uuid in self.records.waiting",
    ),
}
"""Per service a file, and a line that a request comes by, no check of its health."""


def test_an_editor_stops_each_service_where_it_asks(stack: Checkout) -> None:
    """A request stays at the breakpoint, and is answered when the editor goes on."""
    client = Tryton(stack.erp)
    assert client.login(stack.password)
    method = "model.collecting_society.artist.default_get"

    def ask(service: str) -> object:
        if service == "erpserver":
            return client.call(method, ["claim_state"], {})
        pages = {
            "portal": ("repertoire.test", "/licences"),
            "api": ("api.repertoire.test", "/"),
        }
        return get(stack.web, *pages[service])[0] if service in pages else None

    def stop(service: str) -> object:
        path, text = STOPS[service]
        lines = (stack.root / "examples" / path).read_text().splitlines()
        [number] = [n for n, line in enumerate(lines, start=1) if text in line]
        where = stack.good("port", service, "5678").split()[0]
        with ThreadPoolExecutor(1) as asking:
            with editor(int(where.rpartition(":")[2])) as vscode:
                vscode.attach((f"/shared/src/{path}", number))
                answer = asking.submit(ask, service)
                stopped = vscode.hear("stopped")["body"]
                assert stopped["reason"] == "breakpoint"
                assert service == "processing" or not answer.done()
                vscode.ask("continue", threadId=stopped["threadId"])
            return answer.result(timeout=60)

    with ThreadPoolExecutor(len(STOPS)) as pool:
        found = dict(zip(STOPS, pool.map(stop, STOPS), strict=True))
    assert found == {
        "portal": 200, "api": 200, "erpserver": {"claim_state": "unclaimed"},
        "processing": None,
    }  # fmt: skip


# -- said ----------------------------------------------------------------------


def test_urls_within_a_second(stack: Checkout) -> None:
    began = time.monotonic()
    found = json.loads(stack.good("urls", "--json"))
    say(f"harness urls: {time.monotonic() - began:.2f} s")
    assert {one["service"]: one["url"] for one in found} == {
        "portal": f"http://repertoire.test:{stack.web}/",
        "api": f"http://api.repertoire.test:{stack.web}/",
        "erpserver": f"http://127.0.0.1:{stack.erp}/",
    }
    assert all(one["up"] for one in found)


def test_ports(stack: Checkout) -> None:
    assert stack.good("port", "erpserver", "8000").strip() == f"127.0.0.1:{stack.erp}"
    assert stack.good("port", "portal", "6543").strip() == f"127.0.0.1:{stack.web}"
    done = stack("port", "db", "5432")
    assert done.returncode == 2
    assert "HARNESS_STACK_DB_PORT" in done.stdout


def test_ps(stack: Checkout) -> None:
    found = stack.containers()
    assert set(found) == set(DEFAULT)
    assert all(one["health"] == "healthy" for ones in found.values() for one in ones)


def test_logs_exec_run_and_shell(stack: Checkout) -> None:
    assert "database system is ready" in stack.good("logs", "db", "--tail", "50")
    assert stack.good("exec", "db", "psql", "-Atc", "SELECT 40 + 2").strip() == "42"
    assert stack("exec", "portal", "sh", "-c", "exit 3").returncode == 3
    assert "uid=1000" in stack.good("run", "erpserver", "id")
    done = subprocess.run(
        [sys.executable, "-m", "harness", "shell", "portal"],
        cwd=stack.root, env=stack.env, input="echo it is $((6 * 7)); exit 4\n",
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "it is 42" in done.stdout
    assert done.returncode == 4


@pytest.mark.parametrize("command", ["up", "restart", "logs", "shell"])
def test_a_wrong_service(stack: Checkout, command: str) -> None:
    done = stack(command, "portla")
    assert done.returncode == 2
    assert "did you mean portal?" in done.stdout


# -- changed -------------------------------------------------------------------


def test_a_second_up_changes_nothing(stack: Checkout) -> None:
    before = [one["name"] for ones in stack.containers().values() for one in ones]
    ids = docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", *before)
    began = time.monotonic()
    stack.good("up")
    say(f"second up: {time.monotonic() - began:.1f} s")
    assert docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", *before) == ids


def test_replicas_share_the_work_and_survive_an_up(stack: Checkout) -> None:
    visitor = register(stack, f"{uuid.uuid4().hex}@example.com")
    stack.good("scale", "portal=3", "erpserver=2")
    found = stack.containers()
    assert (len(found["portal"]), len(found["erpserver"])) == (3, 2)
    names = [one["name"] for one in (*found["portal"], *found["erpserver"])]
    ids = docker("inspect", "--format", "{{.Id}}", *names)
    time.sleep(6)  # nginx asks the DNS again after 5 s
    for _ in range(30):
        # The session is good at any of them.
        assert visitor.ask("GET", "/profile")[0] == 200
        assert Tryton(stack.erp).login(stack.password)
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
    log = stack.good("logs", "nginx", "--tail", "200")
    asked = [line for line in log.splitlines() if '"GET /profile ' in line]
    for one in found["portal"]:
        addresses = docker("inspect", "--format", form, one["name"]).split()
        assert any(f" {ip}:6543 " in line for ip in addresses for line in asked), log
    stack.good("up")
    assert docker("inspect", "--format", "{{.Id}}", *names) == ids
    stack.good("scale", "portal=0")
    assert get(stack.web, "repertoire.test")[0] >= 500
    stack.good("logs", "api", "--tail", "1")
    stack.good("exec", "api", "true")
    stack.good("scale", "portal=1", "erpserver=1")
    assert len(stack.containers()["portal"]) == 1
    deadline = time.monotonic() + 30  # nginx keeps what the DNS says for 5 s
    while get(stack.web, "repertoire.test")[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_restart(stack: Checkout) -> None:
    stack.good("restart", "portal")
    deadline = time.monotonic() + 30
    while get(stack.web, "repertoire.test")[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_module_that_is_added_is_activated_after_a_backup(stack: Checkout) -> None:
    more = {"HARNESS_STACK_MODULES": "collecting_society,currency"}
    change = "UPDATE ir_module SET state = 'not activated' WHERE name = 'currency'"
    stack.good("exec", "db", "psql", "-qc", change)
    # Where there is no place for backups, nothing is changed.
    more["HARNESS_BACKUPS"] = "pyproject.toml"
    assert "no place for backups" in stack("up", **more).stdout
    state = "SELECT state FROM ir_module WHERE name = 'currency'"
    assert stack.good("exec", "db", "psql", "-Atc", state).strip() == "not activated"
    more["HARNESS_BACKUPS"] = "before-activation"
    stack.good("up", **more)
    assert stack.good("exec", "db", "psql", "-Atc", state).strip() == "activated"
    place = stack.root / "before-activation"
    assert {one.suffix for one in place.iterdir()} >= {".dump", ".tar"}
    shutil.rmtree(place)


# -- refused -------------------------------------------------------------------


def test_another_checkout_is_told_who_has_the_port(
    stack: Checkout, state: Path, tmp_path: Path
) -> None:
    other = checkout(tmp_path / "other", state)
    done = other("up", HARNESS_STACK_NGINX_PORT=str(stack.web))
    assert done.returncode == 4
    assert f"{stack.project}-nginx-1" in done.stdout
    assert "HARNESS_STACK_NGINX_PORT=" in done.stdout


def test_a_process_that_has_the_port_is_named(
    images: None, state: Path, tmp_path: Path
) -> None:
    other = checkout(tmp_path / "other", state)
    with socket.create_server(("127.0.0.1", other.erp)):
        done = other("up")
    assert done.returncode == 4
    assert f"pid {os.getpid()}" in done.stdout


def test_production_refuses_missing_and_known_secrets(
    images: None, state: Path, tmp_path: Path
) -> None:
    other = checkout(tmp_path / "other", state)
    done = other("up", "--environment", "production")
    assert done.returncode == 2
    assert "database_password is missing" in done.stdout
    place = other.root / "compose" / "secrets" / "production"
    place.mkdir()
    for name in NAMES:
        (place / name).write_text("s0secret!!\n")
        (place / name).chmod(0o600)
    done = other("up", "--environment", "production")
    assert done.returncode == 2
    assert "admin_password is shorter" in done.stdout
    assert "s0secret" not in done.stdout


def test_compose_itself_refuses_too() -> None:
    files = [f"--file={ROOT}/compose/{name}.yaml" for name in ("compose", "production")]
    done = subprocess.run(
        ["docker", "compose", *files, "up", "--no-start"],
        capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
    )  # fmt: skip
    assert done.returncode
    assert "DATABASE_PASSWORD" in done.stderr


def test_images_of_other_sources_are_refused(
    images: None, state: Path, tmp_path: Path
) -> None:
    other = checkout(tmp_path / "other", state)
    shutil.copytree(ROOT / "Dockerfiles", other.root / "Dockerfiles")
    cloned = other.root / "src" / "collecting_society"
    shutil.copytree(other.root / "examples" / "collecting_society", cloned)
    with (cloned / "pyproject.toml").open("a") as file:
        file.write("# another society's\n")
    if not docker("image", "ls", "-q", "debian:bookworm-slim"):
        pytest.skip("the base image is not there: nothing can be compared")
    done = other("up")
    assert done.returncode == 6, done.stdout
    assert "of other sources: erpserver (of collecting_society (examples" in done.stdout
    assert "harness build --variant development erpserver" in done.stdout
    assert json.loads(other.good("ps", "--json")) == []


def test_a_build_makes_the_first_database_and_a_killed_one_leaves_nothing(
    images: None, tmp_path: Path
) -> None:
    """A small one; `up` of another test restores such a dump."""
    other = checkout(tmp_path / "other", tmp_path / "state")
    shutil.copytree(ROOT / "Dockerfiles", other.root / "Dockerfiles")
    other.env["HARNESS_STACK_MODULES"] = "country"
    words = ("build", "db", "erpserver")
    dumps = tmp_path / "state" / "stack" / "dumps"
    child = subprocess.Popen(
        [sys.executable, "-m", "harness", *words],
        cwd=other.root, env=other.env, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    own = f"{derived(other.root)}-build"
    while f"{own}-initialise" not in docker("ps", "--format", "{{.Names}}"):
        assert child.poll() is None
        time.sleep(0.2)
    child.kill()
    child.wait()
    assert not [*dumps.iterdir()]
    label = f"com.docker.compose.project={own}"
    assert len(left(label)) >= 3, "its containers, their network"
    told = other.good("clean", "--dry-run")
    assert re.search(rf"container +{own}-db-1 +the run \w+ has ended", told), told
    assert "database with country, for harness up: done" in other.good(*words)
    assert [one.stat().st_mode & 0o777 for one in dumps.iterdir()] == [0o600]
    assert left(label) == []
    assert "database" not in other.good(*words), "it is kept"
    assert " has ended" not in other.good("clean", "--dry-run")


def test_missing_images_and_no_stack(state: Path, tmp_path: Path) -> None:
    other = checkout(tmp_path / "other", state)
    done = other("up", HARNESS_IMAGES_PREFIX="harness-test/none")
    assert done.returncode == 6
    assert "harness build" in done.stdout
    for words in (("ps",), ("restart",), ("scale", "portal=2"), ("shell", "portal")):
        done = other(*words)
        assert done.returncode == 2, words
        assert "harness up" in done.stdout


# -- begun again ---------------------------------------------------------------


def test_an_interrupted_beginning_is_repaired_and_nothing_is_left(
    stack: Checkout, state: Path, tmp_path: Path
) -> None:
    """`stack` has made the dump: an empty stack is up fast, and gone in the end."""
    other = checkout(tmp_path / "other", state)
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", "harness", "up"],
            cwd=other.root, env=other.env, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert child.stdout
        for line in child.stdout:
            if line.startswith("database with"):
                break
        time.sleep(1)
        child.kill()
        child.wait()
        child.stdout.close()
        names = "SELECT datname FROM pg_database"
        found = other.good("exec", "db", "psql", "-Atd", "postgres", "-c", names)
        assert "collecting_society" not in found.split()
        assert "building_collecting_society" in found.split()
        other.good("up", "erpserver")
        assert Tryton(other.erp).login(other.password)
        found = other.good("exec", "db", "psql", "-Atd", "postgres", "-c", names)
        assert "building_collecting_society" not in found.split()
        assert other("down", "--volumes").returncode == 2  # nobody to be asked
        key, public = identity(tmp_path, "key")
        asked = {"HARNESS_ENCRYPT_TO": f"development={public}"}
        told = other.good("down", "--volumes", "--yes", **asked)
        assert re.search(r"backup: \S+\.dump\.age ", told)
        [line] = re.findall(r"\.tar\.age .*, back by: (.*)", told)
        reads = line.partition(" | ")[0].replace("KEY", str(key))
        listed = subprocess.run(f"{reads} | tar -t", shell=True, capture_output=True)
        assert b"./" in listed.stdout, listed.stderr
        began = time.monotonic()
        say(other.good("up"))
        seconds = time.monotonic() - began
        say(f"up from nothing: {seconds:.1f} s")
        assert seconds < FAST * (1 + os.getloadavg()[0] / (os.cpu_count() or 1))
        assert Tryton(other.erp).login(other.password)
        assert other.password != stack.password
        project = other.project
        labelled = f"com.docker.compose.project={project}"
        everything = docker("ps", "-aq", "--filter", f"label={labelled}").split()
        ours = docker(
            "ps", "-aq", "--filter", f"label={labelled}",
            "--filter", f"label={engine.ROLE}=stack",
            "--filter", f"label={engine.STATE}",
        ).split()  # fmt: skip
        assert sorted(ours) == sorted(everything)
        other.good("scale", "portal=0")
        other.good("down")
        assert docker("volume", "ls", "-q", "--filter", f"label={labelled}")
        other.good("down", "--volumes", "--yes", "--no-backup")
        assert left(labelled) == []
    finally:
        other("down", "--volumes", "--yes", "--no-backup")
