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
        create(place)
    found, problems = read(place, strict=environment != "development")
    if problems:
        raise ConfigError(
            f"the secrets of {environment} are not fit for use:\n"
            + "\n".join(problems),
            checked=f"{place}/{{{','.join(NAMES)}}}",
            remedy=f"write each anew: {written(place, problems)}",
        )
    return found


def written(place: Path, problems: Sequence[str]) -> str:
    """The line for a shell that writes those secrets anew that have problems."""
    named = [name for name in NAMES if any(p.startswith(f"{name} ") for p in problems)]
    names = " ".join(named or NAMES)
    where = shlex.quote(str(place))
    return (
        f"(umask 077; mkdir -p {where}; cd {where}; for name in {names};"
        " do openssl rand -base64 24 > $name; done)"
    )


def create(place: Path) -> None:
    """Make what is missing: random, for the owner's eyes only."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in NAMES:
        new = place / f".{name}.{os.getpid()}"
        if (place / name).exists():
            continue
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(secrets.token_urlsafe(24) + "\n")
        try:
            os.link(new, place / name)  # never over another process's
        except FileExistsError:
            pass
        finally:
            new.unlink()


def read(place: Path, *, strict: bool) -> tuple[dict[str, str], list[str]]:
    """The secrets, and what is wrong with them."""
    found: dict[str, str] = {}
    problems: list[str] = []
    for name in NAMES:
        path = place / name
        try:
            text = path.read_text("utf-8").removesuffix("\n").removesuffix("\r")
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            problems.append(f"{name} is missing")
            continue
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{name} cannot be read: {error}")
            continue
        found[name] = text
        problem = shape(text)
        if strict and not problem:
            problem = weakness(text, mode, LONGER.get(name, LENGTH))
        if problem:
            problems.append(f"{name} {problem}")
    if strict and len(set(found.values())) < len(found):
        problems.append("two secrets are the same")
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


def weakness(text: str, mode: int, length: int = LENGTH) -> str:
    """Why this is no secret, or nothing."""
    if mode & 0o077:
        return f"may be read by others (mode {mode:04o}): chmod 600"
    if len(text) < length:
        return f"is shorter than {length} characters"
    rest = text.lower()
    for word in sorted(KNOWN, key=len, reverse=True):
        rest = rest.replace(word, "")
    if len(rest) < LENGTH // 2 or len(set(text)) < LENGTH // 2:
        return "can be guessed: it is made of few characters or well-known words"
    return ""
