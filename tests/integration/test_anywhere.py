# SPDX-License-Identifier: GPL-3.0-or-later
"""The wheel, in repositories that say nothing of the harness."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from harness.store import named
from tests.integration.conftest import MODULES, ROOT, environment

LARGEST = 1_500_000
"""Bytes of the wheel."""
SETUP = """\
    from configparser import ConfigParser
    from setuptools import setup

    MODULE = 'alpha'
    config = ConfigParser()
    config.read('tryton.cfg')
    series = config['tryton']['version'].rpartition('.')[0]
    setup(
        name='acme_alpha',
        version=config['tryton']['version'],
        install_requires=[f'trytond >= {series}, < {series}.99'],
        package_dir={'trytond.modules.alpha': '.'},
        packages=['trytond.modules.alpha'],
        entry_points={'trytond.modules': ['alpha = trytond.modules.alpha']},
    )
    """


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from what git knows here: building writes beside the sources."""
    place = tmp_path_factory.mktemp("wheel")
    tree = place / "tree"
    tree.mkdir()
    for name in ("harness", "pyproject.toml", "README.md", "LICENSE"):
        (tree / name).symlink_to(ROOT / name)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps"]
    subprocess.run([*pip, "-w", place, tree], check=True)
    (made,) = place.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of the installed wheel; what it requires is that of this Python."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place)
    pip = [sys.executable, "-m", "pip", "--python", place, "install", "-q"]
    subprocess.run([*pip, "--no-deps", wheel], check=True)
    site = next(place.glob("lib/python*/site-packages"))
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (site / "ours.pth").write_text("\n".join(ours))
    return place / "bin" / "harness"


@pytest.fixture
def repositories(state: Path) -> Iterator[Path]:
    """Alpha with packaging that computes, beta beside it with none.

    Outside of any project, and always at the same place: the environment stays.
    """
    place = Path(tempfile.gettempdir(), named(state))
    for name, repository in (("alpha", "trytond-alpha"), ("beta", "trytond_beta")):
        files = {**MODULES[name], **({"setup.py": SETUP} if name == "alpha" else {})}
        for path, text in files.items():
            target = place / repository / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(dedent(text))
    yield place
    shutil.rmtree(place)


def say(program: Path, cwd: Path, state: Path, *words: str, code: int = 0) -> str:
    env = environment(state, HARNESS_DATABASE_SERVER="sqlite")
    del env["PYTHONPATH"]
    done = subprocess.run(
        [program, *words], cwd=cwd, env=env, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def plain(cwd: Path, state: Path, *words: str) -> str:
    """pytest of an environment that has alpha, its Tryton and the harness."""
    sites = (state / "envs").glob("tryton-7.0-*/lib/python*/site-packages")
    made = {
        site.parents[2]: site.stat().st_mtime
        for site in sites
        if any(site.glob("__editable__*acme_alpha*"))
        and not any(site.glob("__editable__*beta*"))
    }
    python = max(made, key=made.__getitem__) / "bin" / "python"
    site = next(path for path in sys.path if path.endswith("site-packages"))
    done = subprocess.run(
        [python, "-m", "pytest", *words],
        cwd=cwd,
        env=environment(
            state,
            HARNESS_DATABASE_SERVER="sqlite",
            PYTHONPATH=os.pathsep.join([str(ROOT), site]),
        ),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(place: Path) -> set[Path]:
    return {path.relative_to(place) for path in place.rglob("*")}


def test_from_the_wheel_in_a_repository_without_configuration(
    wheel: Path, program: Path, repositories: Path, state: Path
) -> None:
    assert wheel.stat().st_size <= LARGEST
    packed = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "harness"], cwd=ROOT, capture_output=True, check=True
    )
    assert set(tracked.stdout.decode().splitlines()) <= packed, "data files too"
    beta = repositories / "trytond_beta"
    before = files(repositories)
    # a module without packaging, which needs what lies beside it and has no tests
    own, apart = repositories / "trytond-alpha" / "tests", repositories / "apart"
    own.rename(apart)
    text = say(program, beta, state, "test")
    apart.rename(own)
    assert "beta   ., series 7.0" in text
    assert "alpha  ../trytond-alpha, series 7.0 (beta needs it)" in text
    assert "PASSED" in text
    # tests are found in a directory that has no name of Python's, one by its id
    view = "tests/test_module.py::AlphaTestCase::test_first"
    assert "1 passed" in say(program, own.parent, state, "test", view)
    assert files(repositories) == before, "nothing is written"
    # all at once, from above
    assert "beta" in say(program, repositories, state, "test", "--list")
    # written when it is asked for, once
    say(program, beta, state, "init")
    assert "[tool.harness.source.alpha]" in (beta / "pyproject.toml").read_text()
    assert "is there already" in say(program, beta, state, "init", code=2)
    assert "../trytond-alpha" in say(program, beta, state, "sources")
    alpha = beta.with_name("trytond-alpha")
    say(program, alpha, state, "init")
    # neither a new file of settings nor the reports in the module build anything
    for _ in range(2):
        text = say(program, alpha, state, "test", view)
        assert "1 passed" in text
        assert not re.search(r"^environment|layer alpha", text, re.M), text
    # plain pytest, as an editor calls it: in an environment that has the module
    assert "1 passed" in plain(repositories / "trytond-alpha", state, view)
    listed = plain(repositories / "trytond-alpha", state, "--collect-only", "-q")
    assert view in listed
