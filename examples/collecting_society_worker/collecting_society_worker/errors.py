# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, and what it means for a file and for the exit code."""


class Rejected(Exception):
    """The file will never do; `reason` is one of the module's."""

    def __init__(self, reason: str, note: str, *, duplicate: int | None = None) -> None:
        super().__init__(note)
        self.reason = reason
        self.note = note
        self.duplicate = duplicate


class WorkerError(Exception):
    """A message for the operator; the file, if there is one, waits where it is."""

    code = 1


class ConfigurationError(WorkerError):
    """Settings that cannot be meant."""

    code = 2


class Refused(ConfigurationError):
    """The server does not take user or password; somebody may mend that there."""


class ToolMissing(WorkerError):
    """A program that this file needs is not on the machine."""

    code = 4


class Unreachable(WorkerError):
    """The application server or the database does not answer."""

    code = 5
