# SPDX-License-Identifier: GPL-3.0-or-later
"""The context of a build and its digest."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness import series
from harness.images import dockerfile, material
from harness.images.material import Material
from harness.model import Module, Origin, Source

TEXT = """\
FROM base AS db
COPY db /x
FROM base AS app
ARG SERIES
RUN --mount=type=bind,source=sources,target=sources echo
COPY requirements/app /x
"""
STAGES = dockerfile.parse(TEXT, {})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("db/entry", "requirements/app/wanted.in", "steps/one"):
        path = tmp_path / "Dockerfiles" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "Dockerfiles"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    for name in (
        "pyproject.toml", "one.py", "build/lib.py", "deep/build/kept.py",
        "one.pyc", "x.egg-info/PKG-INFO", ".git/config", "__pycache__/one.txt",
    ):  # fmt: skip
        path = tmp_path / "one" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return Source(name="one", path=tmp_path / "one", origin=Origin.SRC)


def digest(found: Material, target: str = "app", **arguments: str) -> str:
    closure = dockerfile.closure(STAGES, target)
    return material.digest(closure, found, arguments, ["sha256:1"])


def test_a_source_comes_without_what_was_made_in_it(root: Path, source: Source) -> None:
    found = material.gather(root, [source], {}, editable=False)
    assert found.below(["sources"]) == [
        "sources/one/deep/build/kept.py",
        "sources/one/one.py",
        "sources/one/pyproject.toml",
    ]
    assert found.below(["requirements/app", "db/entry"]) == [
        "db/entry",
        "requirements/app/wanted.in",
    ]


@pytest.mark.parametrize(
    ("change", "target", "same"),
    [
        ("Dockerfiles/db/entry", "app", True),
        ("Dockerfiles/db/entry", "db", False),
        ("Dockerfiles/requirements/app/wanted.in", "app", False),
        ("Dockerfiles/requirements/app/wanted.in", "db", True),
        ("Dockerfiles/steps/one", "app", True),
        ("one/one.py", "app", False),
        ("one/pyproject.toml", "app", False),
    ],
)
def test_a_digest_is_of_what_the_target_uses(
    root: Path, source: Source, change: str, target: str, *, same: bool
) -> None:
    found = material.gather(root, [source], {}, editable=False)
    before = digest(found, target)
    (root.parent / change).write_text("other")
    assert (digest(found, target) == before) is same


def test_an_editable_source_counts_by_its_packaging(root: Path, source: Source) -> None:
    found = material.gather(root, [source], {}, editable=True)
    before = digest(found)
    (source.path / "one.py").write_text("other")
    assert digest(found) == before
    (source.path / "pyproject.toml").write_text("other")
    assert digest(found) != before


def test_arguments_count_where_they_are_named(root: Path) -> None:
    found = material.gather(root, [], {}, editable=True)
    assert digest(found, SERIES="7.0") != digest(found, SERIES="6.6")
    assert digest(found, "db", SERIES="7.0") == digest(found, "db", SERIES="6.6")


def test_a_new_base_is_a_new_image(root: Path) -> None:
    found = material.gather(root, [], {}, editable=True)
    closure = dockerfile.closure(STAGES, "db")
    one, two = (material.digest(closure, found, {}, [base]) for base in "ab")
    assert one != two


def test_an_executable_file_is_another_one(root: Path) -> None:
    found = material.gather(root, [], {}, editable=True)
    before = digest(found, "db")
    (root / "db/entry").chmod(0o755)
    assert digest(found, "db") != before


def test_texts_replace_files_and_count(root: Path, tmp_path: Path) -> None:
    name = "requirements/app/wanted.in"
    found = material.gather(root, [], {name: "new"}, editable=True)
    assert name not in found.files
    assert digest(found) != digest(replace(found, texts={name: "newer"}))
    found.write(tmp_path / "context")
    assert (tmp_path / "context" / name).read_text() == "new"


def test_modes_do_not_depend_on_the_umask(root: Path, tmp_path: Path) -> None:
    (root / "db/entry").chmod(0o700)
    (root / "steps/one").chmod(0o600)
    material.gather(root, [], {}, editable=True).write(tmp_path / "context")
    modes = {
        name: (tmp_path / "context" / name).stat().st_mode & 0o777
        for name in ("db/entry", "steps/one")
    }
    assert modes == {"db/entry": 0o755, "steps/one": 0o644}


def test_requirements_follow_series_and_modules() -> None:
    one = Module(name="one", path=Path(), version="7.0.0", depends=("ir", "party"))
    two = Module(name="two", path=Path(), version="7.0.0", depends=("one", "bank"))
    texts = material.requirements(series.find("7.0"), [one, two], ["requests"], ["a<2"])
    assert texts["requirements/sources/wanted.in"].splitlines() == [
        "psycopg2-binary>=2.9",
        "trytond_bank==7.0.*",
        "trytond_party==7.0.*",
        "requests",
    ]
    assert texts["requirements/sources/constraints.txt"] == "a<2\n"


# -- the image tests ---------------------------------------------------------


def test_packages_lie_beside_the_sources_and_are_mounted(
    root: Path, source: Source
) -> None:
    found = material.gather(root, [], {}, editable=True, packages=[source])
    assert found.below(["packages"]) == [
        "packages/one/deep/build/kept.py",
        "packages/one/one.py",
        "packages/one/pyproject.toml",
    ]
    assert found.below(["sources"]) == []
    assert "packages/one/one.py" in found.loose
    assert "packages/one/pyproject.toml" not in found.loose
    copied = material.gather(root, [], {}, editable=False, packages=[source])
    assert copied.files.keys() == found.files.keys()
    assert not copied.loose


def test_pins_of_a_dockerfile() -> None:
    text = """
        FROM server/thing:1.2.1 AS a
        RUN pip install \\
            Genshi==0.7.7 \\
            passlib[bcrypt]==1.7.4 \\
            # one==2
            python-dateutil==2.8.2
        RUN pip install genshi==0.7.7 zope.a==1.0.post1; test "$A"=="b"
        RUN test $X ==y && [ $VERSION==3 ]
    """
    assert material.pins(text) == [
        "genshi==0.7.7",
        "passlib==1.7.4",
        "python-dateutil==2.8.2",
        "zope.a==1.0.post1",
    ]


def test_pins_of_requirements() -> None:
    assert material.pins("a==1\nb>=2\nc == 3\nd==4.* # e==5\n-e src/f==6") == ["a==1"]


def test_what_the_image_needs() -> None:
    made = material.tests(
        series.find("6.6"),
        official=["party", "account_de_skr03", "party"],
        extra=["WebTest"],
        extras={"portal_web": ("test", "docs")},
        pinned=["pytest==7.2.2"],
    )
    wanted = made["requirements/tests/wanted.in"].splitlines()
    assert wanted[-3:] == [
        "trytond_account_de_skr03==6.6.*",
        "trytond_party==6.6.*",
        "WebTest",
    ]
    assert any(line.startswith("pytest>=7.2") for line in wanted)
    assert made["requirements/tests/constraints.txt"] == "pytest==7.2.2\n"
    assert made["requirements/tests/extras.txt"] == "portal_web[test,docs]\n"
