# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages are installed by uv where it is there, in less time, else by pip.

uv is asked only where it knows all that pip is configured with; it looks at all indexes
as pip does, and what fails with it is tried again by pip, whose words are explained.
"""

import ast
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from harness import proc
from harness.errors import CommandFailed

QUIET: Final = ("--quiet", "--disable-pip-version-check", "--no-input")
WAYS: Final = {"PIP_USE_PEP517": "1"}
"""As newer pips do always: else one before 25.3, as Debian's, leaves the link to a
source that has no pyproject.toml in a file of its own kind."""
EMPTY: Final = re.compile(r"\(from versions: none\)|ResolutionImpossible")
"""What pip says of an index that has nothing, the second with constraints."""
UNREAD: Final = "Could not fetch URL"
PROBE: Final = "pip"
"""A package that each index of packages has."""
NAMES: Final = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "constraint": "UV_CONSTRAINT",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
}
"""What of pip's configuration is called for uv, by its reference."""
SECTIONS: Final = ("global", "install", ":env:")
"""Those that count for ``pip install``, the last most."""
SHOWN: Final = frozenset(
    {"disable-pip-version-check", "no-color", "no-input", "progress-bar", "quiet",
     "retries", "root-user-action", "verbose", "cache-dir", "no-warn-script-location",
     "require-virtualenv"}
)  # fmt: skip
"""What changes nothing of what is installed."""


class PackageInstaller:
    """Installs into environments; `environ` is that of its programs."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ

    def install(
        self,
        python: Path,
        words: Sequence[str | Path],
        *,
        constraints: Path | None = None,
    ) -> None:
        """Install requirements, and ``--editable`` ones, into the Python's environment.

        The constraints hold for what builds them, too.
        Raises `CommandFailed` with pip's words.
        """
        held: list[str | Path] = ["--constraint", constraints] if constraints else []
        if self._uv and self._by_uv(self._uv, python, [*held, *words], constraints):
            return
        own = {"PIP_CONSTRAINT": str(constraints)} if constraints else {}
        argv = [str(python), "-m", "pip", "install"]
        env = {**WAYS, **self.environ, **own}
        try:
            proc.run([*argv, *QUIET, *held, *words], env=env)
        except CommandFailed as error:
            if not EMPTY.search(error.message):
                raise
            # Without retries pip says nothing of an index that it cannot reach.
            asked = ("--dry-run", "--ignore-installed", "--no-deps", "-vv", PROBE)
            said = proc.run([*argv, *asked], env=self.environ, check=False)
            why = [one for one in said.stdout.splitlines() if UNREAD in one]
            more = why if said.code else []
            raise CommandFailed("\n".join([error.message, *more])) from error

    def freeze(self, python: Path) -> str:
        """All that is installed, a line each."""
        if self._uv:
            words = (
                "pip",
                "list",
                "--quiet",
                "--format=freeze",
                "--python",
                str(python),
            )
            return proc.run([self._uv, *words], env=self.environ).stdout
        argv = [str(python), "-m", "pip", "freeze", "--all"]
        return proc.run(argv, env=self.environ).stdout

    @cached_property
    def _uv(self) -> Path | None:
        beside = Path(sys.executable).with_name("uv")
        found = shutil.which("uv", path=self.environ.get("PATH"))
        return Path(found) if found else beside if beside.exists() else None

    def _by_uv(
        self, uv: Path, python: Path, words: list[str | Path], constraints: Path | None
    ) -> bool:
        """Whether uv was asked, and could do it."""
        listed = (str(python), "-m", "pip", "config", "list")
        own = told(proc.run(listed, env=self.environ, check=False).stdout)
        if own is None:
            return False
        if constraints:
            own |= {"UV_BUILD_CONSTRAINT": str(constraints)}
            own.pop("UV_CONSTRAINT", None)  # as PIP_CONSTRAINT wins over a file's
        env = {"UV_INDEX_STRATEGY": "unsafe-best-match", **own, **self.environ}
        # No hard links: what a developer changes in one environment stays there.
        options = ("--quiet", "--compile-bytecode", "--link-mode", "copy")
        try:
            proc.run(
                [uv, "pip", "install", *options, "--python", python, *words], env=env
            )
        except CommandFailed:
            return False
        return True


def told(listed: str) -> dict[str, str] | None:
    """uv's variables for what ``pip config list`` says; none where it knows less."""
    found: dict[str, str] = {}
    for section in SECTIONS:
        for line in listed.splitlines():
            place, equals, value = line.partition("=")
            head, _, name = place.rpartition(".")
            if head != section or not equals or name in SHOWN:
                continue
            if name not in NAMES:
                return None
            try:
                text = str(ast.literal_eval(value))
            except (SyntaxError, ValueError):
                return None
            separator = "," if name == "find-links" else " "
            found[NAMES[name]] = separator.join(text.split())
    return found
