# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens and uploads."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from webtest import TestApp

from portal_web.tests import support
from portal_web.tests.support import ADA, CARLA, PASSWORD, flac


def stored() -> set[str]:
    """The names of what lies where uploads are put."""
    directory = support.settings("api").files / "uploaded"
    return {one.name for one in directory.iterdir()} if directory.is_dir() else set()


def send(app: TestApp, content: bytes, *, name: str = "a.flac", **values: Any) -> Any:
    """Upload something."""
    status = values.pop("status", "*")
    files = [("file", name, content)]
    return app.post("/v1/uploads", values, upload_files=files, status=status)


class TestTokens:
    def test_a_token_is_a_session(self, ada: TestApp) -> None:
        assert ada.get("/v1/uploads").json["total"] >= 0

    def test_it_can_be_ended(self, ada: TestApp) -> None:
        ada.delete("/v1/tokens/current", status=204)
        ada.get("/v1/uploads", status=401)

    @pytest.mark.parametrize(
        ("email", "password"),
        [
            ("nobody5@example.com", PASSWORD),
            (CARLA, PASSWORD),
            ("nobody6@example.com", "x\x00y"),
            ("nobody7@example.com\x00", PASSWORD),
        ],
    )
    def test_refused(self, api: TestApp, email: str, password: str) -> None:
        sent = {"email": email, "password": password}
        answer = api.post_json("/v1/tokens", sent, status=401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert "token" not in answer.json

    @pytest.mark.parametrize("missing", ["email", "password"])
    def test_both_are_needed(self, api: TestApp, missing: str) -> None:
        sent = {"email": ADA, "password": PASSWORD, missing: ""}
        answer = api.post_json("/v1/tokens", sent, status=422)
        assert answer.json["errors"] == [{"field": missing, "detail": "is needed"}]


class TestWhoMay:
    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Bearer",
            "Bearer guessed",
            "Bearer \x01",
            "Basic YWRhOnBhc3N3b3Jk",
            "bearer  " + "0" * 64,
        ],
    )
    def test_nobody_without_a_token(self, api: TestApp, header: str) -> None:
        before = stored()
        headers = {"Authorization": header} if header else {}
        files = [("file", "a.flac", flac())]
        answer = api.post(
            "/v1/uploads", upload_files=files, headers=headers, status=401
        )
        assert answer.json["status"] == 401
        assert stored() == before

    def test_a_session_needs_its_csrf_token(self, application: Any) -> None:
        portal = support.browser(who=ADA)
        token = portal.get("/uploads/new").forms["form"]["csrf_token"].value
        app = TestApp(application)
        app.set_cookie("portal_session", portal.cookies["portal_session"])
        assert app.get("/v1/uploads").status_int == 200
        assert send(app, flac()).status_int == 403
        files = [("file", "a.flac", flac())]
        headers = {"X-CSRF-Token": token}
        app.post("/v1/uploads", upload_files=files, headers=headers, status=201)


@pytest.mark.isolation("test")
class TestUpload:
    def test_a_file(self, ada: TestApp) -> None:
        before = stored()
        answer = send(ada, flac(5000), name="song.flac", status=201)
        assert answer.json["size"] == 5004
        assert answer.json["mime_type"] == "audio/flac"
        assert answer.json["state"] == "uploaded"
        assert stored() - before == {answer.json["uuid"]}
        path = support.settings("api").files / "uploaded" / answer.json["uuid"]
        assert path.read_bytes() == flac(5000)

    def test_its_record(self, ada: TestApp) -> None:
        identity = send(ada, flac(), status=201).json["uuid"]
        with support.transaction(readonly=True):
            (content,) = support.get("content").search([("uuid", "=", identity)])
            assert content.web_user == support.user()
            assert content.party == support.user().party

    def test_it_can_be_asked_for(self, ada: TestApp) -> None:
        made = send(ada, flac(), status=201)
        assert ada.get(made.headers["Location"]).json == made.json

    def test_not_by_others(self, ada: TestApp, bela: TestApp) -> None:
        made = send(ada, flac(), status=201)
        bela.get(made.headers["Location"], status=404)
        found = [one["uuid"] for one in bela.get("/v1/uploads").json["items"]]
        assert made.json["uuid"] not in found

    def test_the_newest_is_first(self, ada: TestApp) -> None:
        made = [send(ada, flac(), status=201).json["uuid"] for _ in range(3)]
        found = [one["uuid"] for one in ada.get("/v1/uploads").json["items"]]
        assert found[:3] == made[::-1]

    def test_with_its_creation(self, ada: TestApp) -> None:
        answer = send(ada, flac(), creation="C00000001", status=201)
        assert answer.json["creation"]["title"] == "Morning Field"

    @pytest.mark.parametrize("code", ["C00000003", "C99999999", "x"])
    def test_not_with_that_of_others(self, ada: TestApp, code: str) -> None:
        answer = send(ada, flac(), creation=code, status=422)
        assert answer.json["errors"][0]["field"] == "creation"

    @pytest.mark.parametrize(
        ("category", "content", "mime_type"),
        [
            ("audio", b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
            ("audio", b"\xff\xfb\x90\x64" + bytes(400), "audio/mpeg"),
            ("sheet", b"%PDF-1.7\n", "application/pdf"),
            ("lyrics", "Größe\n".encode(), "text/plain"),
        ],
    )
    def test_types(
        self, ada: TestApp, category: str, content: bytes, mime_type: str
    ) -> None:
        answer = send(ada, content, category=category, status=201)
        assert answer.json["mime_type"] == mime_type

    @pytest.mark.parametrize(
        ("name", "content", "values", "status"),
        [
            ("a.flac", b"MZ\x90\x00", {}, 415),
            ("a.flac", b"", {}, 415),
            ("a.wav", b"%PDF-1.7\n", {}, 415),
            ("a.pdf", flac(), {"category": "sheet"}, 415),
            ("a.flac", flac(), {"category": "video"}, 422),
        ],
    )
    def test_refused(
        self, ada: TestApp, name: str, content: bytes, values: Any, status: int
    ) -> None:
        before = stored(), support.count("content")
        assert send(ada, content, name=name, **values).status_int == status
        assert (stored(), support.count("content")) == before

    def test_without_a_file(self, ada: TestApp) -> None:
        files = [("other", "a.flac", flac())]
        answer = ada.post("/v1/uploads", upload_files=files, status=422)
        assert answer.json["errors"] == [{"field": "file", "detail": "is needed"}]

    def test_a_file_that_is_only_text(self, ada: TestApp) -> None:
        ada.post("/v1/uploads", {"file": "text"}, status=415)

    def test_as_json(self, ada: TestApp) -> None:
        ada.post_json("/v1/uploads", {"file": "text"}, status=415)

    @pytest.mark.parametrize("identity", [str(uuid.UUID(int=0)), "0", "x" * 36])
    def test_one_that_is_not_there(self, ada: TestApp, identity: str) -> None:
        ada.get(f"/v1/uploads/{identity}", status=404)


@pytest.fixture(scope="class")
def small() -> None:
    """Uploads may have one megabyte."""
    with support.transaction():
        configuration = support.get("configuration")(1)
        configuration.max_upload_size = 1
        configuration.save()


@pytest.mark.usefixtures("small")
class TestLimit:
    @pytest.mark.parametrize(
        ("length", "status"), [(1 << 20, 201), ((1 << 20) + 1, 413)]
    )
    def test_size(self, ada: TestApp, length: int, status: int) -> None:
        assert send(ada, flac(length - 4)).status_int == status

    def test_a_length_that_is_too_large_is_not_read(self, ada: TestApp) -> None:
        answer = ada.post(
            "/v1/uploads",
            b"--x\r\n",
            headers={"Content-Length": str(1 << 30)},
            content_type="multipart/form-data; boundary=x",
            status="*",
        )
        assert answer.status_int in {400, 413}


ALONE = "the only upload.flac"
needs_isolation = pytest.mark.skipif(
    not support.ISOLATED, reason="nobody puts the database back"
)


def upload_alone(app: TestApp) -> None:
    assert support.count("content", ("name", "=", ALONE)) == 0
    send(app, flac(), name=ALONE, status=201)
    assert support.count("content", ("name", "=", ALONE)) == 1


@needs_isolation
class TestOneIsAlone:
    def test_it_is(self, ada: TestApp) -> None:
        upload_alone(ada)


@needs_isolation
class TestAnotherIsAlone:
    def test_it_is(self, ada: TestApp) -> None:
        upload_alone(ada)


@needs_isolation
@pytest.mark.isolation("test")
class TestEachIsAlone:
    @pytest.mark.parametrize("number", range(3))
    def test_it_is(self, ada: TestApp, number: int) -> None:
        upload_alone(ada)
