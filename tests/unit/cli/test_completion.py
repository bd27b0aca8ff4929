# SPDX-License-Identifier: GPL-3.0-or-later
"""What completion scripts are written from."""

import argparse

import pytest

from harness import cli
from harness.cli import completion

HINTS = {"SERVICE": ("portal", "api"), "suite": ("tryton",)}
MADE = completion.tables(cli.parser(), HINTS)


def test_every_command_is_there() -> None:
    parser = cli.parser()
    [below] = [
        one for one in parser._actions if isinstance(one, argparse._SubParsersAction)
    ]
    assert [word for word, _ in MADE.words[""]] == list(below.choices)
    assert {"list", "build"} <= {word for word, _ in MADE.words["template"]}


def test_arguments_are_hinted_by_name_or_metavar() -> None:
    assert [word for word, _ in MADE.words["deploy"]] == ["portal", "api"]
    assert ("tryton", "") in MADE.words["test"]


def test_options_and_their_values() -> None:
    assert "--isolation" in {word for word, _ in MADE.options["test"]}
    values = [word for word, _ in MADE.values["test --isolation"]]
    assert values == ["test", "class", "module", "worker"]
    assert MADE.values["test --series"] == []
    assert "test --list" not in MADE.values


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_apostrophes_and_percents_of_help_texts(shell: str) -> None:
    parser = argparse.ArgumentParser(prog="harness", add_help=False)
    parser.add_argument("--it", action="store_true", help="it's 5 %% off")
    text = completion.script(shell, completion.tables(parser, {}))
    quoted = "it\\'s" if shell == "fish" else "it'\\''s"
    assert f"'--it\t{quoted} 5 % off'" in text
    assert text.startswith("#compdef harness\n") is (shell == "zsh")


def test_each_shell_has_a_place() -> None:
    [below] = [
        one
        for one in cli.parser()._actions
        if isinstance(one, argparse._SubParsersAction)
    ]
    shells = next(
        one.choices
        for one in below.choices["completion"]._actions
        if one.dest == "shell"
    )
    assert tuple(shells or ()) == tuple(completion.WRITERS) == tuple(completion.PLACES)


def test_it_knows_what_pytest_takes() -> None:
    made = completion.with_pytest(completion.tables(cli.parser(), {}))
    names = [name for name, _ in made.options["test"]]
    assert {"--maxfail", "--last-failed", "--isolation"} <= set(names)
    assert len(set(names)) == len(names)
    assert made.values["test --maxfail"] == []
    assert "--maxfail" not in dict(made.options["doctor"])
