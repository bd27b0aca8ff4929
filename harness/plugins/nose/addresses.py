# SPDX-License-Identifier: GPL-3.0-or-later
"""nose's addresses: ``file.py:Class.method``, ``dotted.module:function``.

They become those of pytest; what leads nowhere is named, with what is near to it.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any, Iterable, Iterator

import pytest

from harness.plugins.nose import rules
from harness.plugins.nose.state import of

DOTTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
INIT = "__init__.py"
SEEN = 5000
"""Files looked at for one with a similar name."""


class Wrong(ValueError):
    """An address that leads nowhere."""


def translate(text: str, where: Path) -> str:
    """The address as pytest has it: ``path::Class::method``."""
    if "::" in text or (where / text).exists():
        return text
    head, tail = os.path.split(text)
    if tail.count(":") > 1:
        raise Wrong(
            f"the address {text} cannot be read\n"
            "checked: colons; there may be one, between a file or module and a name\n"
            "to mend it: write file.py:Class.method"
        )
    file, _, names = tail.partition(":")
    base = os.path.join(head, file)
    path = _find(base, where)
    if path is None:
        raise Wrong(_missing(text, base, where))
    if not names:
        return str(path)
    steps = names.split(".")
    if path.is_dir():
        path = path / INIT
        if not hasattr(pytest, "Directory"):
            steps.insert(0, INIT)  # before pytest 8, a module in a package of its name
    return "::".join([str(path), *steps])


def _find(base: str, where: Path) -> Path | None:
    """The file, directory or module that is meant."""
    path = where / base
    if path.exists():
        return path
    if not DOTTED.fullmatch(base) or base.endswith(".py"):
        return None
    near = where.joinpath(*base.split("."))
    if rules.package(near):
        return near
    if near.with_suffix(".py").is_file():
        return near.with_suffix(".py")
    return _import_path(base, where)


def _import_path(name: str, where: Path) -> Path | None:
    """Where a module comes from that can be imported."""
    sys.path.insert(0, str(where))
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
    finally:
        sys.path.remove(str(where))
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def _missing(text: str, base: str, where: Path) -> str:
    dotted = DOTTED.fullmatch(base) and not base.endswith(".py")
    kind = "module or file" if dotted else "file"
    colon = _with_colon(text, where) if dotted and ":" not in text else ""
    near = colon or _near_file(base, where)
    tail = text[len(base) :] if not colon else ""
    return _text(
        f"there is no {kind} {base}", f"{where} and sys.path" if dotted else str(where),
        [near + tail] if near else [],
    )  # fmt: skip


def _with_colon(text: str, where: Path) -> str:
    """The address for somebody who wrote a dot for the colon."""
    parts = text.split(".")
    for length in range(len(parts) - 1, 0, -1):
        base = ".".join(parts[:length])
        if _find(base, where) is not None:
            return f"{base}:{'.'.join(parts[length:])}"
    return ""


def _near_file(base: str, where: Path) -> str:
    """A file that has the name elsewhere, or a similar one."""
    wanted = Path(base if base.endswith(".py") else f"{base.replace('.', '/')}.py")
    files = [path for path, _ in zip(_files(where), range(SEEN))]
    same = [path for path in files if Path(path).name == wanted.name]
    for known in (same, files):
        found = get_close_matches(
            wanted.as_posix(), known, 1, 0.6 if known is files else 0
        )
        if found:
            return found[0]
    return ""


def _files(where: Path) -> Iterator[str]:
    for directory, names, files in os.walk(where):
        names[:] = sorted(
            name
            for name in names
            if not name.startswith((".", "__")) and name != "node_modules"
        )
        for name in sorted(files):
            if name.endswith(".py"):
                yield os.path.relpath(os.path.join(directory, name), where)


def _text(what: str, checked: str, near: Iterable[str]) -> str:
    meant = " or ".join(near)
    mend = f"did you mean {meant}?" if meant else "nothing there has a similar name"
    return f"{what}\nchecked: {checked}\nto mend it: {mend}"


def split(address: str, where: Path) -> tuple[Path, tuple[str, ...]]:
    """An address of pytest as a path, and the names inside the file."""
    file, *names = address.split("[", 1)[0].split("::")
    path = Path(os.path.abspath(where / file))
    return path, tuple(name for name in names if name != INIT)


def explain(path: Path, names: tuple[str, ...], config: Any) -> str:
    """Why the names are not found in a file; nothing if it was not imported."""
    owner: Any = _module(path)
    if owner is None:
        return ""
    place = os.path.relpath(path, config.invocation_params.dir)
    for position, name in enumerate(names):
        found = getattr(owner, name, None)
        if found is None:
            inside = position > 0
            kind = "method" if inside else "class or function"
            holder = f"class {owner.__name__} of {place}" if inside else place
            known, tests = _names(owner, of(config).rules)
            start = f"{place}:" + (f"{names[0]}." if inside else "")
            near = [start + one for one in get_close_matches(name, known, 2, 0.6)]
            return _text(f"{holder} has no {kind} {name}", _listed(tests), near)
        owner = found
    return (
        f"{place}:{'.'.join(names)} is there, but is not a test\n"
        "checked: its kind (class, function, method) and __test__\n"
        "to mend it: name one of its tests, or remove what keeps it from being one"
    )


def _names(owner: Any, chosen: rules.Rules) -> tuple[list[str], list[str]]:
    """What may be meant, and which of that are tests without being named."""
    known, tests = [], []
    for name in dir(owner):
        thing = getattr(owner, name, None)
        if name.startswith("_") or not (
            isinstance(thing, type) or rules.is_function(thing)
        ):
            continue
        known.append(name)
        if isinstance(thing, type):
            wanted = not isinstance(owner, type) and chosen.cls(thing)
        else:
            wanted = chosen.method(thing)
        if wanted:
            tests.append(name)
    return known, tests


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:10]) or "it holds no test"
    return shown + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _module(path: Path) -> ModuleType | None:
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(module, ModuleType) and file and Path(file) == path:
            return module
    return None


@pytest.hookimpl(hookwrapper=True)
def pytest_collection(session: Any) -> Iterator[None]:
    """Say clearer than pytest which name is not found, and what is near."""
    outcome: Any = yield
    error = outcome.excinfo[1] if outcome.excinfo else None
    if not isinstance(error, pytest.UsageError):
        return
    config = session.config
    where = config.invocation_params.dir
    texts = []
    for message in error.args:
        found = re.search(r"(?:not found: |no collectors for )(.+?::\S+)", str(message))
        text = explain(*split(found.group(1), where), config) if found else ""
        texts.append(text or message)
    error.args = tuple(texts)


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector: Any) -> Iterator[None]:
    """A file that cannot be imported is an error of its own: the rest goes on."""
    yield
    # Before the session says of all files at once that they were not found:
    # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/main.py
    missing = getattr(collector, "_notfound", None)  # of a session
    if missing:
        missing[:] = [one for one in missing if _module(Path(one[0].split("::")[0]))]
