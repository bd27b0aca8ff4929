# SPDX-License-Identifier: GPL-3.0-or-later
"""``benchmarks/rolling.py``: requests without a pause while the stack is changed.

    HARNESS_STACK_… harness up; harness scale portal=2 api=2
    python benchmarks/rolling.py --seconds 120 -- harness up --build
    python benchmarks/rolling.py --https 443 -- harness scale portal=3

Beside the command it asks portal, API (also by POST) and erpserver, each by a
connection of its own, for so many seconds and until the command has ended.  Prints how
many answers of which kind there were and the slowest; any failure is exit code 1.
"""

import argparse
import contextlib
import http.client
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[1]
Ask = tuple[str, str, str]
"""Method, host, path."""
DOMAIN = "repertoire.test"
PAGES: Sequence[Ask] = (
    ("GET", DOMAIN, "/"),
    ("GET", f"api.{DOMAIN}", "/"),
    ("POST", f"api.{DOMAIN}", "/v1/uploads"),
)


class Load:
    """In its block each page is asked again and again."""

    def __init__(self, port: int, asks: Sequence[Ask], *, secure: bool) -> None:
        self.port, self.secure = port, secure
        self.answers: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.slowest = 0.0
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._go, args=(one,)) for one in asks]

    def __enter__(self) -> Self:
        for one in self._threads:
            one.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        for one in self._threads:
            one.join()

    def _go(self, ask: Ask) -> None:
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                code, why = self._asked(*ask), ""
            except (OSError, http.client.HTTPException) as error:
                code, why = 0, repr(error)
            with self._lock:
                self.slowest = max(self.slowest, time.monotonic() - began)
                if why or code >= 500:
                    self.failures[f"{' '.join(ask)}: {why or code}"] += 1
                self.answers[f"{' '.join(ask)}: {why or code}"] += 1
            time.sleep(0.02)

    def _asked(self, method: str, host: str, path: str) -> int:
        where = ("127.0.0.1", self.port)
        connection = http.client.HTTPConnection(*where, timeout=30)
        if self.secure:
            own = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            own.check_hostname, own.verify_mode = False, ssl.CERT_NONE
            connection = http.client.HTTPSConnection(*where, timeout=30, context=own)
        with contextlib.closing(connection):
            body = "x" if method == "POST" else None
            connection.request(method, path, body, {"Host": host})
            answer = connection.getresponse()
            answer.read()
            return answer.status


def main() -> int:
    """The load, and the command beside it."""
    from harness import proc

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--port", type=int, default=81)
    parser.add_argument("--https", type=int, default=0, metavar="PORT")
    parser.add_argument("--domain", default=DOMAIN, help="the portal's host name")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    until = time.monotonic() + options.seconds
    import os

    environ = dict(os.environ)  # noqa: TID251  (this is a program of its own)
    port = options.https or options.port
    pages = [(how, host.replace(DOMAIN, options.domain), at) for how, host, at in PAGES]
    with Load(port, pages, secure=bool(options.https)) as load:
        with proc.Child(options.command, env=environ, cwd=Path.cwd()) as child:
            code = child.code()
        time.sleep(max(0.0, until - time.monotonic()))
    for what, count in sorted(load.answers.items()):
        sys.stdout.write(f"{count:7} {what}\n")
    sys.stdout.write(f"slowest: {load.slowest:.2f} s; exit code {code}\n")
    return 1 if load.failures or code else 0


if __name__ == "__main__":
    raise SystemExit(main())
