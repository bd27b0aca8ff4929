# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors, and values in JSON."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from pyramid.request import Request

from portal_web.api import renderer
from portal_web.api.problem import Problem, respond
from portal_web.api.v1 import body, integer


@pytest.mark.parametrize(
    ("status", "title"),
    [(400, "Bad Request"), (401, "Unauthorized"), (404, "Not Found"), (422, None)],
)
def test_a_problem_says_its_status(status: int, title: str | None) -> None:
    response = respond(Problem(status, "why"))
    assert response.status_int == status
    assert response.content_type == "application/problem+json"
    assert response.json["status"] == status
    assert response.json["detail"] == "why"
    assert title in {None, response.json["title"]}


def test_a_problem_has_more_if_there_is_more() -> None:
    errors = [{"field": "a", "detail": "is needed"}]
    response = respond(Problem(422, headers={"Retry-After": "1"}, errors=errors))
    assert response.json["errors"] == errors
    assert response.headers["Retry-After"] == "1"
    assert "detail" not in response.json


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (dt.date(2025, 3, 14), '"2025-03-14"'),
        (dt.datetime(2025, 3, 14, 15, 9), '"2025-03-14T15:09:00Z"'),
        (dt.timedelta(minutes=3, seconds=25), "205"),
        (dt.timedelta(seconds=0.5), "0.5"),
        (Decimal("33.30"), '"33.30"'),
        ("Größe", '"Größe"'),
        (None, "null"),
    ],
)
def test_values(value: Any, text: str) -> None:
    assert renderer()(None)(value, {}) == text


def test_what_cannot_be_json_is_an_error() -> None:
    with pytest.raises(TypeError):
        renderer()(None)(object(), {})


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "101", "9" * 30, "²", ""])
def test_numbers_out_of_bounds(text: str) -> None:
    request = Request.blank(f"/?{urlencode({'n': text})}")
    with pytest.raises(Problem) as caught:
        integer(request, "n", 1, 100)
    assert caught.value.more["errors"][0]["parameter"] == "n"


@pytest.mark.parametrize(("query", "value"), [("", 7), ("n=1", 1), ("n=100", 100)])
def test_numbers(query: str, value: int) -> None:
    assert integer(Request.blank(f"/?{query}"), "n", 7, 100) == value


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b"[]", 422),
        (b'"a"', 422),
        (b'{"a": 1}', 422),
        (b'{"a": {"b": "c"}}', 422),
    ],
)
def test_bodies_that_are_none(sent: bytes, status: int) -> None:
    request = Request.blank("/", method="POST", body=sent)
    request.content_type = "application/json"
    with pytest.raises(Problem) as caught:
        body(request)
    assert caught.value.status == status


def test_a_body() -> None:
    sent = {"email": "ü@example.com"}
    request = Request.blank("/", method="POST", body=json.dumps(sent).encode())
    request.content_type = "application/json; charset=utf-8"
    assert body(request) == sent


def test_a_body_of_another_type() -> None:
    request = Request.blank("/", method="POST", body=b"{}")
    request.content_type = "text/plain"
    with pytest.raises(Problem) as caught:
        body(request)
    assert caught.value.status == 415
