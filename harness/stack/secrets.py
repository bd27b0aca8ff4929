# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack's secrets: files of one line, made for development, else only checked."""

import os
import secrets
import shlex
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.errors import ConfigError

NAMES: Final = (
    "database_password", "portal_database_password", "api_database_password",
    "admin_password", "processing_password", "session_secret",
)  # fmt: skip
MAIL: Final = "portal_smtp"
"""The mail server with its password, if it has one: the only one that may be absent."""
OPEN: Final = "may be read by others"
LENGTH: Final = 16
"""Characters that a secret must have outside of development."""
LONGER: Final = {"session_secret": 32}
"""Secrets that must have more: sessions are signed with it."""
KNOWN: Final = (
    "password", "passwort", "secret", "s0secret", "changeme", "change-me", "admin",
    "tryton", "postgres", "development", "example", "default", "test", "123456",
    "qwerty",
)  # fmt: skip
"""Words that guessers try: a secret may not be made of them."""


def directory(base: Path, environment: str) -> Path:
    """Where the secrets of an environment are."""
    return base / "secrets" / environment


def ensure(base: Path, environment: str) -> dict[str, str]:
    """The secrets of an environment; those of development are made when missing.

    Raises `ConfigError` for the others with all that is wrong with them.
    """
    place = directory(base, environment)
    if environment == "development":
        create(place, NAMES)
    found, problems = read(place, strict=environment != "development")
    if problems:
        raise ConfigError(
            f"the secrets of {environment} are not fit for use:\n"
            + "\n".join(problems),
            checked=f"{place}/{{{','.join((*NAMES, MAIL))}}}",
            remedy=remedy(place, problems),
        )
    return found


def remedy(place: Path, problems: Sequence[str]) -> str:
    """The line for a shell: bad ones go, as none that is there is replaced."""
    known = [problem.partition(" ")[::2] for problem in problems]
    loose = [name for name, why in known if why.startswith(OPEN)]
    bad = [name for name, _ in known if name not in loose and (place / name).exists()]
    steps = [
        f"{program} {' '.join(shlex.quote(str(place / name)) for name in names)}"
        for program, names in (("chmod 600", loose), ("rm", bad))
        if names
    ]
    if len(loose) < len(known):
        steps.append("harness secrets init")
    return "; ".join(steps)


def create(place: Path, names: Sequence[str]) -> list[str]:
    """Make what is missing: random, for the owner's eyes only; what was made."""
    made = []
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in names:
        new = place / f".{name}.{os.getpid()}"
        if (place / name).exists():
            continue
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(secrets.token_urlsafe(24) + "\n")
        try:
            os.link(new, place / name)  # never over another process's
            made.append(name)
        except FileExistsError:
            pass
        finally:
            new.unlink()
    return made


def read(place: Path, *, strict: bool) -> tuple[dict[str, str], list[str]]:
    """The secrets, and what is wrong with them."""
    found: dict[str, str] = {}
    problems: list[str] = []
    for name in (*NAMES, MAIL):
        path = place / name
        try:
            text = path.read_text("utf-8").removesuffix("\n").removesuffix("\r")
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            if name != MAIL:
                problems.append(f"{name} is missing")
            continue
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{name} cannot be read: {error}")
            continue
        found[name] = text
        if name == MAIL:  # somebody else has made it
            problem = "" if text.isprintable() else "has several lines"
            problem = problem or (readable(mode) if strict else "")
        else:
            problem = shape(text)
            if strict and not problem:
                problem = weakness(text, mode, LONGER.get(name, LENGTH))
        if problem:
            problems.append(f"{name} {problem}")
    # Admin's is the one that a database has, and another one would not be let in.
    ordered = sorted(found, key="admin_password".__ne__)
    for at, name in enumerate(ordered):
        if strict and found[name] in [found[one] for one in ordered[:at]]:
            problems.append(f"{name} is the same as another one")
    return found, problems


def shape(text: str) -> str:
    """Why this cannot be handed on, or nothing."""
    if not text:
        return "is empty"
    if not text.isascii() or not text.isprintable():
        return "has other characters than printable ASCII, or several lines"
    if set(text) & set(":\\ '\"$"):
        return "has one of the characters : \\ ' \" $ or a space"
    return ""


def readable(mode: int) -> str:
    """Why others may read a file, or nothing."""
    return f"{OPEN} (mode {mode:04o}): chmod 600" if mode & 0o077 else ""


def weakness(text: str, mode: int, length: int = LENGTH) -> str:
    """Why this is no secret, or nothing."""
    if why := readable(mode):
        return why
    if len(text) < length:
        return f"is shorter than {length} characters"
    rest = text.lower()
    for word in sorted(KNOWN, key=len, reverse=True):
        rest = rest.replace(word, "")
    if len(rest) < LENGTH // 2 or len(set(text)) < LENGTH // 2:
        return "can be guessed: it is made of few characters or well-known words"
    return ""
