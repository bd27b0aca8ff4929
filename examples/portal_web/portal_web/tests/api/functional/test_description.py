# SPDX-License-Identifier: GPL-3.0-or-later
"""The description against the application: routes, methods and answers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from pyramid.interfaces import IRoutesMapper
from webtest import TestApp

from portal_web.api import openapi
from portal_web.api.problem import methods
from portal_web.tests.support import flac

DOCUMENT = openapi.describe("http://api.test")


def check(answer: Any, path: str, method: str = "get") -> None:
    """Whether an answer is what the description says."""
    responses = DOCUMENT["paths"][path][method]["responses"]
    described = responses[str(answer.status_int)]
    if "content" not in described:
        assert answer.body == b""
        return
    schema = described["content"][answer.content_type]["schema"]
    whole = {**schema, "components": DOCUMENT["components"]}
    errors = [error.message for error in OAS31Validator(whole).iter_errors(answer.json)]
    assert errors == []


def test_all_routes_are_described(application: Any) -> None:
    mapper = application.registry.getUtility(IRoutesMapper)
    offered = methods(application.registry)
    real = {
        (re.sub(r"\{(\w+):(?:[^{}]|\{[^{}]*\})*\}", r"{\1}", route.pattern), method)
        for route in mapper.get_routes()
        for method in offered[route.name] - {"HEAD"}
    }
    described = {
        (path, method.upper())
        for path, item in DOCUMENT["paths"].items()
        for method in item
    }
    assert real == described


def test_it_is_served(api: TestApp) -> None:
    answer = api.get("/v1/openapi.json")
    assert answer.json["paths"].keys() == DOCUMENT["paths"].keys()
    assert api.get("/").json == answer.json  # who has the address only finds it, too


LISTS = ["/v1/artists", "/v1/creations", "/v1/releases", "/v1/licences", "/health"]


@pytest.mark.parametrize("path", LISTS)
def test_lists_are_as_described(api: TestApp, path: str) -> None:
    check(api.get(path), path)


@pytest.mark.parametrize("kind", ["artists", "creations", "releases"])
def test_each_record_is_as_described(api: TestApp, kind: str) -> None:
    items = api.get(f"/v1/{kind}").json["items"]
    assert items
    for item in items:
        check(api.get(f"/v1/{kind}/{item['code']}"), f"/v1/{kind}/{{code}}")


@pytest.mark.parametrize(
    ("path", "described"),
    [
        ("/v1/artists?page=0", "/v1/artists"),
        ("/v1/artists/A999999", "/v1/artists/{code}"),
        ("/v1/creations?per_page=x", "/v1/creations"),
        ("/v1/releases/R9999999", "/v1/releases/{code}"),
    ],
)
def test_problems_are_as_described(api: TestApp, path: str, described: str) -> None:
    check(api.get(path, status="4*"), described)


def test_tokens_are_as_described(api: TestApp, token: str) -> None:
    wrong = {"email": "nobody9@example.com", "password": "guess"}
    check(api.post_json("/v1/tokens", wrong, status=401), "/v1/tokens", "post")
    check(api.post_json("/v1/tokens", {}, status=422), "/v1/tokens", "post")
    api.authorization = ("Bearer", token)
    check(api.delete("/v1/tokens/current"), "/v1/tokens/current", "delete")


def test_uploads_are_as_described(ada: TestApp) -> None:
    files = [("file", "a.flac", flac())]
    made = ada.post("/v1/uploads", upload_files=files)
    check(made, "/v1/uploads", "post")
    check(ada.get("/v1/uploads"), "/v1/uploads")
    check(ada.get(made.headers["Location"]), "/v1/uploads/{uuid}")
    check(ada.post("/v1/uploads", {}, status=415), "/v1/uploads", "post")
