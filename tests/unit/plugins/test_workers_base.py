# SPDX-License-Identifier: GPL-3.0-or-later
"""What a base process may import, and what is left to its forks."""

import os
import sys
import sysconfig
import types
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path

import pytest

from harness.plugins.workers import base, learn

SITE = sysconfig.get_path("purelib")


def module(name: str, file: str, *, spec_name: str = "") -> types.ModuleType:
    made = types.ModuleType(name)
    made.__file__ = file
    made.__spec__ = ModuleSpec(
        spec_name or name, SourceFileLoader(name, file), origin=file
    )
    return made


def known(**files: str) -> dict[str, types.ModuleType]:
    return {name: module(name, file) for name, file in files.items()}


def test_only_what_is_installed_is_learned() -> None:
    found = learn.modules(
        known(
            lib=f"{SITE}/lib.py",
            shop="/home/me/project/shop.py",
            harness=f"{SITE}/harness/__init__.py",
        ),
        None,
    )
    assert found == [("lib", f"{SITE}/lib.py")]


def test_a_module_under_another_name_is_not() -> None:
    made = {"alias": module("alias", f"{SITE}/lib.py", spec_name="lib")}
    assert learn.modules(made, None) == []


def test_nothing_that_comes_after_a_variable_was_changed() -> None:
    found = known(a=f"{SITE}/a.py", b=f"{SITE}/b.py")
    assert learn.modules(found, 1) == [("a", f"{SITE}/a.py")]


@pytest.mark.parametrize("name", learn.PATCHING)
def test_nothing_that_comes_after_who_changes_python(name: str) -> None:
    found = known(a=f"{SITE}/a.py")
    found[name] = module(name, f"{SITE}/patch.py")
    found |= known(b=f"{SITE}/b.py")
    assert learn.modules(found, None) == [("a", f"{SITE}/a.py")]


def test_a_variable_counts_where_the_project_changes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = type(os.environ)({}, str.encode, bytes.decode, str.encode, bytes.decode)
    monkeypatch.setattr(os, "environ", made)
    monkeypatch.setattr(base, "installed", lambda path: "/project/" not in path)
    variables = learn.Variables()
    variables.begin()

    def change(file: str, value: str) -> None:
        code = compile(f"import os; os.environ['A'] = {value!r}", file, "exec")
        exec(code, {"__name__": "shop"})

    change("/site-packages/lib.py", "1")
    change("/project/shop.py", "1")
    assert variables.count is None, "it is what it was"
    change("/project/shop.py", "2")
    assert variables.count == len(sys.modules)


def test_modules_are_imported_from_where_they_were_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("base_there", "base_other", "base_broken"):
        text = "1 / 0" if name == "base_broken" else ""
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(base, "installed", lambda path: True)
    bad = base.load(
        [
            ("base_there", str(tmp_path / "base_there.py")),
            ("base_other", str(tmp_path / "elsewhere.py")),
            ("base_broken", str(tmp_path / "base_broken.py")),
            ("base_gone", str(tmp_path / "base_gone.py")),
        ]
    )
    assert not bad
    assert "base_there" in sys.modules
    assert not {"base_other", "base_broken", "base_gone"} & sys.modules.keys()
    del sys.modules["base_there"]


def test_one_that_imports_something_of_the_project_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    files = {"base_lib": "", "base_bad": "import base_project", "base_later": ""}
    for name, text in {**files, "base_project": ""}.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(base, "installed", lambda path: "base_project" not in path)
    wanted = [(name, str(tmp_path / f"{name}.py")) for name in files]
    assert base.load(wanted) == "base_bad"
    assert "base_later" not in sys.modules
    for name in (*files, "base_project"):
        sys.modules.pop(name, None)


def test_whose_a_module_is() -> None:
    found = known(lib=f"{SITE}/lib.py", shop="/home/me/project/shop.py")
    found["__mp_main__"] = sys.modules["__main__"]
    assert base.own(found) == ["shop"]
