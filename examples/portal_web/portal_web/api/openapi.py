# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API offers, as OpenAPI 3.1; a test compares it with the real routes."""

from __future__ import annotations

from typing import Any

from .. import media

Json = dict[str, Any]
TEXT: Json = {"type": "string"}
OPTIONAL: Json = {"type": ["string", "null"]}
INTEGER: Json = {"type": "integer"}
BOOLEAN: Json = {"type": "boolean"}
SECONDS: Json = {"type": ["number", "null"], "description": "seconds"}


def _object(**properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


def _array(items: Json) -> Json:
    return {"type": "array", "items": items}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _extended(base: Json, **properties: Json) -> Json:
    return _object(**base["properties"], **properties)


def _page(name: str) -> Json:
    return _object(
        items=_array(_ref(name)),
        page=INTEGER,
        per_page=INTEGER,
        pages=INTEGER,
        total=INTEGER,
    )


def schemas() -> Json:
    """All that is sent and answered."""
    artist = _object(code=TEXT, name=TEXT, group=BOOLEAN)
    titled = _object(code=TEXT, title=TEXT)
    named = _object(code=TEXT, name=TEXT)
    creation = _object(code=TEXT, title=TEXT, artist=_ref("Named"), iswc=OPTIONAL)
    release = _object(
        code=TEXT,
        title=TEXT,
        type={"enum": ["single", "ep", "album", "compilation"]},
        artist={"anyOf": [_ref("Named"), {"type": "null"}]},
        gtin=OPTIONAL,
        release_date={"type": ["string", "null"], "format": "date"},
    )
    contribution = _object(artist=_ref("Named"), role=TEXT)
    track = _object(
        title=TEXT,
        artist=_ref("Named"),
        creation=_ref("Titled"),
        isrc=OPTIONAL,
        duration=SECONDS,
    )
    return {
        "Named": named,
        "Titled": titled,
        "Artist": artist,
        "ArtistWhole": _extended(
            artist,
            description=OPTIONAL,
            genres=_array(TEXT),
            members=_array(_ref("Artist")),
        ),
        "Creation": creation,
        "CreationWhole": _extended(
            creation,
            instrumental=BOOLEAN,
            genres=_array(TEXT),
            licences=_array(TEXT),
            contributions=_array(contribution),
            releases=_array(_ref("Titled")),
        ),
        "Release": release,
        "ReleaseWhole": _extended(release, duration=SECONDS, tracks=_array(track)),
        "Licence": _object(
            code=TEXT,
            name=TEXT,
            link=OPTIONAL,
            freedom_rank=INTEGER,
            commercial=BOOLEAN,
            derivatives=BOOLEAN,
            share_alike=BOOLEAN,
        ),
        "Upload": _object(
            uuid={"type": "string", "format": "uuid"},
            code=TEXT,
            name=TEXT,
            category={"enum": list(media.ALLOWED)},
            mime_type=TEXT,
            size=INTEGER,
            creation={"anyOf": [_ref("Titled"), {"type": "null"}]},
            state=TEXT,
            rejection_reason=OPTIONAL,
        ),
        "Health": _object(status=TEXT, service=TEXT),
        "Token": _object(token=TEXT, token_type=TEXT),
        "Login": _object(
            email={"type": "string", "format": "email"},
            password={"type": "string", "format": "password"},
        ),
        "Problem": {
            "type": "object",
            "properties": {
                "type": TEXT,
                "title": TEXT,
                "status": INTEGER,
                "detail": TEXT,
                "errors": _array({"type": "object"}),
            },
            "required": ["type", "title", "status"],
        },
        "ArtistPage": _page("Artist"),
        "CreationPage": _page("Creation"),
        "ReleasePage": _page("Release"),
        "UploadPage": _page("Upload"),
        "LicenceList": _object(items=_array(_ref("Licence"))),
    }


PAGING = [
    {
        "name": name,
        "in": "query",
        "description": text,
        "schema": schema,
    }
    for name, text, schema in [
        ("q", "what the names, titles or codes contain", {**TEXT, "maxLength": 100}),
        ("page", "the number of the page", {**INTEGER, "minimum": 1, "default": 1}),
        (
            "per_page",
            "how many are on a page",
            {**INTEGER, "minimum": 1, "maximum": 100},
        ),
    ]
]
MEMBER = [{"bearer": []}, {"session": [], "csrf": []}]


def _json(name: str) -> Json:
    return {"application/json": {"schema": _ref(name)}}


def _operation(
    summary: str,
    answer: str | None,
    *,
    status: int = 200,
    problems: tuple[int, ...] = (),
    headers: tuple[str, ...] = (),
    **more: Any,
) -> Json:
    good: Json = {"description": summary}
    if answer:
        good["content"] = _json(answer)
    if headers:
        good["headers"] = {name: {"schema": TEXT} for name in headers}
    wrong = {
        "description": "what is wrong",
        "content": {"application/problem+json": {"schema": _ref("Problem")}},
    }
    responses = {str(status): good, **{str(code): wrong for code in problems}}
    responses["default"] = wrong
    return {"summary": summary, "responses": responses, **more}


def _list(summary: str, answer: str, **more: Any) -> Json:
    return _operation(
        summary, answer, problems=(400,), headers=("Link",), parameters=PAGING, **more
    )


def _single(summary: str, answer: str, name: str, schema: Json, **more: Any) -> Json:
    parameter = {"name": name, "in": "path", "required": True, "schema": schema}
    return _operation(summary, answer, problems=(404,), parameters=[parameter], **more)


def paths() -> Json:
    """All addresses with their methods."""
    code: Json = {**TEXT, "pattern": "^[A-Z][0-9]{1,12}$"}
    uuid: Json = {**TEXT, "format": "uuid"}
    upload: Json = {
        "type": "object",
        "properties": {
            "file": {"type": "string", "contentMediaType": "application/octet-stream"},
            "category": {"enum": list(media.ALLOWED), "default": media.AUDIO},
            "creation": {**TEXT, "description": "the code of one of one's creations"},
        },
        "required": ["file"],
    }
    description: Json = {
        "summary": "This description",
        "responses": {
            "200": {
                "description": "OpenAPI 3.1",
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        },
    }
    return {
        "/health": {"get": _operation("Whether it answers", "Health", problems=(503,))},
        "/": {"get": description},
        "/v1/openapi.json": {"get": description},
        "/v1/artists": {"get": _list("Artists", "ArtistPage")},
        "/v1/artists/{code}": {
            "get": _single("An artist", "ArtistWhole", "code", code)
        },
        "/v1/creations": {"get": _list("Registered creations", "CreationPage")},
        "/v1/creations/{code}": {
            "get": _single("A creation", "CreationWhole", "code", code)
        },
        "/v1/releases": {"get": _list("Published releases", "ReleasePage")},
        "/v1/releases/{code}": {
            "get": _single("A release", "ReleaseWhole", "code", code)
        },
        "/v1/licences": {"get": _operation("Licences", "LicenceList")},
        "/v1/tokens": {
            "post": _operation(
                "A token for an address and its password",
                "Token",
                status=201,
                problems=(400, 401, 415, 422, 429),
                requestBody={"required": True, "content": _json("Login")},
            )
        },
        "/v1/tokens/current": {
            "delete": _operation(
                "The token ends", None, status=204, problems=(401,), security=MEMBER
            )
        },
        "/v1/uploads": {
            "get": _list("One's uploads", "UploadPage", security=MEMBER),
            "post": _operation(
                "Take a file",
                "Upload",
                status=201,
                problems=(400, 401, 403, 413, 415, 422),
                headers=("Location",),
                security=MEMBER,
                requestBody={
                    "required": True,
                    "content": {"multipart/form-data": {"schema": upload}},
                },
            ),
        },
        "/v1/uploads/{uuid}": {
            "get": _single("An upload", "Upload", "uuid", uuid, security=MEMBER)
        },
    }


def describe(url: str) -> Json:
    """The whole description, for an API that is found at `url`."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Repertoire",
            "version": "1",
            "description": "Artists, creations and releases of a collecting society.",
            "license": {"name": "GPL-3.0-or-later", "identifier": "GPL-3.0-or-later"},
        },
        "servers": [{"url": url}],
        "security": [],
        "paths": paths(),
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "portal_session"},
                "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
            },
        },
    }
