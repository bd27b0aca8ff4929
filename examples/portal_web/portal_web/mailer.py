# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail: files in development and tests, SMTP otherwise."""

from __future__ import annotations

import os
import smtplib
import uuid
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from .settings import Settings


class Mailer(Protocol):
    """Something that sends a message."""

    def send(self, message: EmailMessage) -> None:
        """Send it."""


class FileMailer:
    """Writes each message to a file of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def send(self, message: EmailMessage) -> None:
        """Write ``UUID.eml``; it has its name when it is whole."""
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / f"{uuid.uuid4()}.eml"
        half = path.with_suffix(".part")
        half.write_bytes(bytes(message))
        os.replace(half, path)


class SMTPMailer:
    """Sends by a server: ``smtp[s]://[USER:PASSWORD@]HOST[:PORT]``."""

    def __init__(self, address: str) -> None:
        self.address = urlsplit(address)

    def send(self, message: EmailMessage) -> None:
        """Send it on a connection of its own."""
        address = self.address
        secure = address.scheme == "smtps"
        connect = smtplib.SMTP_SSL if secure else smtplib.SMTP
        with connect(
            address.hostname or "localhost", address.port or 0, timeout=20
        ) as s:
            if not secure and s.has_extn("starttls"):
                s.starttls()
            if address.username:
                s.login(unquote(address.username), unquote(address.password or ""))
            s.send_message(message)


def choose(settings: Settings) -> Mailer:
    """The mailer that the settings ask for."""
    if settings.smtp:
        return SMTPMailer(settings.smtp)
    assert settings.mail_dir
    return FileMailer(settings.mail_dir)


def compose(*, sender: str, recipient: str, subject: str, text: str) -> EmailMessage:
    """A message of plain text."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = " ".join(subject.split())
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain="portal.invalid")
    message.set_content(text)
    return message
