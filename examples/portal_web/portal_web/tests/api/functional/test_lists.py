# SPDX-License-Identifier: GPL-3.0-or-later
"""Artists, creations, releases, licences."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from webtest import TestApp

from portal_web import make
from portal_web.tests import support


def test_health(api: TestApp) -> None:
    assert api.get("/health").json == {"status": "ok", "service": "api"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/artists?q=lark", ["Ada Lark", "Lark & Bolt"]),
        ("/v1/artists?q=BOLT", ["Bela Bolt", "Lark & Bolt"]),
        ("/v1/artists?q=A000002", ["Bela Bolt"]),
        ("/v1/artists?q=%25", []),
        ("/v1/artists?q=no+such", []),
        ("/v1/creations?q=field", ["Evening Field", "Morning Field"]),
        ("/v1/creations?q=bela+bolt", ["Copper Wire"]),
        ("/v1/creations?q=C00000003", ["Copper Wire"]),
        ("/v1/creations?q=unfinished", []),
        ("/v1/releases?q=fields", ["Fields"]),
        ("/v1/releases?q=4006381333931", ["Fields"]),
        ("/v1/releases?q=more", []),
    ],
)
def test_search(api: TestApp, path: str, expected: list[str]) -> None:
    items = api.get(path).json["items"]
    assert [one.get("name") or one.get("title") for one in items] == expected


@pytest.mark.parametrize("kind", ["artists", "creations", "releases"])
class TestPaging:
    """A page of one, so that there are several."""

    def test_all_pages_are_the_whole(self, api: TestApp, kind: str) -> None:
        whole = [one["code"] for one in api.get(f"/v1/{kind}").json["items"]]
        pages = api.get(f"/v1/{kind}?per_page=1").json["pages"]
        found = [
            api.get(f"/v1/{kind}?per_page=1&page={n}").json["items"][0]["code"]
            for n in range(1, pages + 1)
        ]
        assert found == whole

    def test_links_lead_through_all(self, api: TestApp, kind: str) -> None:
        seen, path = 0, f"/v1/{kind}?per_page=1"
        while path:
            answer = api.get(path)
            seen += len(answer.json["items"])
            following = re.search(r'<([^>]+)>; rel="next"', answer.headers["Link"])
            path = re.sub(r"^https?://[^/]+", "", following[1]) if following else ""
        assert seen == api.get(f"/v1/{kind}").json["total"]

    def test_past_the_end_is_nothing(self, api: TestApp, kind: str) -> None:
        answer = api.get(f"/v1/{kind}?page=1000").json
        assert answer["items"] == []
        assert answer["total"] > 0

    @pytest.mark.parametrize(
        "words", ["page=0", "page=x", "per_page=0", "per_page=101"]
    )
    def test_numbers_out_of_bounds(self, api: TestApp, kind: str, words: str) -> None:
        answer = api.get(f"/v1/{kind}?{words}", status=400)
        assert answer.json["errors"][0]["parameter"] == words.partition("=")[0]


def test_links_keep_what_is_searched_for(api: TestApp) -> None:
    answer = api.get("/v1/artists?q=lark+%26+bolt&per_page=1")
    assert "q=lark+%26+bolt&page=1" in answer.headers["Link"]


def test_an_artist(api: TestApp) -> None:
    answer = api.get("/v1/artists/A000003").json
    assert answer["group"] is True
    assert [one["name"] for one in answer["members"]] == ["Ada Lark", "Bela Bolt"]


def test_a_creation(api: TestApp) -> None:
    answer = api.get("/v1/creations/C00000001").json
    assert answer["title"] == "Morning Field"
    assert answer["licences"] == ["CC-BY"]
    assert answer["contributions"][0]["role"] == "composer"
    assert [one["title"] for one in answer["releases"]] == ["Fields"]


def test_shares_are_not_for_everybody(api: TestApp) -> None:
    assert "100" not in api.get("/v1/creations/C00000001").text


def test_a_release(api: TestApp) -> None:
    answer = api.get("/v1/releases/R0000001").json
    assert answer["release_date"] == "2025-03-14"
    assert answer["duration"] == 314
    assert [one["title"] for one in answer["tracks"]] == [
        "Morning Field",
        "Evening Field",
    ]


def test_licences(api: TestApp) -> None:
    ranks = [one["freedom_rank"] for one in api.get("/v1/licences").json["items"]]
    assert ranks == sorted(ranks, reverse=True)
    assert len(ranks) == support.count("licence")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/creations/C00000005",  # a draft
        "/v1/releases/R0000003",  # a plan
        "/v1/artists/A999999",
        "/v1/artists/a000001",
        "/v1/artists/1",
        "/v2/artists",
        "/v1",
        "/v1/artists/A000001%00",
    ],
)
def test_what_is_not_there(api: TestApp, path: str) -> None:
    answer = api.get(path, status=404)
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/artists", "GET"),
        ("POST", "/v1/artists", "GET"),
        ("PUT", "/v1/creations/C00000001", "GET"),
        ("GET", "/v1/tokens", "POST"),
        ("PATCH", "/v1/uploads", "GET, POST"),
    ],
)
def test_other_methods(api: TestApp, method: str, path: str, allowed: str) -> None:
    answer = api.request(path, method=method, status=405)
    offered = set(answer.headers["Allow"].split(", ")) - {"HEAD"}
    assert offered == set(allowed.split(", "))


@pytest.mark.parametrize("path", ["/v1/artists", "/v1/nothing", "/health"])
def test_headers(api: TestApp, path: str) -> None:
    headers = api.get(path, status="*").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in headers


def test_head(api: TestApp) -> None:
    answer = api.head("/v1/artists")
    assert answer.body == b""
    assert "Link" in answer.headers


def test_a_query_that_is_no_text(api: TestApp) -> None:
    assert (
        api.get("/v1/artists?q=%ff", status=400).json["detail"] == "This is not UTF-8."
    )


@pytest.fixture(scope="module")
def asked_by_pages() -> Any:
    """An API that the pages of one portal may ask."""
    origins = frozenset({"http://portal.test"})
    return make(replace(support.settings("api"), api_origins=origins))


class TestOtherSites:
    """Whose pages may ask."""

    @pytest.fixture
    def api(self, asked_by_pages: Any) -> TestApp:
        return TestApp(asked_by_pages)

    def preflight(self, api: TestApp, origin: str, status: int) -> Any:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        return api.options("/v1/uploads", headers=headers, status=status)

    def test_the_portal_may(self, api: TestApp) -> None:
        answer = self.preflight(api, "http://portal.test", 204)
        assert answer.headers["Access-Control-Allow-Origin"] == "http://portal.test"
        assert "X-CSRF-Token" in answer.headers["Access-Control-Allow-Headers"]

    def test_others_may_not(self, api: TestApp) -> None:
        answer = self.preflight(api, "http://evil.test", 403)
        assert "Access-Control-Allow-Origin" not in answer.headers

    def test_the_portal_may_read(self, api: TestApp) -> None:
        answer = api.get("/v1/artists", headers={"Origin": "http://portal.test"})
        assert answer.headers["Access-Control-Allow-Origin"] == "http://portal.test"
        assert "Origin" in answer.headers["Vary"]

    def test_others_may_not_read(self, api: TestApp) -> None:
        answer = api.get("/v1/artists", headers={"Origin": "http://evil.test"})
        assert "Access-Control-Allow-Origin" not in answer.headers
