# SPDX-License-Identifier: GPL-3.0-or-later
"""What a suite's step needs, as far as the configuration says it."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.config import Config, SuiteTable, TemplateTable
from harness.context import Context
from harness.errors import ConfigError
from harness.model import Isolation, Origin
from harness.output import Console
from harness.plan import Step, Tested
from harness.run import needs
from harness.template.layer import Document, Program

STEP = Step(
    suite="portal",
    series="7.0",
    tested=(),
    sources=(),
    database="local",
    reason="",
    isolation=Isolation.CLASS,
    workers=1,
)


# -- variables ---------------------------------------------------------------


def variables(root: Path, *lines: str) -> tuple[dict[str, str], dict[str, str]]:
    suite = SuiteTable(environment=lines, environment_files=("one.env", "two.env"))
    return needs.variables(
        Config(root=root, suite={"portal": suite}), STEP, {"SHELL_URL": "x"}
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "one.env").write_text("NAME=society\nHOST=${NAME}.test\nMODE=live\n")
    (tmp_path / "two.env").write_text(
        "URL=http://${HOST}\nOUT=$SHELL_URL # what it is\n"
        "PGPASSWORD=s\nPGHOST=db\nHARNESS_STATE=/x\n"
    )
    return tmp_path


def test_files_build_on_each_other_and_the_table_wins(root: Path) -> None:
    fixed, varying = variables(root, "MODE=test", "FILES={files}/x")
    assert fixed == {
        "NAME": "society",
        "HOST": "society.test",
        "MODE": "test",
        "URL": "http://society.test",
        "OUT": "x",
    }
    assert varying == {"FILES": "{files}/x"}


def test_the_table_may_say_what_files_may_not(root: Path) -> None:
    fixed, _ = variables(root, "PGAPPNAME=tests")
    assert {name for name in fixed if name.startswith(needs.OURS)} == {"PGAPPNAME"}


def test_a_file_that_compose_would_refuse_is_named(root: Path) -> None:
    (root / "two.env").write_text("A=1\nB='x\n")
    with pytest.raises(ConfigError) as caught:
        variables(root)
    assert f"{root}/two.env cannot be read as Compose reads it: line 2" in str(
        caught.value
    )
    (root / "two.env").write_bytes(b"A=\xff\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        variables(root)


# -- what pytest remembers ---------------------------------------------------


def cache(tmp_path: Path, root: str, profile: str = "", **more: Any) -> Path:
    config = Config(root=Path(root), profile=profile, state=str(tmp_path))
    console = Console(io.StringIO(), {})
    context = Context(config=config, environ={}, console=console, line="")
    return needs.cache(context, replace(STEP, **more))


def test_what_failed_in_one_checkout_did_not_in_another(tmp_path: Path) -> None:
    one = cache(tmp_path, "/a")
    module = Tested(name="party", origin=Origin.INDEX, reason="named")
    assert cache(tmp_path, "/a", shard="1/2") == one
    others = [
        cache(tmp_path, "/b"),
        cache(tmp_path, "/a", "c3s"),
        cache(tmp_path, "/a", suite="api"),
        cache(tmp_path, "/a", tested=(module,)),
    ]
    assert len({one, *others}) == 5


# -- templates with a program ------------------------------------------------


def test_a_program_follows_the_data_of_its_own_template() -> None:
    root = Path("/stack")
    config = Config(
        root=root,
        template={
            "base": TemplateTable(data=("one.txt",), command=("a",), reads=("x",)),
            "top": TemplateTable(
                parent="base",
                modules=("party",),
                data=("two.txt",),
                command=("python", "b"),
                directory="data",
                reads=("data",),
                packages=("pycountry",),
                environment=("A=1",),
            ),
        },
    )
    first = Program(name="base", argv=("a",), root=root, directory=root, reads=("x",))
    second = Program(
        name="top",
        argv=("python", "b"),
        root=root,
        directory=root / "data",
        reads=("data",),
        packages=("pycountry",),
        environment=("A=1",),
    )
    found = needs.request(config, ("top",))
    one = Document(path=root / "one.txt", root=root, reads=("x",))
    two = Document(path=root / "two.txt", root=root, reads=("data",))
    assert found.data == (one, first, two, second)
    assert found.modules == ("party",)
