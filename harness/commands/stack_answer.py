# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether somebody answers at a port of this machine."""

import http.client
import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

WITHIN: Final = 3.0
"""Seconds in which a service must answer."""


def asked(url: str, port: int, host: str) -> str:
    """Why a page at a port of this machine does not answer as it should, or nothing."""
    if not host:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=WITHIN).close()
        except OSError:
            return "does not answer"
        return ""
    parts = urlsplit(url)
    code = status(port, host, parts.path, secure=parts.scheme == "https")
    if not code:
        return "does not answer"
    return f"answers {code}" if code >= 500 or code == 404 else ""


def status(
    port: int,
    host: str,
    page: str = "/",
    *,
    secure: bool = False,
    within: float = WITHIN,
) -> int:
    """The code of an answer; 0 without one `within` so many seconds.

    This machine is who it is: what a certificate is worth was looked at before.
    """
    place = ("127.0.0.1", port)
    connection = http.client.HTTPConnection(*place, timeout=within)
    if secure:
        own = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        own.check_hostname, own.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(*place, timeout=within, context=own)
    try:
        connection.request("GET", page, headers={"Host": host})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
