# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found in repositories that say nothing of the harness."""

import tomllib
from pathlib import Path
from textwrap import dedent

import pytest

from harness import discovery
from harness.discovery import Discovered, packaging
from harness.errors import HarnessError, SourceError
from harness.modules import load


def write(directory: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(dedent(text))
    return directory


def cfg(depends: str = "", version: str = "7.0.3", extras: str = "") -> str:
    said = f"version={version}\n" if version else ""
    more = f"extras_depend: {extras}\n" if extras else ""
    return f"[tryton]\n{said}depends: ir {depends}\n{more}"


TEST = "class T(ModuleTestCase):\n    module = 'shop'\n    extras = ['stock']\n"


def found(start: Path, release: str = "") -> Discovered:
    made = discovery.look(start, release=release)
    assert made is not None
    return made


def table(start: Path) -> dict[str, object]:
    return found(start).table()


def wrong(start: Path, kind: type[HarnessError] = SourceError) -> str:
    with pytest.raises(kind) as caught:
        discovery.look(start)
    return str(caught.value)


# -- one module ----------------------------------------------------------------


def test_a_module_at_the_root_of_its_repository(tmp_path: Path) -> None:
    root = write(
        tmp_path / "trytond-the-shop",
        {
            "tryton.cfg": cfg("party", extras="sale unheard_of"),
            "tests/test_module.py": TEST,
            "tests/scenario_shop.rst": """\
                Text::

                    >>> from trytond.modules.company.tests.tools import create_company
                    >>> activate_modules(['shop', "purchase"], create_company)
                """,
        },
    )
    assert table(root) == {
        "series": "7.0",
        "source": {"shop": {"path": ".", "modules": ["company", "purchase", "stock"]}},
        "suite": {"tryton": {"modules": ["shop"]}},
    }
    assert table(root / "tests") == table(root), "also from below"
    ((name, said),) = found(root).rows()
    assert name == "shop"
    assert "version=7.0.3 in tryton.cfg" in said
    assert "stock (tests/test_module.py)" in said
    assert "left out, since nobody has it: unheard_of (extras_depend)" in said


def test_what_is_written_is_what_was_found(tmp_path: Path) -> None:
    root = write(tmp_path / "shop", {"tryton.cfg": cfg(), "tests/test_m.py": TEST})
    written = tomllib.loads(found(root).text())
    assert written["tool"]["harness"] == table(root)
    assert "# for its tests stock (tests/test_m.py)" in found(root).text()


def test_a_module_in_a_package(tmp_path: Path) -> None:
    root = write(
        tmp_path / "repository",
        {
            ".git/config": "",
            "pyproject.toml": """\
                [project]
                name = "acme-shop"
                optional-dependencies.test = ["pycountry"]
                """,
            "shop/tryton.cfg": cfg(),
            "shop/tests/test_module.py": "",
        },
    )
    source = {"shop": {"path": ".", "extras": ["test"]}}
    assert table(root)["source"] == source
    assert found(root / "shop" / "tests").root == root
    assert table(root / "shop")["source"] == source


def test_settings_of_tools_are_no_packaging(tmp_path: Path) -> None:
    files = {"pyproject.toml": "[tool.ruff]\n", "shop/tryton.cfg": cfg()}
    root = write(tmp_path, files)
    assert packaging.home(root / "shop") == root / "shop"


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"setup.py": "MODULE = 'alpha'\n"}, "alpha"),
        ({"setup.py": "x='''[trytond.modules]\n b = trytond.modules.b'''\n"}, "b"),
        (
            {
                "pyproject.toml": "[project.entry-points.'trytond.modules']\n"
                "gamma = 'trytond.modules.gamma'\n"
            },
            "gamma",
        ),
        ({"tests/test_it.py": "class T:\n    module = 'delta'\n"}, "delta"),
        ({}, "sale_extra"),
    ],
)
def test_names(tmp_path: Path, files: dict[str, str], name: str) -> None:
    root = write(tmp_path / "trytond-sale-extra", {"tryton.cfg": cfg(), **files})
    assert packaging.name(root, packaging.home(root))[0] == name


@pytest.mark.parametrize(
    ("version", "file", "text", "series"),
    [
        ("7.0.3", "setup.py", "'trytond >= %s.%s, < %s.%s'", "7.0"),
        ("7.0.3", "setup.py", "'trytond >= 7.0, < 7.1'", "7.0"),
        ("7.0.3", "setup.py", "'trytond >= 6.0'", "7.0"),
        ("", "setup.py", "'trytond >= 6.8, < 6.9'", "6.8"),
        ("", "pyproject.toml", "[project]\ndependencies=['trytond ~= 7.2']\n", "7.2"),
        ("", "pyproject.toml", "[project]\nversion = '7.4.1'\n", "7.4"),
        ("", "pyproject.toml", "[project]\nname = 'x'\n", ""),
    ],
)
def test_series(
    tmp_path: Path, version: str, file: str, text: str, series: str
) -> None:
    root = write(tmp_path, {"tryton.cfg": cfg(version=version), file: text})
    assert packaging.series(load(root), root)[0] == series


def test_what_makes_a_source_of_the_series_that_its_packaging_names(
    tmp_path: Path,
) -> None:
    files = {"tryton.cfg": cfg(version=""), "setup.py": "'trytond >= 6.8, < 6.9'"}
    source = {"shop": {"path": ".", "series": "6.8"}}
    assert table(write(tmp_path / "shop", files))["source"] == source


@pytest.mark.parametrize(
    ("file", "text", "extras"),
    [
        ("setup.py", "setup(extras_require={'test': tests_require})", ("test",)),
        ("setup.py", "setup(extras_require={\n    'tests': [],\n})", ("tests",)),
        ("setup.py", "setup(tests_require=[])", ()),
        ("setup.cfg", "[options.extras_require]\ntest =\n  pytest\n", ("test",)),
    ],
)
def test_the_extra_that_tests_need(
    tmp_path: Path, file: str, text: str, extras: tuple[str, ...]
) -> None:
    assert packaging.extras(write(tmp_path, {file: text})) == extras


# -- several -------------------------------------------------------------------


def test_a_list_of_requirements(tmp_path: Path) -> None:
    text = """# why
        google_auth-oauthlib
        msal[broker]>=1.2,<2; python_version > "3.8"  # for mail
        psycopg2
        trytond-party>=7.0,<7.1
        pytest-cov
        -r more.txt
        .
        git+https://example.org/x.git
        x @ https://example.org/x.whl
    """
    (tmp_path / "requirements.txt").write_text(text)
    mail = 'msal[broker]>=1.2,<2; python_version > "3.8"'
    assert packaging.listed(tmp_path) == ("google_auth-oauthlib", mail)
    assert packaging.listed(tmp_path / "none") == ()


def test_several_modules_below(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "modules/one/tryton.cfg": cfg("two"),
            "modules/one/tests/test_one.py": "",
            "modules/two/tryton.cfg": cfg(),
            "modules/old/tryton.cfg": cfg(version="6.6.1"),
            "modules/old/tests/scenario_old.rst": "",
            "cookie/{{ name }}/tryton.cfg": "{{ no }}",
            ".venv/lib/x/tryton.cfg": "",
            "env/pyvenv.cfg": "",
            "env/x/tryton.cfg": "",
            "build/lib/x/tryton.cfg": "",
        },
    )
    assert table(root) == {
        "series": "7.0",
        "source": {
            "old": {"path": "modules/old"},
            "one": {"path": "modules/one"},
            "two": {"path": "modules/two"},
        },
        "suite": {"tryton": {"modules": ["old", "one"]}},
    }
    one = found(root / "modules" / "one")
    assert [part.name for part in one.members] == ["one", "two"]
    assert one.table()["suite"] == {"tryton": {"modules": ["one"]}}


def test_what_is_needed_lies_beside(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "trytond-other/tryton.cfg": cfg("bank_extra"),
            "bank/trytond/tryton.cfg": cfg(version="7.0.1"),
            "bank/trytond/tests/test_x.py": "class T:\n    module = 'bank_extra'\n",
            "old/tryton.cfg": cfg(version="6.6.0"),
            "old/setup.py": "MODULE = 'other'",
            "broken/tryton.cfg": "nonsense",
        },
    )
    root = write(tmp_path / "shop", {"tryton.cfg": cfg("other")})
    made = found(root)
    assert made.table()["source"] == {
        "shop": {"path": "."},
        "other": {"path": "../trytond-other"},
        "bank_extra": {"path": "../bank/trytond"},
    }
    assert dict(made.rows())["bank_extra"].endswith("(other needs it)")


# -- what is wrong -------------------------------------------------------------


def test_no_module_at_all(tmp_path: Path) -> None:
    assert discovery.look(tmp_path) is None


def test_no_series(tmp_path: Path) -> None:
    root = write(tmp_path / "shop", {"tryton.cfg": cfg(version="")})
    said = wrong(root)
    assert "which series the module shop is of" in said
    assert "--series" in said
    assert found(root, "7.2").series == "7.2"


def test_two_series_of_one_module(tmp_path: Path) -> None:
    files = {"tryton.cfg": cfg(), "setup.py": "'trytond >= 7.2, < 7.3'"}
    assert "7.0 by its version, 7.2 by the trytond" in wrong(write(tmp_path, files))


def test_two_series_that_need_each_other(tmp_path: Path) -> None:
    files = {"one/tryton.cfg": cfg("two"), "two/tryton.cfg": cfg(version="7.2.0")}
    said = wrong(write(tmp_path, files))
    assert "one is of series 7.0, and needs two, which is of series 7.2" in said


def test_what_is_nowhere(tmp_path: Path) -> None:
    write(tmp_path, {"other/tryton.cfg": cfg(version="6.6.0")})
    root = write(tmp_path / "shop", {"tryton.cfg": cfg("other")})
    said = wrong(root)
    assert "the module shop needs other, which is nowhere" in said
    assert f"{tmp_path / 'other'} (series 6.6)" in said
    assert "clone it beside" in said
    lenient = discovery.look(root, lenient=True)  # harness init
    assert lenient is not None
    assert "[tool.harness.source.other] is to say where it is" in lenient.text()
    # its own packaging may say where it is: pip will tell
    write(root, {"setup.py": ""})
    assert found(root).table()["source"] == {"shop": {"path": "."}}


def test_two_of_one_name(tmp_path: Path) -> None:
    files = {"a/shop/tryton.cfg": cfg(), "b/shop/tryton.cfg": cfg()}
    assert "two modules are called shop" in wrong(write(tmp_path, files))


def test_a_broken_project_file(tmp_path: Path) -> None:
    files = {"tryton.cfg": cfg(), "pyproject.toml": "[project\n"}
    assert "pyproject.toml is broken" in wrong(write(tmp_path, files))
