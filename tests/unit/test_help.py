# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line explains itself, and agrees with what goes to pytest."""

import argparse
import re
from collections.abc import Iterator

import pytest

from harness import cli, options
from harness.errors import ExitCode, UsageError


def parsers(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """A parser and all below it, with the words that lead there."""
    yield parser.prog, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield from parsers(one)


PARSER = cli.parser()
PARSERS = dict(parsers(PARSER))
ACTIONS = [
    (words, action)
    for words, parser in PARSERS.items()
    for action in parser._actions
    if not isinstance(action, argparse._SubParsersAction)
]


def subcommands(words: str) -> argparse._SubParsersAction:
    [found] = [
        one
        for one in PARSERS[words]._actions
        if isinstance(one, argparse._SubParsersAction)
    ]
    return found


def test_all_commands_are_there() -> None:
    assert set(PARSERS) == {
        "harness",
        "harness test",
        "harness watch",
        "harness template",
        "harness stack",
        "harness stack export",
        "harness secrets",
        "harness secrets init",
        *(
            f"harness template {action}"
            for action in (
                "list",
                "build",
                "explain",
                "verify",
                "digest",
                "export",
                "import",
                "prune",
            )
        ),
        "harness init",
        "harness serve",
        "harness build",
        "harness images",
        *(
            f"harness images {action}"
            for action in (
                "base",
                "list",
                "pull",
                "push",
                "save",
                "sbom",
                "refresh",
                "lock",
            )
        ),
        "harness report",
        *(f"harness report {one}" for one in ("merge", "list", "show", "open")),
        "harness report compare",
        "harness ci",
        *(
            f"harness ci {action}"
            for action in ("generate", "matrix", "run-job", "refresh")
        ),
        "harness gate",
        "harness hooks",
        "harness hooks install",
        "harness hooks remove",
        "harness durations",
        "harness config",
        "harness update",
        "harness sources",
        *(
            f"harness sources {action}"
            for action in (
                "status",
                "diff",
                "checkout",
                "pull",
                "commit",
                "push",
                "merge",
                "promote",
            )
        ),
        "harness db",
        *(
            f"harness db {action}"
            for action in (
                "list",
                "size",
                "psql",
                "console",
                "create",
                "rebuild",
                "test-setup",
                "demo-setup",
                "delete",
                "copy",
                "update",
                "backup",
                "restore",
                "verify",
                "destroy",
            )
        ),
        "harness clean",
        "harness doctor",
        *(
            f"harness {command}"
            for command in (
                "up",
                "down",
                "restart",
                "rollback",
                "ps",
                "logs",
                "shell",
                "exec",
                "run",
                "scale",
                "urls",
                "port",
                "deploy",
                "pip-install",
                "pdb",
                "monitor",
                "docs",
                "lint",
                "completion",
            )
        ),
    }


@pytest.mark.parametrize(
    ("words", "action"),
    [
        pytest.param(
            words,
            action,
            id=f"{words} {'/'.join(action.option_strings) or action.dest}",
        )
        for words, action in ACTIONS
    ],
)
def test_every_option_has_a_help_text(words: str, action: argparse.Action) -> None:
    assert action.help
    assert action.help.strip()


@pytest.mark.parametrize("words", ["harness", "harness template", "harness db"])
def test_every_command_has_a_help_text(words: str) -> None:
    action = subcommands(words)
    helped = {one.dest: one.help for one in action._choices_actions}
    assert set(helped) == set(action.choices)
    assert all(helped.values())


@pytest.mark.parametrize("words", list(PARSERS))
def test_help_can_be_printed(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        PARSER.parse_args([*words.split()[1:], "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: {words}")
    assert PARSERS[words].description in " ".join(shown.split())


def test_what_goes_to_the_harness_is_what_the_test_command_has() -> None:
    flags, values = set(), set()
    for action in PARSERS["harness test"]._actions:
        (flags if action.nargs in (0, "?") else values).update(action.option_strings)
    assert flags == options.FLAGS
    assert values == options.VALUES


def test_the_exit_codes_of_the_help_exist() -> None:
    text = cli.EPILOG.partition("exit codes:")[2]
    named = {int(number) for number in re.findall(r"\d+", text)}
    assert named <= {int(code) for code in ExitCode}
    assert {0, 1, 2, 3, 4, 5, 7, 9, 130} <= named


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["tset"],
        ["test", "tryton", "--jobs", "many"],
        ["test", "tryton", "--isolation", "function"],
        ["template"],
        ["template", "prune", "--dry"],
        ["template", "export", "party"],
        ["config", "--jsn"],
    ],
    ids=" ".join,
)
def test_a_wrong_line_is_a_usage_error(argv: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        PARSER.parse_args(argv)
    assert caught.value.code == ExitCode.USAGE
    assert re.search("--help|did you mean", caught.value.remedy)


@pytest.mark.parametrize(
    "line",
    [
        "test tryton party country --jobs 2",
        "test --jobs 2 tryton party country",
        "test --jobs=2 tryton party country",
        "test tryton --jobs 2 party country",
        "test tryton party --jobs 2 country",
        "test tryton -k view --jobs 2 party country",
    ],
)
def test_options_may_stand_anywhere(line: str) -> None:
    own, _ = options.split(line.split())
    parsed = PARSER.parse_args(own)
    assert parsed.suite == "tryton"
    assert parsed.words == ["party", "country"]
    assert parsed.jobs == 2


def test_pytest_options_among_the_modules_do_not_matter() -> None:
    own, rest = options.split(["test", "tryton", "-x", "party", "-k", "view"])
    assert PARSER.parse_args(own).words == ["party"]
    assert rest == ("-x", "-k", "view")


@pytest.mark.parametrize(
    "line", ["template list --database sqlite", "template --database sqlite list"]
)
def test_the_server_may_be_named_before_the_action(line: str) -> None:
    assert PARSER.parse_args(line.split()).database == "sqlite"


@pytest.mark.parametrize("line", ["template list", "test tryton", "config"])
def test_the_server_need_not_be_named(line: str) -> None:
    parsed = PARSER.parse_args(line.split())
    assert getattr(parsed, "database", None) is None
