# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands, options and pages that the documents name are there."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import cli, options

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
SESSIONS = {
    **dict.fromkeys(["tryton"], ("test", "tryton")),
    "portal_tests": ("test", "portal"),
    "api_tests": ("test", "api"),
    "processing_tests": ("test", "processing"),
    "integration": ("test", "integration"),
    "gate": ("gate",),
    "watch": ("watch",),
    "build": ("build",),
    "manage": (),
}
"""Sessions that hand their words to a command."""
OTHERS = {
    # of pytest-xdist and of plugins, of programs that a page shows, of other sessions
    "--dist", "--max-worker-restart", "--maxprocesses", "--harness-cold", "--rsyncdir",
    "--seconds", "--only", "--source", "--rounds", "--user", "--proxy",
    "--host", "--port", "--service", "--tty", "--max-sessions", "--processes",
}  # fmt: skip
FOREIGN = {("run",), ("exec",)}
"""Behind the service stands somebody else's command line."""


def parsers(
    parser: argparse.ArgumentParser, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    yield words, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, one in action.choices.items():
                yield from parsers(one, (*words, name))


PARSERS = dict(parsers(cli.parser()))
KNOWN = {
    words: {name for action in one._actions for name in action.option_strings}
    for words, one in PARSERS.items()
}
PYTEST = {
    *options.PYTEST_VALUES, *options.PYTEST_FLAGS, *options.NOSE_VALUES, "--path", "-n",
}  # fmt: skip


def said(text: str) -> Iterator[str]:
    """Each line of the code blocks of a page, and each span of code."""
    blocks = re.split(r"^ *```.*$", text, flags=re.M)
    for number, block in enumerate(blocks):
        if number % 2:
            joined = re.sub(r"\\\n\s*", "", block)
            yield from (line.strip() for line in joined.splitlines() if line.strip())
        else:
            spans = re.findall(r"`([^`]+)`", block)
            yield from (re.sub(r"\s+", " ", one.strip()) for one in spans)


def command(line: str) -> tuple[tuple[str, ...], list[str]] | None:
    """The command that a line calls, and the words behind it; None if it is no call."""
    line = re.split(r"\s+#|\s{3,}| [|>] ", line)[0].removeprefix("$ ")
    words = line.split()
    if words[:1] == ["harness"]:
        first: tuple[str, ...] = ()
        rest = words[1:]
    elif words[:1] in (["nox"], ["./nox"]) and words[1:2] == ["-s"]:
        if words[2] not in SESSIONS:
            return None
        first = SESSIONS[words[2]]
        rest = words[4:]
    else:
        return None
    while rest and (*first, rest[0]) in PARSERS:
        first, rest = (*first, rest[0]), rest[1:]
    return first, rest


def below_it(path: tuple[str, ...]) -> bool:
    """Whether a command is nothing without another word."""
    return path != ("sources",) and any(
        one[:-1] == path for one in PARSERS if len(one) == len(path) + 1
    )


def wrong(line: str) -> str:
    """What is wrong with a line of one or several commands, or nothing."""
    first, _, others = line.partition("; ")
    return _wrong(first) or (wrong(others) if others else "")


def _wrong(line: str) -> str:
    sessions = re.match(r"(?:\$ )?(?:\./)?nox -s ([\w ]+?)(?: --|$|\s+#|\s{3})", line)
    if sessions:
        text = (ROOT / "noxfile.py").read_text("utf-8")
        there = [*re.findall(r"^def (\w+)\(session", text, re.M), *SESSIONS]
        for name in sessions[1].split():
            if name not in there:
                return f"no session {name}"
    found = command(line)
    if found is None:
        return ""
    words, rest = found
    path = words[:1] if words[:1] == ("test",) else words
    if path not in PARSERS:
        return f"no command {' '.join(words)}"
    if below_it(path) and rest and re.fullmatch(r"[a-z][a-z-]+", rest[0]):
        return f"no command {' '.join((*path, rest[0]))}"
    if path in FOREIGN:
        rest = rest[:1]
    known = KNOWN[path] | (PYTEST | OTHERS if path == ("test",) else set())
    below = {
        name
        for one, names in KNOWN.items()
        if one[: len(path)] == path
        for name in names
    }
    for word in rest:
        if word == "--":
            break
        option = re.match(r"\[?(--[a-z][a-z-]+)", word)
        if option and option[1] not in known | below:
            return f"{' '.join(path)} has no {option[1]}"
    return ""


def test_the_checker_finds_what_is_stale() -> None:
    assert wrong("$ harness test tryton --keep-faild")
    assert wrong("harness monitr --once")
    assert wrong("$ ./nox -s trytons -- party")
    assert wrong("nox -s portal_tests -- unit --brwoser docker")
    assert wrong("harness db lst")
    assert wrong("harness template list; harness template explane party")
    assert not wrong("$ harness test tryton party -k x --keep-failed --dist loadfile")
    assert not wrong("$ ./nox -s tests lint        # what must be green")
    assert not wrong("harness db psql NAME -- --no-such")
    assert not wrong("harness template list; harness template explain party")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_one_that_there_is(page: Path) -> None:
    stale = {line: wrong(line) for line in said(page.read_text("utf-8"))}
    assert not {line: what for line, what in stale.items() if what}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_in_a_sentence_is_somebodys(page: Path) -> None:
    """Where a page names one by itself: of any command, of pytest, or of nose."""
    ours = {name for names in KNOWN.values() for name in names} | PYTEST | OTHERS
    for path in (ROOT / "harness" / "plugins").rglob("*.py"):
        ours |= set(re.findall(r'"(--[a-z][a-z-]+)"', path.read_text("utf-8")))
    for line in said(page.read_text("utf-8")):
        if line.startswith("--"):
            option = re.match(r"--[a-z][a-z-]*[a-z]\b(?!-)", line)
            assert option is None or option[0] in ours, line


def test_the_lines_are_found() -> None:
    lines = [line for page in PAGES for line in said(page.read_text("utf-8"))]
    assert len([line for line in lines if command(line)]) > 200


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_that_is_linked_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[\w-]+)?\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_every_page_is_in_the_order_to_read() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    listed = [
        line
        for block in re.findall(r"```\{toctree\}\n(.*?)```", index, re.S)
        for line in block.splitlines()
        if line and not line.startswith(":")
    ]
    there = {page.stem for page in (ROOT / "docs").glob("*.md")} - {"index"}
    assert sorted(listed) == sorted(there)
    assert listed[:2] == ["start", "tryton"]
