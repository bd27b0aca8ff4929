# SPDX-License-Identifier: GPL-3.0-or-later
"""Which words of a command line are the harness's, and which are pytest's."""

import difflib
import re
from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path

TESTING = ("test", "watch")
"""Commands that hand words to pytest."""
FLAGS = frozenset(
    {
        "--affected",
        "--list",
        "--list-tests",
        "--json",
        "--exact",
        "--keep",
        "--keep-failed",
        "--sql",
        "--coverage",
        "--debug",
        "--headed",
        "--help",
        "-h",
        "--random-order",
        "--random-order-all",
    }
)
OPTIONAL = {"--affected": "--affected=run"}
"""Options whose value may be left out, and stands behind ``=``."""
VALUES = frozenset(
    {
        "--series", "--database", "--isolation", "--in", "--jobs", "--changed-since",
        "--path", "--profile", "--shard", "--browser", "--selenium", "--evidence",
        "--reruns", "--repeat", "--seed", "--bisect", "--exactly", "--worker",
        "--timeout", "--with",
    }
)  # fmt: skip
PYTEST_VALUES = frozenset(
    {
        "-k", "-m", "-p", "-c", "-o", "-r", "-W", "-n",
        "--maxfail", "--tb", "--durations", "--durations-min", "--ignore",
        "--ignore-glob", "--deselect", "--rootdir", "--confcutdir", "--basetemp",
        "--override-ini", "--pythonwarnings", "--log-level", "--log-cli-level",
        "--log-file", "--log-file-level", "--log-format", "--show-capture",
        "--capture", "--color", "--import-mode", "--junit-prefix", "--pastebin",
        "--pdbcls", "--lfnf", "--last-failed-no-failures", "--verbosity",
        "--doctest-glob", "--doctest-report", "--code-highlight", "--junitxml",
        "--junit-xml", "--log-date-format", "--log-cli-format", "--log-file-format",
        "--log-cli-date-format", "--log-file-date-format", "--log-file-mode",
        "--log-auto-indent", "--log-disable", "--assert", "--max-warnings",
        "--config-file", "--junitprefix", "--report-chars", "--cache-show",
    }
)  # fmt: skip
"""Options of pytest whose value may stand in the next word."""
PYTEST_FLAGS = frozenset(
    {
        "--cache-clear", "--co", "--collect-in-virtualenv", "--collect-only",
        "--collectonly", "--continue-on-collection-errors",
        "--disable-plugin-autoload", "--disable-pytest-warnings",
        "--disable-warnings", "--doctest-continue-on-failure",
        "--doctest-ignore-import-errors", "--doctest-modules", "--exitfirst",
        "--failed-first", "--ff", "--fixtures", "--fixtures-per-test",
        "--force-short-summary", "--full-trace", "--fulltrace", "--funcargs",
        "--keep-duplicates", "--keepduplicates", "--last-failed", "--lf", "--markers",
        "--new-first", "--nf", "--no-fold-skipped", "--no-header", "--no-showlocals",
        "--no-summary", "--noconftest", "--pdb", "--pyargs", "--quiet", "--runxfail",
        "--setup-only", "--setup-plan", "--setup-show", "--setuponly", "--setupplan",
        "--setupshow", "--showlocals", "--stepwise", "--stepwise-reset",
        "--stepwise-skip", "--strict", "--strict-config", "--strict-markers", "--sw",
        "--sw-reset", "--sw-skip", "--trace", "--trace-config", "--traceconfig",
        "--verbose", "--version", "--xfail-tb", "-V", "-l", "-q", "-s", "-v", "-x",
    }
)  # fmt: skip
"""Options of pytest that have no value."""
SHOWING = frozenset(
    {
        "--collect-only", "--collectonly", "--co", "--fixtures", "--funcargs",
        "--fixtures-per-test", "--markers", "--help", "-h", "--version", "-V",
        "--cache-show", "--setup-plan", "--setupplan", "--setup-only", "--setuponly",
    }
)  # fmt: skip
"""Options of pytest that have it show something, and run no test."""
PSQL = ("db", "psql")
JUNIT = ("--junitxml", "--junit-xml")
READ = ("-c", "--config-file", "--rootdir", "--confcutdir")
NOSE_VALUES = frozenset(
    {
        "-a", "--attr", "-A", "--eval-attr", "-i", "--include", "-e", "--exclude",
        "-I", "--ignore-files", "--match", "--nose-match", "--testmatch", "--tests",
        "--xunit-file", "--cover-package", "--cover-html-dir", "--cover-xml-file",
        "--cover-min-percentage",
    }
)  # fmt: skip
"""The same of nose, as its plugin has them."""
NOSE_FLAGS = frozenset(
    {
        "--with-coverage", "--cover-erase", "--cover-tests", "--cover-inclusive",
        "--cover-html", "--cover-xml", "--cover-branches", "--with-doctest",
        "--with-id", "--with-xunit", "--exe", "--noexe", "--failed", "--nocapture",
        "--nologcapture", "--detailed-errors", "--pdb-errors", "--pdb-failures",
        "--stop",
    }
)  # fmt: skip
"""Those that have no value."""


class Doubtful(str):
    """A word behind an option that nobody here knows: its value, or an address."""

    __slots__ = ()


def bare(word: str) -> str:
    """An id without the name of a subtest, ``[message] (n=1)``, shown with it."""
    head, bracket, _ = word.partition("[")
    place = head.rfind("::")
    space = head.find(" ", place) if place >= 0 else -1
    if space >= 0:
        return head[:space]
    found = re.fullmatch(r"(.*?\])(?: \[.*\])? \(.*\)", word) if bracket else None
    return found[1] if found and place >= 0 else word


def doubtful(
    words: Sequence[str], known: Container[str] = ()
) -> tuple[list[str], list[str]]:
    """The doubtful ones among the words: those that are known, and the others."""
    found: list[str] = [word for word in words if isinstance(word, Doubtful)]
    named = [word for word in found if word in known]
    return named, [word for word in found if word not in known]


USUAL = 0.6
BEGINNING = 3
"""Letters of a word that is one's beginning, such as ``prod``."""


def meant(word: str, known: Iterable[str], *, cutoff: float = USUAL) -> str:
    """``did you mean …?`` for a word that is none of those known, or nothing."""
    every = sorted(known)
    near = difflib.get_close_matches(word, every, n=1, cutoff=cutoff)
    if not near and len(word) >= BEGINNING and cutoff <= USUAL:
        begun = [one for one in every if one.startswith(word)]
        near = begun if len(begun) == 1 else []
    return f"did you mean {near[0]}?" if near else ""


ALIKE = 0.82
LETTERS = 2
"""Options of pytest's plugins are not known here: only what is as near as this is a
slip."""
SHORTEST = 7
"""Letters, with its dashes: shorter ones are too often near to each other."""


def slip(argv: Sequence[str]) -> tuple[str, str]:
    """An option of ``harness test`` that nobody has, and what was meant by it.

    What follows ``--`` is pytest's, whatever it is.
    """
    own = argv[: argv.index("--")] if "--" in argv else argv
    known = FLAGS | VALUES | PYTEST_VALUES | PYTEST_FLAGS | NOSE_VALUES | NOSE_FLAGS
    for word in own:
        name = word.partition("=")[0]
        if name.startswith("--") and len(name) >= SHORTEST and name not in known:
            long = [one for one in known if len(one) >= SHORTEST]
            near = [one for one in long if abs(len(one) - len(name)) <= LETTERS]
            remedy = meant(name, near, cutoff=ALIKE)
            if remedy:
                return name, remedy
    return "", ""


def shows(words: Sequence[str]) -> bool:
    """Whether pytest is asked to show something, and to run no test."""
    return any(word.partition("=")[0] in SHOWING for word in words)


def rooted(words: Sequence[str], directory: Path) -> Iterator[str]:
    """The same with the user's own paths where the user is, not the tests.

    What is to be read is there only if it is; a JUnit file will be.
    """
    before = ""
    for word in words:
        name, equals, value = word.partition("=")
        if before in JUNIT or (before in READ and (directory / word).exists()):
            yield str(directory / word)
        elif equals and (
            name in JUNIT or (name in READ and (directory / value).exists())
        ):
            yield f"{name}={directory / value}"
        else:
            yield word
        before = word


def valued(words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Options of pytest that have a value, each with it."""
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name in PYTEST_VALUES:
            yield name, value if equals else next(rest, "")
        elif re.match("-[^-]", word):
            for place, letter in enumerate(word[1:], 2):  # several short ones: -xkNAME
                if f"-{letter}" in PYTEST_VALUES:
                    yield f"-{letter}", word[place:] or next(rest, "")
                    break


def _takes(word: str) -> bool | None:
    """Whether an option of pytest takes the next word; None where nobody knows."""
    if word in PYTEST_VALUES or word in NOSE_VALUES:
        return True
    if word in PYTEST_FLAGS or "=" in word:
        return False
    if word.startswith("--"):
        return None
    for place, letter in enumerate(word[1:], 2):  # several short ones: -xvk
        if f"-{letter}" in PYTEST_VALUES:
            return place == len(word)
        if f"-{letter}" not in PYTEST_FLAGS:
            return None
    return False


def lacking(argv: Sequence[str]) -> str:
    """The option of pytest's or nose's that ends a line, and has no value."""
    return argv[-1] if argv[-1].startswith("-") and _takes(argv[-1]) else ""


def split(argv: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The harness's words, and pytest's, or psql's: only two commands have such.

    What follows an option that is neither the harness's nor pytest's is pytest's, and
    `Doubtful`.
    """
    if tuple(argv[:2]) == PSQL and "--" in argv:
        at = list(argv).index("--")
        return list(argv[:at]), tuple(argv[at + 1 :])
    if not argv or argv[0] not in TESTING:
        return list(argv), ()
    own: list[str] = []
    names: list[str] = []
    other: list[str] = []
    words = iter(argv)
    unsure = False
    for word in words:
        name = word.partition("=")[0]
        doubtful, unsure = unsure, False
        if word == "--":
            other += words
        elif name in FLAGS:
            own.append(OPTIONAL.get(word, word))
        elif name in VALUES and "=" not in word:
            value = next(words, None)
            if value is None:  # it stays the last, and takes no other word for it
                names.append(word)
            else:
                own += [word, value]
        elif name in VALUES:
            own.append(word)
        elif word.startswith("-") and len(word) > 1:
            other.append(word)
            takes = _takes(word)
            unsure = takes is None
            if takes:
                other += [value for value in [next(words, None)] if value is not None]
        elif doubtful:
            other.append(Doubtful(word))
        else:
            names.append(word)
    return [argv[0], *own, *names[1:]], tuple(other)
