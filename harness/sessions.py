# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of Nox for any noxfile: ``from harness import sessions; sessions.add(…)``.

Each hands what follows ``--`` to ``harness`` as it is.  It runs in the Python that
runs Nox where that has all that the command line needs, else in an environment that
Nox makes once.
"""

import json
import logging
import sys
from importlib import metadata
from importlib.util import find_spec
from typing import Final

import nox

from harness import __version__

# nox looks for uv where nobody has asked for it, and says that it is not there.
logging.getLogger("nox").addFilter(lambda record: not str(record.msg).startswith("uv "))
NEEDED: Final = (
    "harness", "psycopg", "jinja2", "coverage", "rich", "testcontainers",
)  # fmt: skip
HERE: Final = all(map(find_spec, NEEDED))
"""Whether Nox's own Python can run the harness."""
NAME: Final = "collecting-society-harness"
COMMANDS: Final = {
    "gate": "What a merge needs, by what changed: -- [--full] [--only NAME] [--list].",
    "watch": "The tests that each save concerns: -- [SUITE] [WORDS] [pytest options].",
    "build": "The images of the services: -- [SERVICE ...] [--no-cache] [--pull].",
    "manage": "Any command of the harness: -- up, urls, doctor, clean, ...",
}
"""Sessions that are a command; each with its help."""
OWN: Final = {
    "tryton": "Tests of Tryton modules: -- [MODULE ...] [--series S] [pytest options].",
    "integration": "In a browser: -- [--browser WHERE] [--headed] [pytest options].",
}
"""Help of suites that are called as their session is."""
APART: Final = frozenset({"watch", "manage"})
"""Sessions that do not end by themselves, or do nothing without a word: neither ``nox``
alone nor a tag runs them."""
SUITE: Final = "_tests"
"""``portal_tests`` is the suite ``portal``."""


def package() -> str:
    """What pip is to install, from where this one came: from no index, as yet."""
    try:
        said = metadata.distribution(NAME).read_text("direct_url.json") or "{}"
    except metadata.PackageNotFoundError:
        said = "{}"
    url = json.loads(said).get("url")
    return f"{NAME}[cli] @ {url}" if url else f"{NAME}[cli]=={__version__}"


def add(*names: str, install: tuple[str, ...] = (), here: bool = HERE) -> None:
    """Add sessions: ``tryton``, ``integration``, ``NAME_tests`` for the suite NAME,
    ``watch``, ``gate``, ``build``, ``manage``.

    `install` is what pip is given where Nox has to make an environment, because not all
    is `here`: else this `package`.  Suites have the tag ``tests``, all that ends by
    itself has ``harness``.  Raises ValueError for a name that is none of these.
    """
    for name in names:
        _add(name, install, here=here)


def _add(name: str, install: tuple[str, ...], *, here: bool) -> None:
    suite = name.removesuffix(SUITE)
    words: tuple[str, ...] = (name,)
    tags = [] if name in APART else ["harness"]
    if name in COMMANDS:
        text = COMMANDS[name]
    elif name in OWN or suite != name:
        words = ("test", suite)
        tags.append("tests")
        text = OWN.get(name, f"The suite {suite}: -- [PART|ADDRESS ...] [options].")
    else:
        known = ", ".join([*OWN, f"NAME{SUITE}", *COMMANDS])
        raise ValueError(f"{name!r} is no session of the harness: {known}")

    def function(session: nox.Session) -> None:
        program = python(session, *(install or (package(),)), here=here)
        given = [*(one for one in words if one != "manage"), *session.posargs]
        run(session, program, "-m", "harness", *given)

    function.__doc__ = text
    nox.session(
        name=name,
        venv_backend="none" if here else None,
        reuse_venv=True,
        tags=tags,
        default=name not in APART,
    )(function)


def python(session: nox.Session, *install: str, here: bool = HERE) -> str:
    """The Python that has the harness."""
    if here:
        return sys.executable
    session.install("--quiet", *install)
    return "python"


def run(session: nox.Session, *words: str, env: dict[str, str] | None = None) -> None:
    """Run a program that tidies up, and reports, when it is interrupted.

    Nox kills half a second after Ctrl-C else.
    """
    session.run(
        *words, env=env, external=True, interrupt_timeout=10.0, terminate_timeout=10.0
    )
