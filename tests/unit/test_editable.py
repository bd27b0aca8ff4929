# SPDX-License-Identifier: GPL-3.0-or-later
"""What pip is given for a source, and where the environment leads then."""

import tomllib
from pathlib import Path

import pytest

from harness import editable
from harness.model import Module


def source(path: Path, **files: str) -> Path:
    for name, text in {"tryton__cfg": "", **files}.items():
        (path / name.replace("__", ".")).write_text(text)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    path = tmp_path / "trytond-shop"
    (path / ".git").mkdir(parents=True)
    (path / "tests").mkdir()
    return path


def test_a_mirror_has_links_in_directories_of_its_own(
    checkout: Path, tmp_path: Path
) -> None:
    for name in ("env/pyvenv.cfg", "build/x", "shop/build/__init__.py"):
        (checkout / name).parent.mkdir(parents=True)
        (checkout / name).touch()
    made = editable.mirror(source(checkout, setup__py=""), None, tmp_path / "m")
    assert made == tmp_path / "m"
    assert sorted(one.name for one in made.iterdir()) == [
        "setup.py", "shop", "tests", "tryton.cfg",
    ]  # fmt: skip
    assert (made / "shop" / "build" / "__init__.py").is_symlink()
    assert (made / "setup.py").readlink() == checkout / "setup.py"
    assert not (made / "tests").is_symlink()


def test_a_module_without_packaging_gets_one(checkout: Path, tmp_path: Path) -> None:
    module = Module(name="shop", path=checkout, version="7.0.2")
    made = editable.mirror(
        source(checkout, pyproject__toml="[tool.x]\n"), module, tmp_path / "m"
    )
    said = tomllib.loads((made / "pyproject.toml").read_text())
    assert said["project"]["version"] == "7.0.2"
    assert said["tool"]["setuptools"]["package-dir"] == {"trytond.modules.shop": "."}
    assert (checkout / "pyproject.toml").read_text() == "[tool.x]\n"


def test_what_builds_beside_its_sources_is_installed_where_it_is(
    checkout: Path, tmp_path: Path
) -> None:
    made = source(checkout, setup__py="setup(ext_modules=[])")
    assert editable.mirror(made, None, tmp_path / "m") == checkout


def test_an_environment_leads_to_the_checkout(tmp_path: Path) -> None:
    """Also where the state directory was named by a link, which installers resolve."""
    place, checkout = tmp_path / "real" / "shop", tmp_path / "shop"
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "__pycache__").mkdir()
    written = {
        "__editable__.shop.pth": str(place),
        "__editable___shop_finder.py": f"MAPPING = {{'x': '{place}/x'}}",
        "other.py": str(place),
        "__pycache__/__editable___shop_finder.cpython-311.pyc": "",
    }
    for name, text in written.items():
        (tmp_path / name).write_text(text)
    editable.lead(tmp_path, {checkout: tmp_path / "link" / "shop"})
    assert (tmp_path / "__editable__.shop.pth").read_text() == str(checkout)
    finder = (tmp_path / "__editable___shop_finder.py").read_text()
    assert finder == f"MAPPING = {{'x': '{checkout}/x'}}"
    assert (tmp_path / "other.py").read_text() == str(place)
    assert not list((tmp_path / "__pycache__").iterdir())


def test_a_module_is_named_where_old_series_look(tmp_path: Path) -> None:
    shop = Module(name="shop", path=tmp_path / "trytond-shop", version="6.6.0")
    bank = Module(name="bank", path=tmp_path / "bank", version="6.6.0")
    editable.name(tmp_path, [shop, bank, None])
    places = tmp_path / "trytond" / "modules"
    assert (places / "shop").readlink() == shop.path
    assert [one.name for one in places.iterdir()] == ["shop"]
