# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine at the end of ssh: of this machine, which the harness cannot know.

All that people do with a stack goes there; what another machine has not (a program of a
template) is handed over.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from harness.engine import Engine
from harness.stack.project import DEFAULT
from tests.integration.checkouts import PREFIX, ROOT, Checkout, checkout, docker, free
from tests.integration.conftest import environment
from tests.integration.machines import keyed
from tests.weekly import WEEKLY

WITHOUT = Engine(dict(os.environ)).why_not()
pytestmark = [
    pytest.mark.skipif(
        bool(WITHOUT) and not os.environ.get("CI"),
        reason=f"no Docker engine: {WITHOUT}",
    ),
    WEEKLY,
]
FILL = """
import os, psycopg2, urllib.parse as u
uri = u.urlsplit(os.environ["TRYTOND_DATABASE_URI"])
name = os.environ["DB_NAME"]
made = psycopg2.connect(host=uri.hostname, user=uri.username, dbname=name)
made.cursor().execute(
    "INSERT INTO party_party (code, active) VALUES (%s, true)",
    (open("code.txt").read(),),
)
made.commit()
"""
TABLE = """
[tool.harness.template.filled]
modules = ["collecting_society"]
command = ["python3", "fill.py"]
directory = "filling"
reads = ["filling"]
"""


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables that name the engine."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    sshd = shutil.which("sshd", path=path)
    if sshd is None or os.getuid():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no sshd, or not root")
    place = tmp_path_factory.mktemp("ssh")
    keyed(place, there="127.0.0.1", port=free())
    Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen([sshd, "-D", "-e", "-f", place / "sshd_config"])
    env = {
        "DOCKER_HOST": "ssh://there",
        "PATH": f"{place / 'bin'}:{os.environ['PATH']}",
    }
    try:
        deadline = time.monotonic() + 20
        while Engine({**os.environ, **env}).why_not():
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield env
    finally:
        server.terminate()
        server.wait()


def removed(prefix: str) -> None:
    """All names of images that begin so: those that `up` keeps, too."""
    form = ("--format", "{{.Repository}}:{{.Tag}}")
    for name in docker("images", "--filter", f"reference={prefix}/*", *form).split():
        docker("rmi", name)


def test_images_are_built_there(
    far: dict[str, str], state: Path, tmp_path: Path
) -> None:
    name = f"far-{os.getpid()}"
    env = environment(state, HARNESS_IMAGES_PREFIX=name, **far)
    made = checkout(tmp_path / "main", env)
    shutil.copytree(ROOT / "Dockerfiles", made.root / "Dockerfiles")
    try:
        assert "1 built" in made.good("build", "nginx", "--variant", "production")
        assert "0 built" in made.good("build", "nginx", "--variant", "production")
        assert docker("images", "--quiet", f"{name}/nginx:production")
    finally:
        removed(name)


@pytest.fixture
def staging(
    images: None, far: dict[str, str], state: Path, tmp_path: Path
) -> Iterator[Checkout]:
    """Its first database is a template's with a program; images as they are here."""
    prefix = f"far-{os.getpid()}"
    names = [f"{prefix}/{one}:production" for one in DEFAULT]
    for service, name in zip(DEFAULT, names, strict=True):
        docker("tag", f"{PREFIX}/{service}:development", name)
    env = environment(
        state, HARNESS_IMAGES_PREFIX=prefix, HARNESS_STACK_ENVIRONMENT="staging",
        HARNESS_STACK_TEMPLATE="filled", HARNESS_STACK_TIMEOUT="400", **far,
    )  # fmt: skip
    made = checkout(tmp_path / "main", env)
    with (made.root / "pyproject.toml").open("a") as file:
        file.write(TABLE)
    filling = made.root / "filling"
    filling.mkdir()
    (filling / "fill.py").write_text(dedent(FILL))
    (filling / "code.txt").write_text("from-here")
    made.good("secrets", "init")
    for name, text in (
        ("secrets/staging/portal_smtp", "smtp://me:hush-hush@127.0.0.1:9"),
        ("env/local/portal.env", "PORTAL_MAIL_FROM=portal@example.org"),
    ):
        path = made.root / "compose" / name
        path.write_text(f"{text}\n")
        path.chmod(0o600)
    try:
        yield made
    finally:
        made("down", "--volumes", "--yes", "--force", "--no-backup")
        removed(prefix)


def test_a_stack_there_is_used_as_one_here(staging: Checkout, tmp_path: Path) -> None:
    line = f"ssh -L {staging.web}:127.0.0.1:{staging.web} -L"
    assert line in staging.good("up")
    found = staging.containers()
    assert {one["health"] for all_ in found.values() for one in all_} == {"healthy"}
    rows = "SELECT count(*) FROM party_party WHERE code = 'from-here'"

    def count() -> str:
        words = ("db", "psql", "--on", "stack", "-c", rows, "--", "-At")
        return staging.good(*words).strip()

    assert count() == "1"
    dump = str(tmp_path / "x.dump")
    staging.good("db", "backup", "--on", "stack", "-o", dump)
    gone = ("db", "psql", "--on", "stack", "-c")
    staging.good(*gone, "DELETE FROM party_party WHERE code = 'from-here'")
    assert count() == "0"
    staging.good("db", "restore", "--on", "stack", "--yes", dump)
    assert count() == "1"
    assert "waitress" in staging.good("logs", "portal")
    done = subprocess.run(
        [sys.executable, "-m", "harness", "shell", "portal"], cwd=staging.root,
        env=staging.env, input="echo of $SERVICE\n", capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert re.search("^of portal$", done.stdout, re.MULTILINE), done
