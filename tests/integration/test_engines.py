# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine of another machine: by TLS, by ssh, by a context; and a swarm on it.

It has a network of its own, and of this machine's files the system alone.  (Without the
first, an engine that is told to have no bridge takes away the one of its neighbour.)
"""

import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from harness.engine import Engine
from harness.stack.project import DEFAULT
from tests.integration.checkouts import PREFIX, Checkout, checkout
from tests.integration.conftest import Interpreter, environment
from tests.integration.machines import keyed, linked
from tests.unit.stack import test_kubernetes
from tests.weekly import WEEKLY

NEEDED = (
    "docker", "dockerd", "ssh", "ssh-keygen", "sshd", "ip", "iptables", "unshare",
    "nsenter", "openssl",
)  # fmt: skip
HERE, THERE = "10.254.78.1", "10.254.78.2"
PORT = 2376


def why_not() -> str:
    """Why there can be no other engine here."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = [name for name in NEEDED if shutil.which(name, path=path) is None]
    if missing:
        return f"{', '.join(missing)} missing"
    return "only root can make network namespaces" if os.getuid() else ""


@dataclass
class Machine:
    """The other one: how its engine is named, each a set of variables."""

    place: Path

    def by_tls(self, whose: str) -> dict[str, str]:
        return {
            "DOCKER_HOST": f"tcp://{THERE}:{PORT}",
            "DOCKER_TLS_VERIFY": "1",
            "DOCKER_CERT_PATH": str(self.place / whose),
        }

    @property
    def by_ssh(self) -> dict[str, str]:
        path = f"{self.place / 'bin'}:{os.environ['PATH']}"
        return {"DOCKER_HOST": "ssh://there", "PATH": path}

    @property
    def by_context(self) -> dict[str, str]:
        return {"DOCKER_CONFIG": str(self.place / "docker")}


def certificates(place: Path) -> None:
    """Of one authority: its own, the engine's, a client's; and a stranger's."""
    script = """\
    new() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "$@"; }
    mkdir good wrong
    new -x509 -days 2 -subj /CN=ca -keyout ca.key -out good/ca.pem
    for one in there good; do
        mkdir -p $one
        new -subj /CN=$one -keyout $one/key.pem -out $one.csr
        openssl x509 -req -in $one.csr -CA good/ca.pem -CAkey ca.key -CAcreateserial \\
            -days 2 -extfile names -out $one/cert.pem
    done
    new -x509 -days 2 -subj /CN=other -keyout wrong/key.pem -out wrong/cert.pem
    cp good/ca.pem wrong/ca.pem
    """
    names = f"subjectAltName=IP:{THERE}\nextendedKeyUsage=serverAuth,clientAuth\n"
    (place / "names").write_text(names)
    words = ["sh", "-ec", dedent(script)]
    subprocess.run(words, cwd=place, check=True, capture_output=True)


def programs(place: Path) -> str:
    """The script of the machine: sshd, and an engine, both where they always are."""
    keyed(place, there=THERE)
    return f"""\
    mount --make-rprivate /
    for one in /tmp /dev/shm /run; do mount -t tmpfs -o mode=1777 none $one; done
    mkdir /run/sshd
    ip link set lo up
    $(command -v sshd) -e -f {place}/sshd_config
    exec dockerd --data-root {place}/data --exec-root /run/docker \\
        --pidfile /run/docker.pid --host unix:///var/run/docker.sock \\
        --host tcp://{THERE}:{PORT} --tlsverify --tlscacert {place}/good/ca.pem \\
        --tlscert {place}/there/cert.pem --tlskey {place}/there/key.pem
    """


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    reason = why_not()
    if reason and os.environ.get("CI"):
        pytest.fail(f"CI has no other engine: {reason}")
    if reason:
        pytest.skip(reason)
    name = f"he{os.getpid()}"
    place = Path(tempfile.mkdtemp(prefix="harness-engine-", dir="/var/tmp"))
    made = Machine(place=place)
    certificates(place)
    log = (place / "log").open("wb")
    script = ["unshare", "-m", "-u", "sh", "-ec", dedent(programs(place))]
    # Not by `ip netns exec`, which hides control groups.
    inside = ["nsenter", f"--net=/run/netns/{name}", *script]
    try:
        with linked(name, here=HERE, there=THERE):
            server = subprocess.Popen(inside, stdout=log, stderr=log)
            try:
                answering(server, {**os.environ, **made.by_tls("good")}, place / "log")
                yield made
            finally:
                server.terminate()
                server.wait()
    finally:
        log.close()
        shutil.rmtree(place)


def answering(
    server: "subprocess.Popen[bytes]", env: dict[str, str], log: Path
) -> None:
    """Wait until the engine answers."""
    deadline = time.monotonic() + 60
    asked = ["docker", "version"]
    while subprocess.run(asked, env=env, capture_output=True, check=False).returncode:
        late = server.poll() is not None or time.monotonic() > deadline
        assert not late, log.read_text()[-2000:]
        time.sleep(0.2)


def docker(where: dict[str, str], *words: str, given: bytes = b"") -> str:
    env = {**os.environ, **where}
    argv = ["docker", *words]
    done = subprocess.run(argv, env=env, input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture(scope="module")
def project(
    machine: Machine, state: Path, tmp_path_factory: pytest.TempPathFactory
) -> Checkout:
    """A checkout; the other engine has images of all names, with nothing in them."""
    far = machine.by_tls("good")
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    docker(far, "import", "--change=LABEL a=b", "-", "empty", given=empty.getvalue())
    for service in DEFAULT:
        for variant in ("development", "production"):
            docker(far, "tag", "empty", f"{PREFIX}/{service}:{variant}")
    return checkout(tmp_path_factory.mktemp("far") / "main", environment(state))


def reached(where: dict[str, str]) -> Engine:
    return Engine({**os.environ, **where})


def test_it_is_found_by_tls_by_ssh_and_by_a_context(
    machine: Machine, project: Checkout
) -> None:
    place = machine.place / "good"
    words = f"host=tcp://{THERE}:{PORT},ca={place}/ca.pem,cert={place}/cert.pem"
    own = machine.by_context
    docker(own, "context", "create", "far", "--docker", f"{words},key={place}/key.pem")
    docker(own, "context", "use", "far")
    for where, address in (
        (machine.by_tls("good"), f"tcp://{THERE}:{PORT}"),
        (machine.by_ssh, "ssh://there"),
        (own, f"tcp://{THERE}:{PORT}"),
    ):
        assert reached(where).inspect("image", "empty")
        assert reached(where).elsewhere() == address
    done = project("doctor", "--json", **own)
    found = {one["check"]: one for one in json.loads(done.stdout)}
    assert found["docker engine"]["status"] == "ok"
    assert found["docker engine"]["found"].endswith(f" at tcp://{THERE}:{PORT}")
    assert found["docker disk"]["found"] == "the engine is not on this machine"


def test_what_is_wrong_with_it_is_said(machine: Machine, project: Checkout) -> None:
    """A certificate of others, nobody there, files that it has not."""
    trusted = "do not take each other's certificates"
    assert trusted in str(reached(machine.by_tls("wrong")).why_not())
    nobody = reached({"DOCKER_HOST": f"tcp://{THERE}:9"}).why_not()
    assert nobody == "the Docker engine of another machine does not answer"
    done = project("up", "--environment", "development", **machine.by_ssh)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "the engine at ssh://there has not the files of this machine" in done.stdout
    assert f"in place of {project.root / 'compose'}" in done.stdout
    assert not docker(machine.by_tls("good"), "ps", "--all", "--quiet")


@WEEKLY
@pytest.mark.usefixtures("images")
def test_production_is_up_there(machine: Machine, state: Path, tmp_path: Path) -> None:
    """Its images are brought; nothing of this machine is mounted."""
    far, near = machine.by_tls("good"), dict(os.environ)
    names = {one: f"far-{os.getpid()}/{one}:production" for one in DEFAULT}
    for service, name in names.items():
        docker(near, "tag", f"{PREFIX}/{service}:development", name)
    save, load = (["docker", "save", *names.values()], ["docker", "load", "--quiet"])
    try:
        with subprocess.Popen(save, stdout=subprocess.PIPE) as saved:
            subprocess.run(load, stdin=saved.stdout, env={**near, **far}, check=True)
    finally:
        docker(near, "rmi", *names.values())
    env = environment(
        state, HARNESS_IMAGES_PREFIX=f"far-{os.getpid()}", HARNESS_STACK_TIMEOUT="600",
        HARNESS_STACK_ENVIRONMENT="production", **far,
    )  # fmt: skip
    made = checkout(tmp_path / "main", env)
    made.good("secrets", "init")
    for name, text in (
        ("secrets/production/portal_smtp", "smtp://me:hush-hush@127.0.0.1:9"),
        ("env/local/portal.env", "PORTAL_MAIL_FROM=portal@example.org"),
    ):
        path = made.root / "compose" / name
        path.write_text(f"{text}\n")
        path.chmod(0o600)
    local = made.root / "compose" / "local.yaml"
    local.write_text("services: {api: {volumes: ['./env:/env:ro']}}\n")
    done = made("up")
    assert (done.returncode, "compose/env in api" in done.stdout) == (4, True), done
    local.unlink()
    line = f"ssh -L {made.web}:127.0.0.1:{made.web} -L"
    try:
        assert line in made.good("up")
        made.good("scale", "portal=2")
        found = made.containers()
        assert {one["health"] for all_ in found.values() for one in all_} == {"healthy"}
        assert set(found) == set(DEFAULT)
        assert line in made.good("urls")
        dump = str(tmp_path / "x.dump")
        made.good("db", "backup", "--on", "stack", "-o", dump)
        assert "comes back whole" in made.good("db", "verify", "--on", "stack", dump)
    finally:
        made("down", "--volumes", "--yes", "--force", "--no-backup")


def test_a_swarm_takes_what_is_exported(machine: Machine, project: Checkout) -> None:
    far = machine.by_tls("good")
    project.good("secrets", "init", "--environment", "production")
    file = machine.place / "stack.yaml"
    words = ("--environment", "production", "--output", str(file))
    said = project.good("stack", "export", *words)
    docker(far, "swarm", "init", "--advertise-addr", THERE)
    node = docker(far, "node", "ls", "--quiet").strip()
    script = "".join(
        f"{line.replace('NODE', node)}\n"
        for line in said.splitlines()
        if line.startswith(("docker", "printf"))
    )
    env = {**os.environ, **far}
    done = subprocess.run(
        ["sh", "-ec", script], cwd=project.root, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = docker(far, "service", "ls", "--format", "{{.Name}}").split()
    assert {one.rpartition("_")[2] for one in found} == set(DEFAULT)
    docker(far, "swarm", "leave", "--force")


def test_what_kubernetes_takes(
    machine: Machine, project: Checkout, interpreter: Interpreter
) -> None:
    """Its users, ports and checks are of the images, which are there."""
    # It has the schemas, 100 MB: too much for the environment of who only develops.
    validate = interpreter("kubernetes-validate>=1.37").with_name("kubernetes-validate")
    far, file = machine.by_tls("good"), machine.place / "pods.yaml"
    words = ("--format", "kubernetes", "--environment", "production", "-o", str(file))
    project.good("secrets", "init", "--environment", "production")
    said = project.good("stack", "export", *words, **far)
    given, _ = test_kubernetes.made()
    more = machine.place / "more.yaml"
    more.write_text("\n---\n".join(map(json.dumps, given)))
    judge = [validate, "--strict", "--kubernetes-version=1.31", file, more]
    done = subprocess.run(judge, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [json.loads(one) for one in file.read_text().split("---\n")]
    pods = [one for one in found if one["kind"] in ("Deployment", "StatefulSet")]
    assert {one["metadata"]["name"] for one in pods} == {*DEFAULT} - {"nginx"}
    texts = (project.root / "compose/secrets/production").iterdir()
    assert not [one for one in texts if one.read_text().strip() in file.read_text()]
    assert f"apply --filename {file}" in said
    done = project("stack", "export", *words)
    assert (done.returncode, "harness build" in done.stdout) == (6, True)
