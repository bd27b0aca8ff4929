# SPDX-License-Identifier: GPL-3.0-or-later
"""Tryton modules: their ``tryton.cfg``, their graph, where they are installed."""

import configparser
import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from harness.errors import SourceError, UsageError
from harness.model import Module, Origin

CORE = ("ir", "res")
"""Modules inside trytond that every database has."""


def load(directory: Path, *, name: str = "", origin: Origin = Origin.INDEX) -> Module:
    """Read the ``tryton.cfg`` in `directory`.

    Raises `SourceError` when it is missing or broken.
    """
    path = directory / "tryton.cfg"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        text = path.read_text("utf-8")
        parser.read_string(text, source=str(path))
        section = parser["tryton"]
    except FileNotFoundError as error:
        raise SourceError(
            f"{directory} is no Tryton module: it has no tryton.cfg",
            remedy=f"add {path} with a [tryton] section",
        ) from error
    except (configparser.Error, KeyError, UnicodeDecodeError) as error:
        reason = (
            "it has no [tryton] section" if isinstance(error, KeyError) else str(error)
        )
        raise SourceError(f"{path} is broken: {reason}") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    return Module(
        name=name or directory.name,
        path=directory,
        version=section.get("version", ""),
        depends=tuple(section.get("depends", "").split()),
        extras=tuple(section.get("extras_depend", "").split()),
        origin=origin,
    )


def series(module: Module) -> str:
    """The series of a module, ``7.0`` of version ``7.0.3``.

    Raises `SourceError` when the version does not say.
    """
    parts = module.version.split(".")
    if len(parts) < 2 or not all(part.isdigit() for part in parts[:2]):
        raise SourceError(
            f"{module.path / 'tryton.cfg'}: the version {module.version!r}"
            " names no release series",
            remedy="write version=7.0.0, or pass --series",
        )
    return f"{parts[0]}.{parts[1]}"


class Graph(Mapping[str, Module]):
    """All modules of an environment by name, with their dependencies."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self._modules = {module.name: module for module in modules}

    def __getitem__(self, name: str) -> Module:
        return self._modules[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    def require(self, name: str) -> Module:
        """The module, or `UsageError` with the nearest name."""
        try:
            return self._modules[name]
        except KeyError:
            raise unknown(name, self._modules) from None

    def closure(self, names: Iterable[str]) -> frozenset[str]:
        """`names` and all that they depend on, without ``ir`` and ``res``."""
        found: set[str] = set()
        todo = [name for name in names if name not in CORE]
        while todo:
            name = todo.pop()
            if name in found:
                continue
            found.add(name)
            module = self.require(name)
            for other in module.depends:
                if other not in (*CORE, *self._modules):
                    tried = ["what its packaging has installed", "what lies beside it"]
                    raise nowhere(other, module, tried=tried, known=self._modules)
                todo += [other] if other not in CORE else []
        return frozenset(found)

    def known(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of `names` that are here, with all here that they depend on."""
        found: dict[str, None] = {}
        todo = [name for name in names if name in self._modules]
        while todo:
            name = todo.pop(0)
            if name not in found:
                found[name] = None
                more = (*self._needs(name), *self._modules[name].tests)
                todo += [other for other in more if other in self._modules]
        return tuple(found)

    def order(self, names: Iterable[str]) -> tuple[str, ...]:
        """`names`, dependencies first, ties by name.

        Raises `SourceError` for a cycle.
        """
        rest = set(names)
        ordered: list[str] = []
        while rest:
            free = sorted(
                name for name in rest if not rest.intersection(self._needs(name))
            )
            if not free:
                raise SourceError(
                    "the modules depend on each other in a circle: "
                    + ", ".join(sorted(rest)),
                    checked="depends and extras_depend of each tryton.cfg",
                    remedy="take the one out that is not needed",
                )
            ordered += free
            rest -= set(free)
        return tuple(ordered)

    def _needs(self, name: str) -> tuple[str, ...]:
        module = self._modules[name]
        return module.depends + module.extras

    def dependents(self, names: Iterable[str]) -> dict[str, str]:
        """What depends on `names`, transitively: name → the reason."""
        reasons: dict[str, str] = {}
        todo = list(names)
        while todo:
            changed = todo.pop(0)
            for name in sorted(self._modules):
                if changed in self._needs(name) and name not in reasons:
                    reasons[name] = f"depends on {changed}"
                    todo.append(name)
        return reasons


def unknown(name: str, known: Iterable[str]) -> UsageError:
    """The error for a module that nobody knows."""
    near = difflib.get_close_matches(name.lower(), list(known), n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else ""
    return UsageError(
        f"there is no Tryton module named {name!r}",
        checked="src/, examples/, and the names of the official modules",
        remedy=hint or "harness sources, or clone it into src/",
    )


def nowhere(
    name: str, needed: Module, *, tried: Iterable[str], known: Iterable[str] = ()
) -> SourceError:
    """The error for a module that another one needs, and that nobody has."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.85)
    return SourceError(
        f"the module {needed.name} needs {name}, which is nowhere",
        checked="; ".join([f"depends in {needed.path / 'tryton.cfg'}", *tried]),
        remedy="".join(f"did you mean {one}? Else " for one in near)
        + f"clone it beside the repository of {needed.name}, in its series; or"
        f" name its package in the packaging of {needed.name}, with an address"
        " (VENDOR_NAME @ git+https://…); or say where it is: harness init, then"
        f" [tool.harness.source.{name}] with its path",
    )


def has_tests(module: Path) -> bool:
    """Whether a module has test files, or scenarios."""
    tests = module / "tests"
    return any(any(tests.glob(one)) for one in ("test_*.py", "scenario_*.rst"))


def installed(site: Path) -> Iterator[Module]:
    """The official modules below a ``site-packages``."""
    root = site / "trytond" / "modules"
    for path in sorted(root.glob("*/tryton.cfg")):
        yield load(path.parent)
