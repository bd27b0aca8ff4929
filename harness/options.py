# SPDX-License-Identifier: GPL-3.0-or-later
"""Which words of a command line are the harness's, and which are pytest's."""

from collections.abc import Sequence

FLAGS = frozenset(
    {
        "--list",
        "--json",
        "--keep",
        "--keep-failed",
        "--coverage",
        "--debug",
        "--headed",
        "--help",
        "-h",
        "--random-order",
        "--random-order-all",
    }
)
VALUES = frozenset(
    {
        "--series", "--database", "--isolation", "--in", "--jobs", "--changed-since",
        "--path", "--profile", "--shard", "--browser", "--selenium", "--evidence",
        "--reruns", "--repeat", "--seed", "--bisect", "--exactly", "--worker",
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
        "--config-file", "--junitprefix", "--report-chars",
    }
)  # fmt: skip
"""Options of pytest whose value may stand in the next word."""
NOSE_VALUES = frozenset(
    {
        "-a", "--attr", "-A", "--eval-attr", "-i", "--include", "-e", "--exclude",
        "-I", "--ignore-files", "--match", "--nose-match", "--testmatch", "--tests",
        "--xunit-file", "--cover-package", "--cover-html-dir", "--cover-xml-file",
        "--cover-min-percentage",
    }
)  # fmt: skip
"""The same of nose, as its plugin has them."""


def split(argv: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The harness's words, and pytest's: only ``harness test`` has any of these."""
    if not argv or argv[0] != "test":
        return list(argv), ()
    own: list[str] = []
    names: list[str] = []
    other: list[str] = []
    words = iter(argv)
    for word in words:
        name = word.partition("=")[0]
        if word == "--":
            other += words
        elif name in FLAGS:
            own.append(word)
        elif name in VALUES:
            own.append(word)
            if "=" not in word:
                own += [value for value in [next(words, None)] if value is not None]
        elif word.startswith("-") and len(word) > 1:
            other.append(word)
            if word in PYTEST_VALUES or word in NOSE_VALUES:
                other += [value for value in [next(words, None)] if value is not None]
        else:
            names.append(word)
    return [argv[0], *own, *names[1:]], tuple(other)
