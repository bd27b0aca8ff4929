# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources installed editable, without a trace in their checkouts.

What builds a package writes beside its sources.  So pip is given a mirror, in which
all files are links, and what it has written into the environment is then led to the
checkout.
"""

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from harness.discovery import packaging
from harness.model import Module

LEFT_OUT: Final = re.compile(
    r"\.(git|hg|tox|nox)|node_modules|__pycache__|.*\.egg-info"
)
BUILT: Final = ("build", "dist")
"""Left out right below a source; deeper they are packages."""
INSIDE: Final = re.compile(
    r"ext_modules|\bExtension\(|cffi|cython|maturin|meson|scikit.build|_scm|-vcs"
)
"""How packaging says that it builds beside its sources, or asks their repository."""
WRITTEN: Final = (
    "*.pth", "__editable__*.py", "_editable_impl_*.py", "*.dist-info/direct_url.json",
)  # fmt: skip
"""Where installers note in an environment what is editable."""
PROJECT: Final = """\
[build-system]
requires = ["setuptools>=64"]
build-backend = "setuptools.build_meta"
[project]
name = "trytond_{name}"
version = "{version}"
[project.entry-points."trytond.modules"]
{name} = "trytond.modules.{name}"
[tool.setuptools]
packages = ["trytond.modules.{name}"]
package-dir = {{"trytond.modules.{name}" = "{inside}"}}
"""
"""For a module without packaging, which people link into trytond."""


def mirror(checkout: Path, module: Module | None, place: Path) -> Path:
    """What pip is to install for a checkout: a mirror at `place`, or itself."""
    file = packaging.installs(checkout)
    if not file and module is None:
        return checkout
    if file and INSIDE.search((checkout / file).read_text("utf-8", "replace")):
        return checkout
    _link(checkout, place)
    for name in BUILT:
        shutil.rmtree(place / name, ignore_errors=True)
    if not file:
        assert module is not None
        inside = module.path.relative_to(checkout).as_posix()
        text = PROJECT.format(
            name=module.name, version=module.version or "0", inside=inside
        )
        (place / "pyproject.toml").unlink(missing_ok=True)
        (place / "pyproject.toml").write_text(text, "utf-8")
    return place


def _link(source: Path, place: Path) -> None:
    place.mkdir(parents=True)
    for one in source.iterdir():
        if LEFT_OUT.fullmatch(one.name) or (one / "pyvenv.cfg").exists():
            continue
        if one.is_dir() and not one.is_symlink():
            _link(one, place / one.name)
        else:
            (place / one.name).symlink_to(one)


def lead(site: Path, mirrors: Mapping[Path, Path]) -> None:
    """What was installed from mirrors comes from the checkouts from now on.

    `mirrors` has them by their checkouts.
    """
    for file in (one for pattern in WRITTEN for one in site.glob(pattern)):
        text = led = file.read_text("utf-8")
        for checkout, place in mirrors.items():
            for name in (str(place), os.path.realpath(place)):  # installers resolve it
                led = led.replace(name, str(checkout))
        if led != text:
            file.write_text(led, "utf-8")
            for old in site.glob(f"__pycache__/{file.stem}.*.pyc"):
                old.unlink()  # it may be as old and as long as the new text


def name(site: Path, modules: Iterable[Module | None]) -> None:
    """Have modules found by their names in directories of another name.

    Series that use ``pkg_resources`` look for a module's files beside its checkout.
    """
    for one in modules:
        if one and one.path.name != one.name:
            place = site / "trytond" / "modules" / one.name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            place.symlink_to(one.path)
