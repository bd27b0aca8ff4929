# SPDX-License-Identifier: GPL-3.0-or-later
"""Every error that a user can meet, each with its exit code.

A message says what happened, what was checked, and the command that mends it.
"""

from enum import IntEnum
from typing import ClassVar, Final


class ExitCode(IntEnum):
    """Exit codes of ``harness`` (docs/design.md)."""

    OK = 0
    TESTS_FAILED = 1
    USAGE = 2
    NOTHING_SELECTED = 3
    MISSING = 4
    COMMAND_FAILED = 5
    IMAGE = 6
    DATABASE = 7
    GATE = 8
    INTERNAL = 9
    FAILS_ALONE = 10
    """``--bisect``: no other test has to do with it."""
    DOES_NOT_FAIL = 11
    """``--bisect``: neither alone nor after the others."""
    INTERRUPTED = 130


NO_SPACE: Final = (
    "no space left on device",
    "disk quota exceeded",
    "check free disk space",
)
"""What programs say of a full disk; those in Go begin it with a small letter."""
FREE: Final = (
    "free some: harness template prune --all, harness clean; rm -r reports of old runs"
)
"""What mends it."""


class HarnessError(Exception):
    """An error with a remedy.

    `message` says what happened, `checked` what was looked at (optional),
    `remedy` the command or change that mends it (optional).  Who could have lost
    something adds the `state` that it is in.
    """

    code: ClassVar[ExitCode] = ExitCode.INTERNAL

    def __init__(self, message: str, *, checked: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.checked = checked
        self.remedy = remedy
        self.state = ""

    @property
    def more(self) -> dict[str, str]:
        """What is known beside the message, each with its label."""
        found = {
            "checked": self.checked, "state": self.state, "to mend it": self.remedy,
        }  # fmt: skip
        return {label: text for label, text in found.items() if text}

    def __str__(self) -> str:
        more = (f"{label}: {text}" for label, text in self.more.items())
        return "\n".join([self.message, *more])


class UsageError(HarnessError):
    """The command line asks for something that does not exist or cannot be."""

    code = ExitCode.USAGE


class ConfigError(HarnessError):
    """The configuration is wrong: file, key and allowed values are named."""

    code = ExitCode.USAGE


class SourceError(HarnessError):
    """A source or a module of it is missing or broken."""

    code = ExitCode.USAGE


class NothingSelected(HarnessError):
    """No test is left after selection; zero tests are never 'passed'."""

    code = ExitCode.NOTHING_SELECTED


class Unfinished(HarnessError):
    """Tests that were chosen have no outcome: their process ended before."""

    code = ExitCode.TESTS_FAILED


class MissingTool(HarnessError):
    """Something that the machine should have is not there."""

    code = ExitCode.MISSING


class DiskFull(HarnessError):
    """There is no space left; where is in the message."""

    code = ExitCode.MISSING

    @staticmethod
    def said(text: str) -> bool:
        """Whether a program says it: by the system's words, or by PostgreSQL's hint."""
        return any(one in text.lower() for one in NO_SPACE)


class CommandFailed(HarnessError):
    """An external command failed; its line and its output are in the message."""

    code = ExitCode.COMMAND_FAILED


class EngineError(HarnessError):
    """The Docker engine refuses, or ends in mid-run."""

    code = ExitCode.MISSING


class ImageError(HarnessError):
    """An image cannot be built, found or pulled."""

    code = ExitCode.IMAGE


class BrowserError(HarnessError):
    """A browser, its driver or a grid does not start, answer or fit."""

    code = ExitCode.MISSING


class DatabaseError(HarnessError):
    """The database server cannot be used or was lost."""

    code = ExitCode.DATABASE


class TemplateError(HarnessError):
    """A template cannot be built, found, read or written."""

    code = ExitCode.DATABASE


class Superseded(TemplateError):
    """What a layer is made of has changed while it was built: it is of no use."""

    def __init__(self) -> None:
        super().__init__(
            "what was built is made of files that were saved meanwhile",
            remedy="run again: it is built from what is there now",
        )


class ReportError(HarnessError):
    """A report is missing, broken, or of elsewhere; each part is named."""

    code = ExitCode.COMMAND_FAILED


class DriftError(HarnessError):
    """A generated file is not what would be generated now."""

    code = ExitCode.GATE


class InternalError(HarnessError):
    """A defect of the harness itself."""

    code = ExitCode.INTERNAL


class Interrupted(HarnessError):
    """Ended by Ctrl-C or a signal."""

    code = ExitCode.INTERRUPTED


class GateFailed(HarnessError):
    """The gate says no; its rows are named, with the commands that show why."""

    code = ExitCode.GATE
