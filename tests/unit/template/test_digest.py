# SPDX-License-Identifier: GPL-3.0-or-later
"""What reaches a digest and what does not."""

from pathlib import Path

import pytest

from harness.template import digest


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
        "view/tests/form.xml",
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
    ["tryton.cfg", "data/demo.csv", "view/setup.xml", "testsuite.py", "icons/a.svg"],
)
def test_what_does(module: Path, name: str) -> None:
    (module / name).parent.mkdir(parents=True, exist_ok=True)
    (module / name).write_text("new")
    assert set(digest.tree(module)) == SHIPPED | {name}


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
    monkeypatch.setattr(digest, "BUILD", digest.BUILD + 1)
    assert digest.combine("1f", FACTS) != before


# -- packages ----------------------------------------------------------------


def install(site: Path, name: str, version: str, *requires: str) -> None:
    directory = site / f"{name.replace('-', '_')}-{version}.dist-info"
    directory.mkdir(parents=True)
    lines = [f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {one}" for one in requires]
    (directory / "METADATA").write_text("Metadata-Version: 2.1\n" + "\n".join(lines))


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
    assert digest.versions(site, names) == expected


def test_nothing_is_installed(tmp_path: Path) -> None:
    assert digest.versions(tmp_path / "none", ["trytond"]) == {}


@pytest.mark.parametrize("name", ["Trytond_Party", "trytond.party", "trytond-_-party"])
def test_normalise(name: str) -> None:
    assert digest.normalise(name) == "trytond-party"
