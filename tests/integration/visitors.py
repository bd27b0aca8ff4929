# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody at the portal or the API of a stack, by plain HTTP."""

import contextlib
import email
import email.policy
import http.client
import io
import json
import math
import re
import struct
import uuid
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from tests.integration.checkouts import Checkout

PASSWORD = "correct horse battery"
FORM = "application/x-www-form-urlencoded"


@dataclass
class Visitor:
    """A browser that keeps cookies, or a program with a token."""

    port: int
    host: str
    token: str = ""
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, body: bytes = b"", kind: str = ""
    ) -> tuple[int, Mapping[str, str], str]:
        """Status, headers, text."""
        headers = {"Host": f"{self.host}:{self.port}"}
        if kind:
            headers["Content-Type"] = kind
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.cookies:
            pairs = (f"{name}={value}" for name, value in self.cookies.items())
            headers["Cookie"] = "; ".join(pairs)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            for line in answer.headers.get_all("Set-Cookie", []):
                for name, morsel in SimpleCookie(line).items():
                    self.cookies[name] = morsel.coded_value
            return answer.status, dict(answer.headers), text

    def submit(self, path: str, **values: str) -> str:
        """Fill the form of a page; where it leads."""
        status, _, text = self.ask("GET", path)
        assert status == 200, text
        [token] = set(re.findall(r'name="csrf_token" value="([^"]+)"', text))
        sent = urlencode({"csrf_token": token, **values}).encode()
        status, headers, text = self.ask("POST", path, sent, FORM)
        assert status == 303, f"{path}: {status}\n{text}"
        return headers["Location"]

    def json(self, method: str, path: str, **values: str) -> Any:
        """What the API answers."""
        body = json.dumps(values).encode() if values else b""
        kind = "application/json" if values else ""
        status, _, text = self.ask(method, path, body, kind)
        assert status < 300, f"{path}: {status}\n{text}"
        return json.loads(text)

    def upload(self, name: str, data: bytes) -> Any:
        """Send a file to the API; its record."""
        mark = uuid.uuid4().hex
        head = (
            f'--{mark}\r\nContent-Disposition: form-data; name="file";'
            f' filename="{name}"\r\nContent-Type: audio/wav\r\n\r\n'
        )
        body = head.encode() + data + f"\r\n--{mark}--\r\n".encode()
        kind = f"multipart/form-data; boundary={mark}"
        status, _, text = self.ask("POST", "/v1/uploads", body, kind)
        assert status == 201, text
        return json.loads(text)


def register(stack: Checkout, address: str) -> Visitor:
    """Somebody who has registered, followed the link in the mail, and logged in."""
    visitor = Visitor(stack.web, "repertoire.test")
    visitor.submit(
        "/register", name="Nora Neu", email=address,
        password=PASSWORD, repeated=PASSWORD, terms="1",
    )  # fmt: skip
    script = f"cat $(grep -l '^To: {address}' /var/lib/trytond/mail/*.eml)"
    message = email.message_from_string(
        stack.good("exec", "portal", "sh", "-c", script), policy=email.policy.default
    )
    text = message.get_content()
    link = re.search(r"http://[^/\s]+(/verify/\S+)", text)
    assert link, text
    assert link[0].startswith(f"http://repertoire.test:{stack.web}/"), text
    visitor.submit(link[1])
    visitor.submit("/login", email=address, password=PASSWORD)
    return visitor


def sound(frequency: float, seconds: float = 2.0) -> bytes:
    """A WAV file with a tone; silence for 0 Hz."""
    rate = 8000
    step = 2 * math.pi * frequency / rate
    frames = (int(12000 * math.sin(step * n)) for n in range(int(rate * seconds)))
    target = io.BytesIO()
    with wave.open(target, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(b"".join(struct.pack("<h", frame) for frame in frames))
    return target.getvalue()
