# SPDX-License-Identifier: GPL-3.0-or-later
"""What staging and production must be told, all of it, before anything is made."""

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

from harness.errors import ConfigError
from harness.stack import secrets
from harness.stack.project import Project

Told = Mapping[str, Mapping[str, str]]
"""The variables of each service, as Compose has put them together."""
MAIL: Final = "smtp[s]://HOST[:PORT], USER:PASSWORD@ before HOST if it needs them"
NAMES: Final = {
    "portal": ("PORTAL_URL", "PORTAL_NAMES"),
    "api": ("API_URL", "API_NAMES"),
}
"""Where a service says that it is, and where nginx says which it is."""


def require(project: Project, told: Told, server: str) -> None:
    """Raises `ConfigError` with all that is missing, or does not go together.

    `server` is the secret with the mail server, if there is one.
    """
    problems = [*mail(project, told.get("portal", {}), server), *addresses(told)]
    if project.pair.given:
        problems += encrypted(told)
    if problems:
        raise ConfigError(
            f"{project.environment} cannot work as it is set:\n" + "\n".join(problems),
            checked=f"{project.directory / 'env'}, {project.directory / 'env/local'}",
            remedy=f"write them into {project.directory}/env/local/SERVICE.env;"
            " docs/stack.md has an example",
        )


def mail(project: Project, told: Mapping[str, str], server: str) -> Iterator[str]:
    """What is wrong with how the portal sends mails."""
    secret = secrets.directory(project.directory, project.environment) / secrets.MAIL
    plain = told.get("PORTAL_SMTP", "")
    if not (server or plain):
        yield (
            f"portal: mail has no way: write {MAIL} into {secret}, or PORTAL_SMTP"
            " into portal.env where it has no password"
        )
    elif why := shape(server or plain):
        where = secret if server else "PORTAL_SMTP"
        yield f"portal: {where} {why}: {MAIL}"
    if not server and "@" in plain:
        yield (
            "portal: PORTAL_SMTP has a password, which anybody sees in docker"
            f" inspect: write it into {secret}, mode 0600"
        )
    if "@" not in told.get("PORTAL_MAIL_FROM", ""):
        yield "portal: mails have no sender: set PORTAL_MAIL_FROM"


def shape(server: str) -> str:
    """Why this is no mail server's address, or nothing; it says no password."""
    parts = split(server)
    if parts is None:
        return "is no address"
    if parts.scheme not in ("smtp", "smtps"):
        return "begins with neither smtp:// nor smtps://"
    return "" if parts.hostname else "names no host"


def split(address: str) -> SplitResult | None:
    """The parts of an address, port included; None where it is none."""
    try:
        parts = urlsplit(address)
        assert parts.port is None or parts.port
    except (ValueError, AssertionError):
        return None
    return parts


def addresses(told: Told) -> Iterator[str]:
    """What does not go together in where the services say that they are."""
    known = told.get("nginx", {})
    for variable, names in NAMES.values():
        answered = known.get(names, "").split()
        for service in ("portal", "api"):
            address = told.get(service, {}).get(variable, "")
            parts = split(address)
            if not address:
                continue
            if parts is None or not parts.hostname:
                yield f"{service}: {variable}={address} is no address"
            elif answered and parts.hostname not in answered:
                yield (
                    f"{service}: {variable} leads to {parts.hostname}, but nginx knows"
                    f" {' '.join(answered)}: set {names} in nginx.env, or {variable}"
                )
    origin = split(told.get("portal", {}).get("PORTAL_URL", ""))
    allowed = told.get("api", {}).get("API_ORIGINS", "").split()
    if origin and allowed and f"{origin.scheme}://{origin.netloc}" not in allowed:
        yield (
            "api: API_ORIGINS lacks the portal's own pages:"
            f" {origin.scheme}://{origin.netloc}"
        )


def encrypted(told: Told) -> Iterator[str]:
    """Addresses that lead past the certificate that is there."""
    for service in ("portal", "api"):
        for name, _ in NAMES.values():
            address = told.get(service, {}).get(name, "")
            if address.startswith("http:"):
                yield f"{service}: {name}={address}, but there is a certificate: https"


def example(told: Told) -> list[str]:
    """Variables that still have the example's names: nobody else's links lead there."""
    return [
        f"{service}: {name}"
        for service in ("portal", "api")
        for name, _ in NAMES.values()
        if ".repertoire.test"
        in "." + told.get(service, {}).get(name, "").partition("//")[2]
    ]
