# SPDX-License-Identifier: GPL-3.0-or-later
"""What pip says, in the user's words: of the package index, of a source."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from harness import series
from harness.errors import (
    CommandFailed,
    HarnessError,
    MissingTool,
    SourceError,
    UsageError,
)
from harness.masks import masked
from harness.model import Module
from harness.modules import nowhere

UNANSWERED: Final = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|"
    r"NameResolutionError|connection broken by|Connection refused|"
    r"Max retries exceeded|(?:40[137]|50\d) (?:Client|Server) Error"
)
ABSENT: Final = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
FRAME: Final = re.compile(
    r'File "(?P<a>[^"<]+)", line (\d+)|^(?P<b>\S+\.py):(\d+):', re.M
)
PACKAGES: Final = {
    "bs4": "beautifulsoup4", "Crypto": "pycryptodome", "cv2": "opencv-python",
    "dateutil": "python-dateutil", "OpenSSL": "pyOpenSSL", "PIL": "Pillow",
    "pkg_resources": "setuptools<82", "psycopg2": "psycopg2-binary",
    "stdnum": "python-stdnum", "yaml": "PyYAML",
}  # fmt: skip
"""Packages that are not called as what is imported of them."""


@dataclass(frozen=True, kw_only=True)
class PipMeaning:
    """What is meant by words of pip's; the message names what they name."""

    pattern: re.Pattern[str]
    kind: type[HarnessError]
    message: str
    remedy: str
    unnamed: str = ""
    quoted: bool = False
    """Whether the words are shown, too."""


MEANINGS: Final = (
    PipMeaning(
        pattern=re.compile(
            r"fatal: (?:unable to access|repository) '([^']+)'"
            r"|fatal: (?:Could not read from remote repository)"
        ),
        kind=MissingTool,
        message="the repository {} cannot be reached",
        remedy="is the network there, and may you read it? The packaging of a"
        " source requires it by this address",
        unnamed="of a requirement",
        quoted=True,
    ),
    PipMeaning(  # setuptools' words where it may not write beside the source
        pattern=re.compile(
            r"error: (?:Cannot update time stamp of directory|could not create"
            r"|\[Errno (?:13|30)\]).*"
        ),
        kind=MissingTool,
        message="a source cannot be installed: its checkout cannot be written",
        remedy="make it writable, or take a copy: what installs it writes there",
        quoted=True,
    ),
    PipMeaning(
        pattern=re.compile(r"""Invalid requirement: (?:'([^']*)'|"([^"]*)")"""),
        kind=UsageError,
        message="{!r} is no requirement as pip knows them",
        remedy="write it as NAME, 'NAME>=1.0' or 'NAME @ git+https://…': --with,"
        " or requirements in pyproject.toml",
    ),
    PipMeaning(
        pattern=re.compile(r"No matching distribution found for (\S+)"),
        kind=UsageError,
        message="the package index has no {}",
        remedy="correct the requirement, in the source's own packaging or in"
        " requirements of [tool.harness.source.NAME]",
    ),
)


def explained(error: CommandFailed) -> HarnessError:
    """The same error, or what was meant by it.

    An index that does not answer is, for pip, one that has nothing: it then complains
    of what there is not, or of what conflicts.
    """
    said = error.message.splitlines()
    line = said[0].partition(" ended with exit code")[0] if said else ""
    broken = next((one for one in said[1:] if UNANSWERED.search(one)), "")
    if broken:
        return MissingTool(
            "the package index does not answer",
            checked=f"{line}\n{broken.strip()[:300]}",
            remedy="is the network there, and are PIP_INDEX_URL and pip's"
            " configuration right? harness doctor",
        )
    for one in MEANINGS:
        found = one.pattern.search(error.message)
        if found:
            named = next(filter(None, found.groups()), one.unnamed)
            return one.kind(
                one.message.format(masked(named)),
                checked=f"{line}\n{found[0][:300]}" if one.quoted else line,
                remedy=one.remedy,
            )
    return error


def lost(error: CommandFailed, modules: Iterable[Module]) -> HarnessError | None:
    """The error for another vendor's module that one of these needs, if it is that."""
    unknown = re.search(r"No matching distribution found for ([\w.-]+)", error.message)
    name = re.sub("[-.]", "_", unknown[1]).lower() if unknown else ""
    if not unknown or name.startswith("trytond_"):
        return None
    for module in modules:
        for one in module.depends:
            if name.endswith(f"_{one}"):
                asked = f"the package index for {unknown[1]}, as its packaging says"
                return nowhere(one, module, tried=[asked, "what lies beside it"])
    return None


def undeclared(trace: str, own: Iterable[str] = ()) -> SourceError | None:
    """The error for an import of what nobody requires, if a traceback ends in one.

    What is called as one of ours (`own`) is there, and is not found for other reasons.
    """
    absent = ABSENT.search(trace)
    frames = list(FRAME.finditer(trace, 0, absent.start())) if absent else []
    if absent is None or not frames or absent[1].partition(".")[0] in own:
        return None
    last = frames[-1]
    name = absent[1].removeprefix("trytond.modules.").partition(".")[0]
    of_tryton = absent[1].startswith("trytond.modules.")
    package = f"trytond_{name}" if of_tryton else PACKAGES.get(name, name)
    first = f"harness test --with '{package}' (or what the package with it is called)"
    if of_tryton and name not in series.official():  # no index has what vendors have
        first = f"clone {name} beside the repository, in its series"
    return SourceError(
        f"{last['a'] or last['b']} imports {absent[1]}, which nothing requires",
        checked=f"line {last[2] or last[4]} there; all that the packaging, its extra"
        " for tests and tryton.cfg have installed",
        remedy=f"{first}; for good, name it among what the package or its extra test"
        " requires, or harness init and requirements in [tool.harness]",
    )
