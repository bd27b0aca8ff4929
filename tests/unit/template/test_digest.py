# SPDX-License-Identifier: GPL-3.0-or-later
"""What reaches a digest and what does not."""

import os
from importlib import resources
from pathlib import Path

import pytest

from harness.template import digest, packages


@pytest.fixture
def module(tmp_path: Path) -> Path:
    root = tmp_path / "collecting_society"
    for name in ("__init__.py", "society.py", "view/form.xml", "locale/de.po"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
    return root


SHIPPED = {"__init__.py", "society.py", "view/form.xml", "locale/de.po"}


def test_the_files_of_a_module(module: Path) -> None:
    found = digest.tree(module)
    assert set(found) == SHIPPED
    assert found["view/form.xml"] == digest.file(module / "view" / "form.xml")


@pytest.mark.parametrize(
    "name",
    [
        "tests/test_module.py",
        "doc/index.rst",
        "build/lib/society.py",
        "collecting_society.egg-info/PKG-INFO",
        "__pycache__/society.cpython-311.pyc",
        ".git/HEAD",
        ".society.py.swp",
        "society.pyc",
        "society.py~",
        "society.py.orig",
        "README.rst",
        "CHANGELOG",
        "setup.py",
        "pyproject.toml",
        "tox.ini",
        "pytest.ini",
        "conftest.py",
        "noxfile.py",
        "MANIFEST.in",
    ],
)
def test_what_does_not_reach_the_database(module: Path, name: str) -> None:
    before = digest.tree(module)
    (module / name).parent.mkdir(parents=True, exist_ok=True)
    (module / name).write_text("other")
    assert digest.tree(module) == before


@pytest.mark.parametrize(
    "name",
    [
        "tryton.cfg",
        "data/demo.csv",
        "view/setup.xml",
        "testsuite.py",
        "icons/a.svg",
        "LICENSES.csv",
        "README_de.xml",
        "MANIFEST.json",
        "data/dist/a.csv",
        "data/build/b.csv",
        "view/tests/form.xml",
        "data/LICENSE",
        "wizard/setup.py",
        "wizard/conftest.py",
        "reports/invoice.fodt",
        "doc_type.py",
    ],
)
def test_what_does(module: Path, name: str) -> None:
    (module / name).parent.mkdir(parents=True, exist_ok=True)
    (module / name).write_text("new")
    assert set(digest.tree(module)) == SHIPPED | {name}


def test_what_runs_write_into_a_module(module: Path) -> None:
    before = set(digest.shipped(module))
    (module / "reports" / "r1").mkdir(parents=True)
    (module / "reports" / "r1" / "run.json").write_text("{}")
    assert set(digest.shipped(module, [module / "reports"])) == before


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_one_changed_file(module: Path, name: str) -> None:
    before = digest.tree(module)
    (module / name).write_text("changed")
    after = digest.tree(module)
    assert {key for key in before if before[key] != after[key]} == {name}


def test_only_the_content_counts(module: Path, tmp_path: Path) -> None:
    before = digest.tree(module)
    (module / "society.py").chmod(0o600)
    moved = module.rename(tmp_path / "elsewhere")
    assert digest.tree(moved) == before


def test_a_digest_names_a_database(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\0\xff")
    for one in (digest.file(tmp_path / "a"), digest.combine("", {})):
        assert len(one) == digest.LENGTH
        assert set(one) <= set("0123456789abcdef")


# -- layers ------------------------------------------------------------------

FACTS = {"module party": "7.0.1", "package python-stdnum": "1.20"}


def test_the_order_of_facts_does_not_matter() -> None:
    assert digest.combine("1f", FACTS) == digest.combine(
        "1f", dict(reversed(FACTS.items()))
    )


@pytest.mark.parametrize(
    ("parent", "facts"),
    [
        ("2f", FACTS),
        ("1f", {**FACTS, "module party": "7.0.2"}),
        ("1f", {**FACTS, "module bank": "7.0.1"}),
        ("1f", {"module party": "7.0.1"}),
        ("1f", {"module party": "1.20", "package python-stdnum": "7.0.1"}),
        ("1f", {"module party7": ".0.1", "package python-stdnum": "1.20"}),
    ],
)
def test_another_layer(parent: str, facts: dict[str, str]) -> None:
    assert digest.combine(parent, facts) != digest.combine("1f", FACTS)


def test_another_way_of_building(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest.combine("1f", FACTS)
    monkeypatch.setattr(digest, "building", lambda: "another")
    assert digest.combine("1f", FACTS) != before


@pytest.mark.parametrize(
    "name",
    ["build", "accelerate", "tryton_database", "lifeline", "reading", "trace/events"],
)
def test_the_building_code_is_all_that_fills_a_template(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins = Path(str(resources.files("harness.plugins")))
    for path in plugins.rglob("*.py"):
        copy = tmp_path / path.relative_to(plugins)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    digest.building.cache_clear()
    before = digest.building()
    (tmp_path / f"{name}.py").write_text("# another way of building")
    (tmp_path / "film.py").write_text("# has nothing to do with it")
    digest.building.cache_clear()
    after = digest.building()
    digest.building.cache_clear()
    assert after != before


def test_what_builds_nothing_is_no_building_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins = Path(str(resources.files("harness.plugins")))
    for path in plugins.rglob("*.py"):
        copy = tmp_path / path.relative_to(plugins)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    digest.building.cache_clear()
    before = digest.building()
    (tmp_path / "film.py").write_text("# has nothing to do with it")
    digest.building.cache_clear()
    after = digest.building()
    digest.building.cache_clear()
    assert after == before


# -- packages ----------------------------------------------------------------


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("a")
    (tmp_path / "data" / "again").symlink_to(tmp_path / "data")
    assert [path.name for path in digest.everything(tmp_path)] == ["a.csv"]


def install(site: Path, name: str, version: str, *requires: str) -> None:
    directory = site / f"{name.replace('-', '_')}-{version}.dist-info"
    directory.mkdir(parents=True)
    lines = [f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {one}" for one in requires]
    (directory / "METADATA").write_text("Metadata-Version: 2.1\n" + "\n".join(lines))


def provide(site: Path, package: str, file: str, text: str) -> None:
    [directory] = site.glob(f"{package.replace('-', '_')}-*.dist-info")
    (directory / file).write_text(text)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site-packages"
    install(path, "trytond", "7.0.9", "lxml>=2.0", "python-sql (>=1.3)", "werkzeug")
    install(path, "lxml", "5.1")
    install(path, "python_sql", "1.5.1", "trytond")
    install(
        path,
        "trytond_party",
        "7.0.4",
        "trytond<7.1,>=7.0",
        "python.stdnum[soap]",
        "pycountry ; extra == 'test'",
    )
    install(path, "python-stdnum", "1.20")
    install(path, "pycountry", "23.1")
    return path


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["trytond"], {"trytond": "7.0.9", "lxml": "5.1", "python-sql": "1.5.1"}),
        (["python_stdnum"], {"python-stdnum": "1.20"}),
        (
            ["trytond-party"],
            {
                "trytond-party": "7.0.4",
                "python-stdnum": "1.20",
                "trytond": "7.0.9",
                "lxml": "5.1",
                "python-sql": "1.5.1",
            },
        ),
        (["trytond-bank"], {}),
        ([], {}),
    ],
)
def test_versions(site: Path, names: list[str], expected: dict[str, str]) -> None:
    assert packages.versions(site, names) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["lxml.etree", "os", "csv.reader"], {"lxml"}),
        (["sql"], {"python-sql"}),
        (["stdnum.iban"], {"python-stdnum"}),
        (["trytond.pool"], {"trytond"}),
        (["trytond.modules.party.tests.tools"], {"trytond-party"}),
        (["nobody"], set()),
        ([], set()),
    ],
)
def test_owners(site: Path, names: list[str], expected: set[str]) -> None:
    provide(site, "python-sql", "top_level.txt", "sql\n")
    record = "stdnum/__init__.py,sha256=x,1\nstdnum/iban.py,,\n../../bin/x,,\n"
    provide(site, "python-stdnum", "RECORD", record)
    assert packages.owners(site, names) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import os, lxml.etree as tree", {"os", "lxml.etree"}),
        ("if a:\n    from sql.functions import Now", {"sql.functions"}),
        (">>> import stdnum\n... import sql", {"stdnum", "sql"}),
        ("from . import party\nfrom .party import Party", set()),
        ("important = 1", set()),
    ],
)
def test_imported(source: str, expected: set[str]) -> None:
    assert packages.imported(source.encode()) == expected


def test_what_is_installed_later_is_seen(site: Path) -> None:
    assert packages.versions(site, ["trytond_bank"]) == {}
    install(site, "trytond_bank", "7.0.2")
    os.utime(site, ns=(1, 1))
    assert packages.versions(site, ["trytond_bank"]) == {"trytond-bank": "7.0.2"}


def test_who_provides_a_module(site: Path) -> None:
    text = (
        "[console_scripts]\na = b\n[trytond.modules]\nparty = trytond.modules.party\n"
    )
    provide(site, "trytond-party", "entry_points.txt", text)
    assert packages.providing(site, "party") == "trytond-party"
    assert packages.providing(site, "a") == ""


def test_nothing_is_installed(tmp_path: Path) -> None:
    assert packages.versions(tmp_path / "none", ["trytond"]) == {}


@pytest.mark.parametrize("name", ["Trytond_Party", "trytond.party", "trytond-_-party"])
def test_normalise(name: str) -> None:
    assert packages.normalise(name) == "trytond-party"
