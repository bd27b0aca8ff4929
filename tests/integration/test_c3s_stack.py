# SPDX-License-Identifier: GPL-3.0-or-later
"""C3S's own services, unmodified, where their repositories are cloned into ``src/``.

As in ``test_c3s.py``: none of theirs is in this repository, so that CI skips these.
"""

import base64
import contextlib
import http.client
import json
import os
import re
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from harness.engine import Engine
from tests.integration.checkouts import ROOT, Checkout, docker, free, say
from tests.integration.conftest import environment
from tests.integration.test_c3s import MISSING
from tests.integration.test_services import do_old
from tests.integration.visitors import FORM, Visitor

CLONES = {*MISSING} | {
    name
    for name in ("collecting_society_worker",)
    if not (ROOT / "src" / name).is_dir()
}
pytestmark = pytest.mark.skipif(
    bool(CLONES),
    reason=f"C3S's {', '.join(sorted(CLONES))} not cloned into src/: docs/c3s.md",
)
HOST = "collecting_society.test"
SHEET = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.fixture(scope="module")
def theirs(engine: Engine, state: Path) -> Iterator[Checkout]:
    """This checkout's stack, of their sources."""
    web, erp = free(), free()
    env = environment(
        state,
        HARNESS_STACK_PROJECT=f"c3s-{uuid.uuid4().hex[:6]}",
        HARNESS_STACK_NGINX_PORT=str(web),
        HARNESS_STACK_ERPSERVER_PORT=str(erp),
        HARNESS_PROFILE="c3s",
    )
    made = Checkout(ROOT, env, web, erp)
    made.good("build", "db", "tests", "nginx")
    try:
        say(made.good("up"))
        yield made
    finally:
        made("down", "--volumes", "--yes", "--no-backup")


def call(stack: Checkout, session: list[Any], method: str, *params: Any) -> Any:
    """A call as Tryton's clients make it; a `session` of nothing is none yet."""
    body = json.dumps({"id": 1, "method": method, "params": params})
    headers = {"Content-Type": "application/json"}
    if session:
        mark = base64.b64encode(":".join(map(str, session)).encode()).decode()
        headers["Authorization"] = f"Session {mark}"
    connection = http.client.HTTPConnection("127.0.0.1", stack.erp, timeout=60)
    with contextlib.closing(connection):
        connection.request("POST", "/collecting_society/", body, headers)
        answer = json.loads(connection.getresponse().read())
    return answer["result"] if isinstance(answer, dict) else answer


def test_their_code_is_what_answers(theirs: Checkout) -> None:
    """A login by a user of their data, the API, a client of Tryton's, the urls."""
    shown = theirs.good("up", "--dry-run")
    assert "placeholder" not in shown
    portal = Visitor(theirs.web, HOST)
    status, _, page = portal.ask("GET", "/")
    assert status == 200
    assert 'value="LoginWebuser"' in page
    values = {"__formid__": "LoginWebuser", "submit": "submit"}
    who = {"email": "licenser1@collecting-society.test", "password": "wrong"}
    status, _, page = portal.ask("POST", "/", urlencode(values | who).encode(), FORM)
    assert (status, "auth_tkt" in portal.cookies) == (200, False)
    who["password"] = "password"
    status, _, page = portal.ask("POST", "/", urlencode(values | who).encode(), FORM)
    assert (status, "auth_tkt" in portal.cookies) == (302, True), page
    api = Visitor(theirs.web, f"api.{HOST}")
    assert api.ask("GET", "/repertoire/v1/list")[0] == 403
    api.cookies = portal.cookies
    assert api.json("GET", "/repertoire/v1/list") == {"files": []}
    assert "paths" in api.json("GET", "/v1/__api__")
    secret = {"password": theirs.password}
    user, *_ = session = call(theirs, [], "common.db.login", "admin", secret, "de")
    assert user
    number = call(theirs, ["admin", *session], "model.web.user.search_count", [], {})
    assert number >= 3
    deadline = time.monotonic() + 120
    while [o for o in json.loads(theirs.good("urls", "--json")) if not o["up"]]:
        assert time.monotonic() < deadline, "their pages take seconds, but not so many"
    assert {one.get("health") for one in theirs.containers()["processing"]} == {
        "healthy"
    }


def test_mails_are_caught_and_read(theirs: Checkout) -> None:
    program = (
        "import os, smtplib; m = smtplib.SMTP(os.environ['MAIL_HOST'],"
        " int(os.environ['MAIL_PORT'])); m.sendmail('a@x.test', ['b@x.test'],"
        " 'Subject: caught\\n\\nhello')"
    )
    theirs.good("exec", "portal", "python3", "-c", program)
    mail = Visitor(theirs.web, f"mail.{HOST}")
    status, _, page = mail.ask("GET", "/")
    assert status == 200
    [name] = re.findall(r'href="([^"]+)"', page)
    assert "Subject: caught" in mail.ask("GET", f"/{name}")[2]


def test_what_is_uploaded_is_worked_through_to_the_end(theirs: Checkout) -> None:
    """A sheet, since sound wants a program for fingerprints that is a stand-in here.

    Their API cannot write an upload on Python 3 (a text file is given bytes): where it
    answers with that error, its place and record are made as it would have made them.
    """
    secret = {"password": theirs.password}
    logged = call(theirs, [], "common.db.login", "admin", secret, "de")
    session = ["admin", *logged]
    [user] = call(
        theirs, session, "model.web.user.search_read",
        [["email", "=", "licenser1@collecting-society.test"]], 0, 1, None,
        ["id", "party"], {},
    )  # fmt: skip
    name = str(uuid.uuid4())
    place = f"/var/lib/trytond/upload/uploaded/{user['id']}"
    text = SHEET.decode()
    theirs.good(
        "exec", "api", "sh", "-c",
        f"mkdir -p {place} && printf %s '{text}' > {place}/{name}",
    )  # fmt: skip
    record = {
        "uuid": name, "processing_state": "uploaded", "processing_hostname": "x",
        "entity_origin": "direct", "entity_creator": user["party"],
        "commit_state": "uncommited", "name": "sheet.pdf", "category": "sheet",
        "mime_type": "application/pdf", "size": len(SHEET), "path": f"{place}/{name}",
    }  # fmt: skip
    [made] = call(theirs, session, "model.content.create", [record], {})
    deadline, found = time.monotonic() + 90, ""
    while found != "dropped":
        assert time.monotonic() < deadline, (found, theirs("logs", "processing").stdout)
        time.sleep(1)
        [row] = call(
            theirs, session, "model.content.read", [made], ["processing_state"], {}
        )
        found = row["processing_state"]
    kept = f"/var/lib/trytond/upload/dropped/{user['id']}/{name}"
    assert theirs.good("exec", "processing", "cat", kept) == text


def test_each_can_be_looked_into_and_deployed(theirs: Checkout) -> None:
    for service in ("portal", "api", "erpserver", "processing"):
        port = theirs.good("port", service, "5678").split()
        assert port, service
    assert "deploy-portal" in theirs.good("exec", "webgui", "execute", "--help")
    shown = theirs.good("deploy", "webapi", "--dry-run")
    assert "execute deploy-api" in shown


def test_new_lines_do_what_the_old_ones_did(theirs: Checkout, tmp_path: Path) -> None:
    do_old(theirs, tmp_path)


def test_the_second_start_is_a_matter_of_seconds(theirs: Checkout) -> None:
    theirs.good("down", "--volumes", "--yes", "--no-backup")
    began = time.monotonic()
    told = theirs.good("up")
    seconds, load = time.monotonic() - began, os.getloadavg()[0]
    assert "restored from what was made before" in told
    say(f"again in {seconds:.1f} s, load {load:.1f}")
    assert Visitor(theirs.web, HOST).ask("GET", "/")[0] == 200


def test_their_sources_are_as_they_were(theirs: Checkout) -> None:
    for place in sorted((ROOT / "src").glob("*/.git")):
        done = subprocess.run(
            ["git", "-C", str(place.parent), "status", "--porcelain", "--ignored"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        new = [line for line in done.stdout.splitlines() if line.startswith("??")]
        assert new == [], place
    assert docker("volume", "ls", "-q").count("c3s-") >= 2
