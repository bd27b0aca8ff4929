# SPDX-License-Identifier: GPL-3.0-or-later
"""``--affected`` for a suite inside an image: what is mounted, and the image."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from harness.engine import Engine
from harness.store import Store
from tests.integration.checkouts import PREFIX, VARIANT
from tests.integration.conftest import environment

ROOT = Path(__file__).parents[2]
SERVICE = f"{PREFIX}/erpserver:{VARIANT}"
MINE = f"harness-test/affected-{os.getpid()}:1"
"""An image of ours, which others are given the name of."""
FILES = {
    "pyproject.toml": f"""\
        [tool.harness.source.thing]
        kind = "python"
        [tool.harness.template.small]
        modules = ["res"]
        [tool.harness.suite.thing]
        template = "small"
        kind = "pytest"
        source = "thing"
        sources = ["other"]
        paths = ["tests"]
        runner = "image"
        image = "{MINE}"
        directory = "/shared/tests"
        mounts = ["./tool:/shared/tool:ro"]
        environment_files = ["place.env"]
        [tool.harness.source.other]
        kind = "python"
        """,
    "tool": "a tool",
    "place.env": "PLACE=here\n",
    "src/thing/pyproject.toml": "[project]\nname = 'thing'\nversion = '1'\n",
    "src/thing/conftest.py": "import sys\nsys.path.append('/shared/src/other')\n",
    "src/thing/thing.py": """\
        import os
        from pathlib import Path

        def one():
            return 1

        def two():
            return int(Path(__file__).with_name("two.txt").read_text())

        def place():
            return os.environ["PLACE"]
        """,
    "src/thing/two.txt": "2",
    "src/thing/data/seen": "",
    "src/other/pyproject.toml": "[project]\nname = 'other'\nversion = '1'\n",
    "src/other/other.py": "def three():\n    return 3\n",
    "src/thing/tests/test_thing.py": """\
        import os
        import other, thing

        def test_one(): assert thing.one() == 1
        def test_two(): assert thing.two() == 2
        def test_three(): assert other.three() == 3
        def test_place(): assert thing.place()
        def test_unseen(): assert not os.access("/shared/src/thing/data/new", 4)
        """,
}


@pytest.fixture(scope="module", autouse=True)
def mine(engine: Engine) -> Iterator[None]:
    """The image, built now where it is not, under a name of ours."""
    if engine.inspect("image", SERVICE) is None:
        words = [sys.executable, "-m", "harness", "build", "erpserver"]
        subprocess.run(words, cwd=ROOT, check=True)
    engine.run("tag", SERVICE, MINE)
    yield
    engine.run("rmi", "--force", MINE)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return tmp_path


Run = Callable[..., str]


@pytest.fixture
def run(place: Path, state: Path) -> Run:
    """Run the suite; what it prints."""

    def call(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [
                sys.executable, "-m", "harness", "test", "thing",
                "--database", "local", *words,
            ],
            cwd=place,
            env=environment(state),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        return said

    return call


@pytest.fixture
def module(tmp_path: Path, examples_state: Path) -> Run:
    """Run a test of a copy of the example's module; what is printed."""
    name = "collecting_society"
    shutil.copytree(ROOT / "examples" / name, tmp_path / "src" / name)
    with (tmp_path / "src" / name / "party.py").open("a") as file:
        file.write(f"# in {tmp_path}: no template is of other files\n")
    table = f"[tool.harness.source.{name}]\n[tool.harness.suite.tryton]\n"
    (tmp_path / "pyproject.toml").write_text(f'{table}image = "{MINE}"\n')
    words = ("test", "tryton", name, "--in", "image", "--affected", "-k", "depends")

    def call(code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "harness", *words, "--database", "local"],
            cwd=tmp_path,
            env=environment(examples_state),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        return said

    return call


def another(engine: Engine) -> None:
    """Have the name lead to an image of other contents."""
    made = engine.run("create", MINE).stdout.strip()
    engine.run("commit", "--change", "ENV OTHER=1", made, MINE)
    engine.run("rm", made)


def test_what_is_mounted_and_the_image(run: Run, place: Path, engine: Engine) -> None:
    first = run("--affected")
    assert "no test is traced yet: all run" in first
    assert "5 passed" in first

    same = run("--affected")
    assert "affected: 0 of 5 traced tests" in same
    assert "5 tests, not run" in same

    path = place / "src/thing/thing.py"
    path.write_text(path.read_text().replace("return 1", "return 2 - 1"))
    (place / "src/other/other.py").write_text("def three():\n    return 2 + 1\n")
    edited = run("--affected")
    assert "2 passed" in edited
    assert "1 × src/thing/thing.py: one() changed" in edited
    assert "1 × src/other/other.py: three() changed" in edited

    another(engine)
    rebuilt = run("--affected")
    assert "5 × the setting image changed" in rebuilt
    assert "5 passed" in rebuilt


@pytest.mark.weekly
def test_other_things_that_are_here(run: Run, place: Path) -> None:
    run("--affected")
    (place / "src/thing/two.txt").write_text(" 2")
    (place / "place.env").write_text("PLACE=there\n")
    (place / "tool").write_text("another one")
    said = run("--affected")
    assert "1 × src/thing/two.txt changed" in said
    assert "1 × the variable PLACE changed" in said
    assert "3 × tool changed" in said


@pytest.mark.weekly
def test_coverage_and_the_check(
    run: Run, place: Path, engine: Engine, store: Store
) -> None:
    run("--affected")
    assert "5 × what it covers is not recorded" in run("--affected", "--coverage")
    path = place / "src/thing/thing.py"
    path.write_text(path.read_text().replace("return 1", "return 2 - 1"))
    said = run("--affected", "--coverage")
    assert "4 tests, not run; their coverage is carried over" in said
    xml = (place / "reports/latest/coverage.xml").read_text()
    assert 'filename="thing.py" complexity="0" line-rate="1"' in xml
    assert "/shared/src" not in xml

    assert "5 passed" in run("--affected=check")
    (place / "src/thing/data/new").touch()
    checked = run("--affected=check", code=8)
    assert "would have missed 1 test" in checked
    assert [one for one in engine.owned(store.id) if one.run] == []


@pytest.mark.weekly
def test_workers_in_containers_of_their_own(run: Run, place: Path) -> None:
    path = place / "pyproject.toml"
    table = path.read_text().replace("runner =", "apart = 2\nrunner =")
    path.write_text(table)
    given = ("--affected", "--jobs", "2", "--database", "docker", "--isolation", "test")
    assert "5 passed" in run(*given)
    assert "affected: 0 of 5 traced tests" in run(*given)
    (place / "src/other/other.py").write_text("def three():\n    return 2 + 1\n")
    assert "1 passed" in run(*given)
    part = run(*given, "--shard", "1/2")
    assert "affected: 0 of 5 traced tests" in part
    assert re.search(r"unchanged since run \w+: [1-4] tests, not run", part)


@pytest.mark.weekly
def test_a_template_is_found_by_trace(module: Run, tmp_path: Path) -> None:
    module()
    party = tmp_path / "src/collecting_society/party.py"
    text = party.read_text()
    entered, idle = "        super().__setup__()\n", "        User = Pool()"
    assert entered in text
    assert idle in text
    party.write_text(text.replace(idle, f"        assert True\n{idle}"))
    said = module()
    assert "by trace: what its build saw has not changed" in said
    assert "affected: 0 of 2 traced tests" in said
    party.write_text(text.replace(entered, f"        assert True\n{entered}"))
    said = module()
    assert "layer collecting_society built" in said
    assert "affected: 2 of 2 traced tests" in said
    read = (
        f"        open('/shared/src/collecting_society/tests/__init__.py')\n{entered}"
    )
    party.write_text(text.replace(entered, read))
    said = module(7)
    assert "it read src/collecting_society/tests/__init__.py" in said
