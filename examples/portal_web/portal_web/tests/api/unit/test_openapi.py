# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of the API, by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from portal_web.api import openapi

DOCUMENT = openapi.describe("http://api.test")
OPERATIONS = [
    (path, method) for path, item in DOCUMENT["paths"].items() for method in item
]


def references(value: Any) -> Iterator[str]:
    """All names of schemas that are referred to."""
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rpartition("/")[2]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_it_is_openapi_3_1() -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []
    assert DOCUMENT["openapi"].startswith("3.1")


def test_the_validator_sees_errors() -> None:
    wrong = {**DOCUMENT, "paths": {"/a": {"get": {"responses": {"200": {}}}}}}
    assert list(OpenAPIV31SpecValidator(wrong).iter_errors())


def test_each_schema_is_used_and_there() -> None:
    schemas = set(DOCUMENT["components"]["schemas"])
    assert set(references(DOCUMENT)) == schemas


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_each_operation_says_what_it_does(path: str, method: str) -> None:
    operation = DOCUMENT["paths"][path][method]
    assert operation["summary"]
    assert any(code.startswith("2") for code in operation["responses"])


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_parameters_of_the_path_are_described(path: str, method: str) -> None:
    operation = DOCUMENT["paths"][path][method]
    found = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
    assert found == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_the_server_is_that_of_the_settings() -> None:
    assert DOCUMENT["servers"] == [{"url": "http://api.test"}]
