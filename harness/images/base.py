# SPDX-License-Identifier: GPL-3.0-or-later
"""The image that all others begin with: found, pulled, or made on this machine."""

import contextlib
import re
import shlex
import shutil
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from harness import engine, proc
from harness.engine import Engine
from harness.errors import EngineError, HarnessError, ImageError, MissingTool
from harness.images import secrets, workplace
from harness.images.stream import Streams
from harness.store import write_atomically

MADE: Final = "harness.base"
"""Label of a base image that was made here: the Debian release in it."""
HERE: Final = "made here"
DATA: Final = Path(__file__).parents[1] / "data" / "bases.toml"
EPOCH: Final = "1686355200"
"""No file is newer than the release: two runs on the same packages are alike."""
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
MERGED: Final = Path("/usr/share/mmdebstrap/hooks/merged-usr")
"""Of mmdebstrap: /bin is a part of /usr before the first package is unpacked."""
PULL: Final = 600.0

NEUTRAL: Final = """\
# Debian SUITE.  No address stands here: each build brings the machine's own.
"""
"""What is left in the image, whatever it was made from."""
LEFT_OUT: Final = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)
"""As Debian's slim images leave it out."""


def pins() -> dict[str, str]:
    """The digest of each base image by name, or `HERE`."""
    tables = tomllib.loads(DATA.read_text("utf-8"))
    return {name: str(table["digest"]) for name, table in tables.items()}


def pinned(image: str, known: Mapping[str, str]) -> str:
    """The image with its digest, where that is known."""
    digest = known.get(image, HERE)
    return image if digest == HERE else f"{image}@{digest}"


def ask(
    docker: Engine, known: Mapping[str, str], *, step: Callable[[str], None]
) -> dict[str, str]:
    """The digest that the registry has now for each base image.

    Raises `ImageError` where it does not answer.
    """
    docker.require()
    found = {}
    for name in known:
        step(name)
        form = "{{.Manifest.Digest}}"
        call = ("buildx", "imagetools", "inspect", name, "--format", form)
        done = docker.run(*call, check=False)
        if done.code:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise ImageError(
                f"no registry answers for {name}: nothing has been changed",
                checked=f"{proc.line(docker.argv(*call))}: {said[-1] if said else ''}",
                remedy="run it where the registry can be reached; without one, the"
                " base image is made here: harness images base",
            )
        found[name] = done.stdout.strip()
    return found


def write(digests: Mapping[str, str]) -> None:
    """Write the digests into the data file, below its comment."""
    old = DATA.read_text("utf-8").splitlines()
    head = [line for line in old if line.startswith("#")]
    tables = [f'["{name}"]\ndigest = "{digests[name]}"' for name in digests]
    write_atomically(DATA, "\n\n".join(["\n".join(head), *tables]) + "\n")
    DATA.chmod(0o644)


def ensure(docker: Engine, image: str, *, pull: bool = False) -> str:
    """The id of the base image, pulled if it must be.

    Raises `ImageError` with the remedy where it is not to be had.
    """
    found = docker.inspect("image", image)
    labels = (found["Config"].get("Labels") or {}) if found else {}
    if found is None or (pull and MADE not in labels):
        reference = pinned(image, pins())
        try:
            docker.run("pull", "--quiet", reference, timeout=PULL)
        except HarnessError as error:
            raise _refused(image, error) from error
        if reference != image:
            docker.run("tag", reference, image)
        found = docker.inspect("image", image)
    return str(found["Id"]) if found else ""


def _refused(image: str, error: HarnessError) -> HarnessError:
    if isinstance(error, EngineError):
        return error
    # A registry has many ways of not being there; all mean the same here.
    said = (error.checked or error.message).splitlines()[-1]
    return ImageError(
        f"the base image {image} is not here and cannot be pulled",
        checked=f"docker pull {image}: {said}",
        remedy="harness images base makes it on this machine, of Debian's packages",
    )


def make(docker: Engine, image: str, suite: str, *, step: Callable[[str], None]) -> str:
    """Make the base image of a Debian release of the machine's own sources; its id.

    The name is given last: nothing half-made ever has it.
    """
    docker.require()
    program = _mmdebstrap(docker.environ)
    with workplace.opened() as place:
        archive = place / "base.tar"
        argv = [program, *_options(docker.environ, suite, place), suite, str(archive)]
        listed = secrets.sources(suite)
        if listed:
            (place / "sources.list").write_text(listed, "utf-8")
            argv.append(str(place / "sources.list"))
        _run(argv, docker.environ, place, step)
        step("importing it into the engine")
        done = docker.run(
            "import",
            "--change", f"LABEL {MADE}={suite} {engine.ROLE}=image",
            "--change", 'CMD ["bash"]',
            "--message", f"Debian {suite}, made by harness images base",
            archive, image, timeout=PULL,
        )  # fmt: skip
    return done.stdout.strip()


def _mmdebstrap(environ: Mapping[str, str]) -> str:
    program = shutil.which("mmdebstrap", path=environ.get("PATH"))
    if program is None:
        raise MissingTool(
            "mmdebstrap is not installed: it makes the base image",
            checked=f"PATH={environ.get('PATH')}",
            remedy="sudo apt-get install mmdebstrap",
        )
    return program


def _options(environ: Mapping[str, str], suite: str, place: Path) -> list[str]:
    text = NEUTRAL.replace("SUITE", suite)
    (place / "neutral.list").write_text(text, "utf-8")
    neutral = shlex.quote(str(place / "neutral.list"))
    apt = f'cp {neutral} "$1/etc/apt/sources.list"'
    hooks = [
        'rm -f "$1"/etc/apt/sources.list.d/* "$1/etc/apt/apt.conf.d/99mmdebstrap"',
        f'{apt} && chmod 644 "$1/etc/apt/sources.list"',
        'rm -rf "$1/etc/hostname" "$1/etc/resolv.conf" "$1"/var/log/*',
        'rm -f "$1"/var/cache/debconf/*-old "$1/var/cache/ldconfig/aux-cache"',
    ]
    # Debian would take the package usrmerge, and all of Perl for it (50 MB).
    options = ["--variant=minbase", "--include=ca-certificates,usr-is-merged"]
    options += [f"--hook-dir={MERGED}"] if MERGED.exists() else []
    options += [f"--dpkgopt={line}" for line in LEFT_OUT]
    options += [f"--aptopt={line}" for line in _proxies(environ)]
    if KEYRING.exists():
        options.append(f"--keyring={KEYRING}")
    return options + [f"--customize-hook={hook}" for hook in hooks]


def _proxies(environ: Mapping[str, str]) -> list[str]:
    return secrets.gather(environ, "").texts.get("apt-conf", "").splitlines()


def _run(
    argv: list[str],
    environ: Mapping[str, str],
    place: Path,
    step: Callable[[str], None],
) -> None:
    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        if line.startswith("I: "):
            step(line[3:].rstrip("."))

    env = {
        "SOURCE_DATE_EPOCH": environ.get("SOURCE_DATE_EPOCH", EPOCH),
        "DEBIAN_FRONTEND": "noninteractive",
        "TMPDIR": str(place),
    }
    streams = Streams(environ)
    with contextlib.ExitStack() as stack:
        stack.callback(streams.end)
        code = streams.run(argv, hear, env=env)
    if code:
        kept = [line for line in said if not re.match(r"I: |\s*$", line)]
        raise ImageError(
            "the base image cannot be made: mmdebstrap ended with exit code"
            f" {code}\n" + "\n".join(kept[-12:]),
            checked=proc.line(argv),
            remedy="does apt-get update work on this machine?",
        )
