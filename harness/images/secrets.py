# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build must know of the machine, and no layer may: where packages come from.

The machine's Debian sources and proxies, its package index, its certificates.
They are handed to BuildKit as build secrets, which no layer ever holds.
"""

import ast
import contextlib
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness import proc
from harness.errors import HarnessError

ETC: Final = Path("/etc/apt")
CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
BUNDLES: Final = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
PROXIES: Final = ("http_proxy", "https_proxy", "no_proxy", "ftp_proxy", "all_proxy")
PIP: Final = frozenset(
    {"index-url", "extra-index-url", "find-links", "trusted-host", "proxy"}
    | {"timeout", "default-timeout", "retries", "no-index"}
)
"""Settings of pip that say where packages come from."""

_ONE_LINE: Final = re.compile(
    r"deb\s+(\[(?P<options>[^\]]*)\]\s+)?(?P<address>\S+)\s+"
    r"(?P<release>\S+)\s+(?P<components>.+)"
)


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """The secrets by id: texts, and the certificates' file (None for none)."""

    texts: Mapping[str, str]
    certificates: Path | None

    def write(self, directory: Path) -> list[str]:
        """Write them for this user only; the options of ``docker build``."""
        options: list[str] = []
        for name, text in self.texts.items():
            path = directory / name
            path.touch(mode=0o600)
            path.write_text(text, "utf-8")
            options += ["--secret", f"id={name},src={path}"]
        if self.certificates:
            options += ["--secret", f"id=ca,src={self.certificates}"]
        return options


def gather(environ: Mapping[str, str], suite: str) -> Secrets:
    """This machine's; `suite` is the Debian release of the images."""
    texts = {
        "apt": sources(suite),
        "apt-conf": proxies(_output(["apt-config", "dump"], environ)),
        "pip": index(_output([sys.executable, "-m", "pip", "config", "list"], environ)),
    }
    named = [environ[name] for name in BUNDLES if environ.get(name)]
    paths = [*map(Path, named), CERTIFICATES]
    bundle = next((path for path in paths if path.is_file()), None)
    return Secrets(
        texts={name: text for name, text in texts.items() if text}, certificates=bundle
    )


def arguments(environ: Mapping[str, str]) -> list[str]:
    """Proxies of the environment, by arguments that BuildKit knows and forgets."""
    names = [name for one in PROXIES for name in (one, one.upper())]
    return [
        part for name in names if environ.get(name) for part in ("--build-arg", name)
    ]


def sources(suite: str, etc: Path = ETC) -> str:
    """The machine's sources of a Debian release, one a line; empty without any."""
    lines: list[str] = []
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if path.suffix == ".list":
                lines += one_line(path.read_text("utf-8"), suite)
            elif path.suffix == ".sources":
                lines += stanzas(path.read_text("utf-8"), suite)
    return "".join(f"{line}\n" for line in lines)


def one_line(text: str, suite: str) -> Iterator[str]:
    """Debian's sources in a file of the one-line kind, without options."""
    for line in text.splitlines():
        found = _ONE_LINE.match(line.strip())
        if not found or not _of(found["release"], suite):
            continue
        key = re.search(r"signed-by=(\S+)", found["options"] or "", re.I)
        if _debian(key[1] if key else ""):
            components = found["components"].partition("#")[0].split()
            yield " ".join(["deb", found["address"], found["release"], *components])


def stanzas(text: str, suite: str) -> Iterator[str]:
    """Debian's sources in a file of the deb822 kind, as lines."""
    for stanza in re.split(r"\n\s*\n", text):
        joined = re.sub(r"\n[ \t]+", " ", re.sub(r"(?m)^#.*\n?", "", stanza))
        pairs = (line.partition(":")[::2] for line in joined.splitlines())
        found = {name.strip().lower(): value.strip() for name, value in pairs}
        if found.get("enabled", "yes").lower() == "no":
            continue
        if "deb" in found.get("types", "").split() and _debian(
            found.get("signed-by", "")
        ):
            for address in found.get("uris", "").split():
                for release in found.get("suites", "").split():
                    if _of(release, suite):
                        yield f"deb {address} {release} {found.get('components', '')}"


def _of(release: str, suite: str) -> bool:
    kinds = r"(-updates|-security|-backports)?(/updates)?"
    return re.fullmatch(re.escape(suite) + kinds, release) is not None


def _debian(key: str) -> bool:
    """Whether a source is signed by a key that the images have."""
    return not key or "debian-archive" in key


def proxies(text: str) -> str:
    """The lines of apt's configuration that say how to reach the network."""
    kept = re.compile(r'Acquire::(?:https?|ftp)::(?:[^ ]*::)?Proxy(?:::\S+)? ".+";')
    return "".join(f"{line}\n" for line in text.splitlines() if kept.fullmatch(line))


def index(text: str) -> str:
    """A configuration of pip from what ``pip config list`` says.

    Places on this machine's disk are left out: no build can see them.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, _, quoted = line.partition("=")
        key = name.rpartition(".")[2].replace("_", "-")
        if key in PIP:
            with contextlib.suppress(SyntaxError, ValueError):
                value = _reachable(str(ast.literal_eval(quoted)).split())
                if value:
                    found[key.removeprefix("default-")] = value
    lines = [f"{key} = {found[key]}" for key in sorted(found)]
    return "\n".join(["[global]", *lines, ""]) if lines else ""


def _reachable(values: Iterable[str]) -> str:
    return " ".join(
        value for value in values if not value.startswith(("/", "file:", "~"))
    )


def _output(argv: list[str], environ: Mapping[str, str]) -> str:
    """What a command says; nothing where it is not there or fails."""
    if shutil.which(argv[0], path=environ.get("PATH")) is None:
        return ""
    try:
        return proc.run(argv, env=environ, check=False, timeout=20).stdout
    except HarnessError:
        return ""
