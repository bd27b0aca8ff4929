# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate of a stack's pages: whether browsers take it, asked of TLS itself.

A handshake in memory, with each name, is what a browser does; no socket is opened.
"""

import contextlib
import ssl
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.errors import ConfigError

CERTIFICATE: Final = "tls_certificate"
KEY: Final = "tls_key"
"""Files among the secrets; where one of them is, pages are for HTTPS alone."""
SOON: Final = 21
"""Days before its end from which a certificate is warned of."""
DAY: Final = 86400
ANY_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME: dates are compared here, to say them."""
BEGIN: Final = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A certificate, with the chain of its issuers behind it, and its key."""

    place: Path

    @property
    def certificate(self) -> Path:
        """PEM."""
        return self.place / CERTIFICATE

    @property
    def key(self) -> Path:
        """PEM, without a passphrase."""
        return self.place / KEY

    @property
    def given(self) -> bool:
        """Whether there is to be TLS."""
        return self.certificate.exists() or self.key.exists()

    def texts(self) -> dict[str, str]:
        """What is there of both, by their names."""
        found = {}
        for path in (self.certificate, self.key):
            with contextlib.suppress(FileNotFoundError):
                found[path.name] = _read(path)
        return found


def require(pair: Pair, names: Iterable[str], *, now: float) -> str:
    """Raises `ConfigError` with all for which browsers would refuse the pages.

    Answers what is worth a warning, or nothing.
    """
    try:
        found = list(_problems(pair, names, now))
    except ssl.SSLError as error:
        found = [f"{CERTIFICATE} cannot be used: {error.reason or error}"]
    if found:
        raise ConfigError(
            "the certificate is not fit for use:\n" + "\n".join(found),
            checked=f"{pair.certificate}, {KEY}; nothing was changed",
            remedy="put the certificate with the chain of its issuers"
            f" (fullchain.pem) and its key there; without {CERTIFICATE} and {KEY}"
            " there is no TLS",
        )
    return _warning(pair, now)


def _problems(pair: Pair, names: Iterable[str], now: float) -> Iterator[str]:
    texts = pair.texts()
    if lost := {CERTIFICATE, KEY} - texts.keys():
        yield f"{lost.pop()} is missing"
        return
    if pair.key.stat().st_mode & 0o077:
        yield f"{KEY} may be read by others: chmod 600 {pair.key}"
    if "ENCRYPTED" in texts[KEY]:
        yield f"{KEY} has a passphrase, for which nginx cannot ask"
        return
    if BEGIN not in texts[CERTIFICATE]:
        yield f"{CERTIFICATE} is no certificate in PEM: it has no line {BEGIN}"
        return
    try:
        facts = _facts(pair)
    except ssl.SSLError as error:
        if error.reason != "KEY_VALUES_MISMATCH":
            raise
        yield f"{KEY} is not the key of {CERTIFICATE}"
        return
    begins, ends = (_when(facts, name) for name in ("notBefore", "notAfter"))
    if ends < now:
        yield f"{CERTIFICATE} has run out on {_date(ends)}"
    if begins > now:
        yield f"{CERTIFICATE} is not valid before {_date(begins)}"
    others = [name for name in dict.fromkeys(names) if not _fits(pair, name)]
    if others:
        own = ", ".join(value for _, value in facts.get("subjectAltName", ()))
        yield f"{CERTIFICATE} is for {own or 'no name'}, not for {', '.join(others)}"


def _warning(pair: Pair, now: float) -> str:
    facts = _facts(pair)
    ends = _when(facts, "notAfter")
    if ends < now + SOON * DAY:
        days = int((ends - now) / DAY)
        return f"{CERTIFICATE} runs out in {days} days, on {_date(ends)}: renew it"
    alone = pair.texts()[CERTIFICATE].count(BEGIN) == 1
    if alone and facts["issuer"] != facts["subject"]:
        return (
            f"{CERTIFICATE} has no chain: browsers that do not know its issuer"
            " refuse it; take fullchain.pem"
        )
    return ""


def _facts(pair: Pair) -> dict[str, Any]:
    """What is in the certificate."""
    return _handshake(pair, "", by_name=False)


def _fits(pair: Pair, name: str) -> bool:
    try:
        # One name of all that nginx would take by a wildcard.
        _handshake(pair, name.replace("*", "any"), by_name=True)
    except ssl.SSLCertVerificationError:
        return False
    return True


def _handshake(pair: Pair, name: str, *, by_name: bool) -> dict[str, Any]:
    """The certificate as a client has it that trusts it, whenever it is valid."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pair.certificate, pair.key, password="")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = by_name
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ANY_TIME
    client.load_verify_locations(cadata=_read(pair.certificate))
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(back, there, server_hostname=name or None)
    answering = server.wrap_bio(there, back, server_side=True)
    todo = [asking, answering]
    while todo:
        one = todo.pop(0)
        try:
            one.do_handshake()
        except ssl.SSLWantReadError:
            todo.append(one)
    return dict(asking.getpeercert() or {})


def _when(facts: dict[str, Any], name: str) -> float:
    return ssl.cert_time_to_seconds(facts[name])


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
