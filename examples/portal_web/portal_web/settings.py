# SPDX-License-Identifier: GPL-3.0-or-later
"""What the application is told: by its caller, else by the environment."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SECRET_LENGTH = 32
"""The fewest characters that a secret must have outside development."""


class SettingsError(Exception):
    """A setting is missing or wrong."""


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _origins(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _setting(
    default: Any, *variables: str, read: Callable[[str], Any] = str, **allowed: Any
) -> Any:
    metadata = {"variables": variables, "read": read, **allowed}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, checked; `load` makes them."""

    service: str = _setting("portal", "PORTAL_SERVICE", among=("portal", "api"))
    environment: str = _setting(
        "development",
        "PORTAL_ENVIRONMENT",
        among=("development", "testing", "staging", "production"),
    )
    database: str = _setting("", "DB_NAME", "DATABASE_NAME")
    user: str = _setting("admin", "PORTAL_USER")
    url: str = _setting("http://localhost:6543", "PORTAL_URL")
    api_url: str = _setting("http://localhost:6544", "API_URL")
    api_origins: frozenset[str] = _setting(frozenset(), "API_ORIGINS", read=_origins)
    files: Path | None = _setting(None, "PORTAL_FILES", "UPLOADS", read=_path)
    mail_dir: Path | None = _setting(None, "PORTAL_MAIL_DIR", read=_path)
    smtp: str = _setting("", "PORTAL_SMTP")
    mail_from: str = _setting("portal@localhost", "PORTAL_MAIL_FROM")
    secret: str = _setting("", "PORTAL_SECRET")
    session_timeout: int = _setting(7200, "PORTAL_SESSION_TIMEOUT", read=int)
    cookie_domain: str = _setting("", "PORTAL_COOKIE_DOMAIN")
    page_size: int = _setting(20, "PORTAL_PAGE_SIZE", read=int, least=1, most=100)
    retries: int = _setting(5, "PORTAL_RETRIES", read=int, least=0, most=20)

    @property
    def secure(self) -> bool:
        """Whether cookies are for HTTPS alone."""
        return urlsplit(self.url).scheme == "https"


SECRET_FILES = ("PORTAL_SECRET_FILE", "SESSION_SECRET_FILE")
SMTP_FILES = ("PORTAL_SMTP_FILE",)
"""Nobody who may look at the process or its container sees what is in a file."""


def load(given: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """The settings: what is `given`, else the environment's, else the defaults.

    Raises `SettingsError` for a value that is not allowed, and for what only
    development may lack.
    """
    values = {}
    for one in fields(Settings):
        text = given.get(one.name)
        where = f"setting {one.name}"
        if text is None:
            for variable in one.metadata["variables"]:
                if environ.get(variable):
                    text, where = environ[variable], variable
                    break
        if text is not None:
            values[one.name] = _read(one.metadata, text, where)
    if not values.get("secret"):
        values["secret"] = _of_file(environ, SECRET_FILES)
    if not given.get("smtp"):
        values["smtp"] = _of_file(environ, SMTP_FILES) or values.get("smtp", "")
    return _complete(values)


def _read(metadata: Mapping[str, Any], text: Any, where: str) -> Any:
    try:
        value = metadata["read"](text) if isinstance(text, str) else text
    except ValueError:
        raise SettingsError(f"{where}: {text!r} is not a number") from None
    among = metadata.get("among")
    if among and value not in among:
        raise SettingsError(f"{where}: {value!r} is none of {', '.join(among)}")
    if "least" in metadata and not metadata["least"] <= value <= metadata["most"]:
        limits = f"{metadata['least']} to {metadata['most']}"
        raise SettingsError(f"{where}: {value!r} is not within {limits}")
    return value


def _of_file(environ: Mapping[str, str], variables: tuple[str, ...]) -> str:
    for variable in variables:
        if environ.get(variable):
            try:
                return Path(environ[variable]).read_text("utf-8").strip()
            except OSError as error:
                raise SettingsError(f"{variable}: {error}") from error
    return ""


def _complete(values: dict[str, Any]) -> Settings:
    environment = values.get("environment", "development")
    if not values.get("database"):
        raise SettingsError("no database is named: set DB_NAME")
    if environment in {"staging", "production"}:
        if len(values["secret"]) < SECRET_LENGTH:
            raise SettingsError(
                f"the secret needs {SECRET_LENGTH} characters: set PORTAL_SECRET_FILE"
            )
        if not values.get("files"):
            raise SettingsError("uploads have no place: set PORTAL_FILES")
        sends = values.get("service", "portal") == "portal"
        if sends and not values.get("smtp") and not values.get("mail_dir"):
            raise SettingsError("mail has no way: set PORTAL_SMTP")
    elif not values["secret"]:
        values["secret"] = secrets.token_hex(SECRET_LENGTH)
    if not values.get("files"):
        values["files"] = Path("var", "files").absolute()
    if not values.get("mail_dir") and not values.get("smtp"):
        values["mail_dir"] = values["files"] / "mail"
    return Settings(**values)
