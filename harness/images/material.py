# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build is handed: the context, its arguments, and their digest.

The context is the directory ``Dockerfiles/`` with a copy of each source: of Tryton
modules below ``sources/``, of other packages below ``packages/``; and with what the
sources and their series require.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness.images.dockerfile import Stage
from harness.model import Module, Source
from harness.series import Series

DOCKERFILE: Final = "Dockerfile"
CHECKOUT: Final = (
    "a stack (up, build) is run in a checkout of the harness, since compose/ and"
    " Dockerfiles/ are not in its wheel; if this is one:"
    " git checkout -- compose Dockerfiles"
)
"""Where a stack is, for who has none of its files."""
SKIPPED: Final = frozenset(
    {".git", ".hg", ".venv", ".tox", ".nox", ".mypy_cache", ".pytest_cache"}
    | {".ruff_cache", "__pycache__", "node_modules"}
)
"""Names in a source that no image has a use for."""
TOOLS: Final = ("pytest>=7.2,<10", "pytest-xdist>=3.8,<4", "coverage>=7.2")
"""What runs tests in images; which of them may be decided by the sources' pins."""
MADE: Final = frozenset({"build", "dist"})
"""Names in the root of a source that packaging tools make."""
PACKAGING: Final = frozenset({"pyproject.toml", "setup.py", "setup.cfg", "tryton.cfg"})
"""Files of an editable source that count: the rest is mounted over anyway."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """The files of a context: from the disk, or `texts` written for this build.

    `loose` files belong to the context, but a change in them is no reason to build.
    """

    files: Mapping[str, Path]
    texts: Mapping[str, str] = field(default_factory=dict)
    loose: frozenset[str] = frozenset()

    def below(self, paths: Iterable[str]) -> list[str]:
        """The names of all files at or below some paths of the context."""
        wanted = [path.strip("/").removeprefix("./") for path in paths]
        return sorted(
            name
            for name in {*self.files, *self.texts}
            if any(path in (".", name) or name.startswith(f"{path}/")
                   for path in wanted)
        )  # fmt: skip

    def write(self, directory: Path) -> None:
        """Write the context."""
        for name, path in self.files.items():
            target = directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            # A umask of the user must not reach the images.
            target.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
        for name, text in self.texts.items():
            target = directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
            target.chmod(0o644)


def gather(
    root: Path,
    sources: Sequence[Source],
    texts: Mapping[str, str],
    *,
    editable: bool,
    packages: Sequence[Source] = (),
) -> Material:
    """The material of a checkout's ``Dockerfiles/`` and its sources.

    `sources` are Tryton modules, `packages` are other ones.
    """
    files = {str(path.relative_to(root)): path for path in _walk(root)}
    loose = set()
    copied = [("sources", one) for one in sources]
    copied += [("packages", one) for one in packages]
    for place, source in copied:
        for path in _walk(source.path):
            inner = path.relative_to(source.path)
            name = f"{place}/{source.name}/{inner}"
            files[name] = path
            if editable and inner.name not in PACKAGING:
                loose.add(name)
    plain = {name: path for name, path in files.items() if name not in texts}
    return Material(files=plain, texts=texts, loose=frozenset(loose))


def _walk(root: Path) -> Iterator[Path]:
    for directory, below, names in os.walk(root):
        made = MADE if Path(directory) == root else frozenset()
        below[:] = sorted(
            name
            for name in below
            if name not in SKIPPED | made and not name.endswith(".egg-info")
        )
        for name in sorted(names):
            path = Path(directory, name)
            if not name.endswith(".pyc") and path.is_file():
                yield path


def requirements(
    series: Series,
    modules: Iterable[Module],
    extra: Iterable[str],
    constraints: Iterable[str],
) -> dict[str, str]:
    """What sources require, as files of the context."""
    found = list(modules)
    own = {"ir", "res", *(module.name for module in found)}
    depends = {name for module in found for name in module.depends} - own
    wanted = [
        series.driver,
        *series.requirements,
        *(f"trytond_{name}=={series.name}.*" for name in sorted(depends)),
        *extra,
    ]
    held = [*series.constraints, *constraints]
    return {
        "requirements/sources/wanted.in": "".join(f"{line}\n" for line in wanted),
        "requirements/sources/constraints.txt": "".join(f"{line}\n" for line in held),
    }


_PIN: Final = re.compile(
    r"(?:^|(?<=\s))([A-Za-z0-9][\w.-]*)(?:\[[\w,. -]*\])?(==[\w.+!-]+)(?=[\s\\;]|$)",
    re.MULTILINE,
)


def pins(text: str) -> list[str]:
    """The lines ``NAME==VERSION`` of a list of requirements, or of a Dockerfile."""
    plain = "\n".join(line.partition("#")[0] for line in text.splitlines())
    found = {name.lower(): f"{name}{version}" for name, version in _PIN.findall(plain)}
    return sorted(found.values(), key=str.lower)


def tests(
    release: Series,
    *,
    official: Iterable[str],
    extra: Iterable[str],
    extras: Mapping[str, Sequence[str]],
    pinned: Iterable[str],
) -> dict[str, str]:
    """What the image ``tests`` has more than the sources, as files of the context.

    `official` are modules of templates, `extras` those of packages by their source's
    name; what is pinned holds in all of it.
    """
    wanted = [
        *TOOLS,
        *(f"trytond_{name}=={release.name}.*" for name in sorted(set(official))),
        *extra,
    ]
    return {
        "requirements/tests/wanted.in": "".join(f"{line}\n" for line in wanted),
        "requirements/tests/constraints.txt": "".join(f"{line}\n" for line in pinned),
        "requirements/tests/extras.txt": "".join(
            f"{name}[{','.join(extras[name])}]\n" for name in sorted(extras)
        ),
    }


def digest(
    stages: Sequence[Stage],
    material: Material,
    arguments: Mapping[str, str],
    bases: Iterable[str],
) -> str:
    """Names all that makes an image: equal as long as it need not be built."""
    total = hashlib.sha256()

    def add(*parts: str) -> None:
        total.update(repr(parts).encode())

    text = "\n".join(line for stage in stages for line in stage.instructions)
    add("text", text)
    for name in sorted(arguments):
        # One that no stage names makes no difference.
        if name in text:
            add("argument", name, arguments[name])
    for base in bases:
        add("base", base)
    for name in material.below(path for stage in stages for path in stage.paths):
        if name in material.texts:
            add("file", name, _sum(material.texts[name].encode()))
        elif name not in material.loose:
            path = material.files[name]
            mode = "x" if os.access(path, os.X_OK) else "-"
            add("file", name, mode, _sum(path.read_bytes()))
    return total.hexdigest()[:32]


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
