# SPDX-License-Identifier: GPL-3.0-or-later
"""Half of a profile's sources: each command says whether that matters to it."""

import argparse
import io
from pathlib import Path

import pytest

from harness import config
from harness.cli import binding, parser
from harness.cli.wholeness import DOES_WITHOUT, NEEDS, refuse_half
from harness.context import Context
from harness.errors import SourceError
from harness.model import Origin, Source
from harness.output import Console
from tests.unit.test_docs import PARSERS

COMMANDS = {" ".join(w): one for w, one in PARSERS.items() if one.get_default("call")}
WORDS = {
    "deploy": ["portal"],
    "run": ["erpserver", "true"],
    "scale": ["portal=2"],
    "stack export": ["--output=-"],
    "db copy": ["a", "b"],
    "db restore": ["a.dump"],
    "template verify": ["party"],
    "template build": ["party"],
    "template explain": ["party"],
    "template digest": ["party"],
    "template export": ["party", "--output=-"],
    "test": ["tryton"],
    "watch": ["tryton"],
}
"""What commands cannot be called without."""
PROFILE = """
    [tool.harness.source.a]
    kind = "python"
    [tool.harness.source.b]
    repository = "https://x.example/b"
    [tool.harness.suite.tryton]
    [tool.harness.profile.theirs]
    when = ["src/a", "src/b"]
"""


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """Of a profile whose one source is cloned, and whose other is not."""
    (tmp_path / "pyproject.toml").write_text(PROFILE)
    place = tmp_path / "src" / "a"
    place.mkdir(parents=True)
    console = Console(io.StringIO(), {})
    made = Context(
        config=config.load(tmp_path, {}, {}), environ={}, console=console, line=""
    )
    made.__dict__["sources"] = {"a": Source(name="a", path=place, origin=Origin.SRC)}
    return made


def test_each_command_says_whether_it_needs_sources() -> None:
    """Who adds a command that makes something of sources adds it to `NEEDS`."""
    assert {*NEEDS} | DOES_WITHOUT == {*COMMANDS}
    assert not {*NEEDS} & DOES_WITHOUT


@pytest.mark.parametrize("dry", [False, True])
@pytest.mark.parametrize("name", NEEDS)
def test_who_needs_them_refuses_half(
    name: str, context: Context, monkeypatch: pytest.MonkeyPatch, *, dry: bool
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    if dry and "--dry-run" not in COMMANDS[name]._option_string_actions:
        return
    words = [*name.split(), *WORDS.get(name, []), *(["--dry-run"] if dry else [])]
    options = parser().parse_args(words)
    with pytest.raises(SourceError, match="some are not: src/b") as caught:
        binding.call(context, options, ())
    assert "git clone https://x.example/b src/b" in caught.value.remedy


@pytest.mark.parametrize("name", sorted(DOES_WITHOUT))
def test_who_does_without_them_is_let_through(name: str, context: Context) -> None:
    refuse_half(context, argparse.Namespace(here=COMMANDS[name]))
