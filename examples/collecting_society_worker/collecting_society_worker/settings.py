# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings: built-in < ini file < environment.  Nothing is read at import."""

import configparser
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from .errors import ConfigurationError

PREFIX = "PROCESSING_"
SECTION = "processing"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One field is ``PROCESSING_FIELD`` in the environment, ``field`` in the file."""

    files: str = ""
    """The directory that the receiver of uploads writes to."""
    uri: str = ""
    """``http[s]://[USER:PASSWORD@]HOST[:PORT]/DATABASE/``; empty: in this process,
    on the database that DB_NAME and TRYTOND_DATABASE_URI name."""
    user: str = "admin"
    password: str = ""
    password_file: str = ""
    health: str = ""
    """The file that says how the service fares: ``ok``, or why not."""
    interval: float = 10.0
    """Seconds between two passes."""
    minimum: float = 1.0
    """Seconds that audio must have."""
    maximum: float = 3 * 3600.0
    """Seconds that audio may have."""
    lossless: bool = False
    """Whether audio must be lossless."""
    excerpt: float = 30.0
    """Seconds of the preview."""
    stale: float = 24 * 3600.0
    """Seconds after which a ``.part`` is given up, and a file without a record
    is reported."""

    def address(self) -> str:
        """The address with user and password, as proteus wants it."""
        parts = urlsplit(self.uri)
        if "@" in parts.netloc:
            netloc = parts.netloc
        else:
            user, password = quote(self.user, safe=""), quote(self.secret(), safe="")
            netloc = f"{user}:{password}@{parts.netloc}"
        path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
        return urlunsplit((parts.scheme, netloc, path, "", ""))

    def secret(self) -> str:
        """The password, from its file if there is one."""
        if not self.password_file:
            return self.password
        try:
            return Path(self.password_file).read_text().strip()
        except OSError as error:
            raise ConfigurationError(
                f"PROCESSING_PASSWORD_FILE: {self.password_file}: {error.strerror}"
            ) from None


def load(environ: Mapping[str, str], ini: str | None = None) -> Settings:
    """Read and check all settings; `ini` is a path, PROCESSING_CONFIG without it."""
    path = ini or environ.get(f"{PREFIX}CONFIG")
    known = {field.name: field.type for field in fields(Settings)}
    given = {name: (text, f"{path}: {name}") for name, text in _file(path, known)}
    for name in known:
        variable = PREFIX + name.upper()
        if environ.get(variable):
            given[name] = environ[variable], variable
    values = {name: _value(*one, known[name]) for name, one in given.items()}
    settings = Settings(**values)
    _check(settings, environ)
    return settings


def _file(path: str | None, known: Mapping[str, object]) -> list[tuple[str, str]]:
    if not path:
        return []
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with open(path, encoding="utf-8") as lines:
            parser.read_file(lines)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except configparser.Error as error:
        raise ConfigurationError(f"{path}: {error}") from None
    if not parser.has_section(SECTION):
        raise ConfigurationError(f"{path}: there is no section [{SECTION}]")
    for name in parser[SECTION]:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigurationError(
                f"{path}: unknown key {name}{hint} Allowed: {', '.join(known)}"
            )
    return list(parser.items(SECTION))


def _value(text: str, place: str, kind: object) -> Any:
    if kind is bool:
        states = configparser.ConfigParser.BOOLEAN_STATES
        if text.lower() in states:
            return states[text.lower()]
        raise ConfigurationError(f"{place} = {text!r}: neither yes nor no")
    if kind is float:
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not 0 < number < float("inf"):
            raise ConfigurationError(f"{place} = {text!r}: not a number of seconds")
        return number
    return text


def _check(settings: Settings, environ: Mapping[str, str]) -> None:
    if not settings.files:
        raise ConfigurationError(
            "PROCESSING_FILES is not set: the directory that uploads are written to"
        )
    if not Path(settings.files).is_dir():
        raise ConfigurationError(
            f"PROCESSING_FILES: {settings.files} is not a directory; is it mounted?"
        )
    if settings.minimum > settings.maximum:
        raise ConfigurationError(
            f"minimum ({settings.minimum:g} s) is more than maximum"
            f" ({settings.maximum:g} s)"
        )
    if settings.uri:
        parts = urlsplit(settings.uri)
        if parts.scheme not in ("http", "https") or not parts.path.strip("/"):
            raise ConfigurationError(
                "PROCESSING_URI must look like http://HOST:PORT/DATABASE/"
            )
    elif not (environ.get("DB_NAME") and environ.get("TRYTOND_DATABASE_URI")):
        raise ConfigurationError(
            "no database: set PROCESSING_URI, or DB_NAME and TRYTOND_DATABASE_URI"
        )
