# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests of templates."""

import json
from dataclasses import fields

import pytest

from harness.errors import ExitCode, TemplateError
from harness.template.base import Manifest, sorted_by_use

FULL = Manifest(
    digest="0123456789abcdef0123",
    name="society",
    parent="fedcba98765432100123",
    series="7.0",
    language="de",
    modules=("society",),
    closure=("country", "party", "society"),
    created=1_780_000_000.25,
    seconds=12.5,
    used=1_780_000_100.0,
    size=9_000_000,
    facts={"file society/société.py": "0f", "records": "validated"},
    declared="0123456789",
    trace={"function society/société.py:create": "1f"},
)


@pytest.mark.parametrize("one", [FULL, Manifest(digest="1f", name="base")])
def test_round_trip(one: Manifest) -> None:
    assert Manifest.parse(one.dump()) == one


def test_the_full_one_has_no_default() -> None:
    plain = Manifest(digest="1f", name="base")
    same = [
        f.name for f in fields(FULL) if getattr(FULL, f.name) == getattr(plain, f.name)
    ]
    assert same == []


def test_a_manifest_is_one_line() -> None:
    assert "\n" not in FULL.dump()


def test_what_an_older_harness_did_not_write() -> None:
    assert Manifest.parse('{"digest": "1f", "name": "base"}').closure == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        '"text"',
        "3",
        "{}",
        '{"name": "base"}',
        '{"digest": "1f", "name": "base", "modules": 3}',
        FULL.dump()[:-20],
    ],
)
def test_a_broken_manifest(text: str) -> None:
    with pytest.raises(TemplateError, match="manifest of a template is broken") as e:
        Manifest.parse(text)
    assert e.value.code == ExitCode.DATABASE


def test_what_a_newer_harness_says_is_left_out() -> None:
    text = '{"digest": "1f", "name": "base", "colour": "red"}'
    assert Manifest.parse(text) == Manifest(digest="1f", name="base")


def test_a_manifest_can_be_read_by_others() -> None:
    values = json.loads(FULL.dump())
    assert values["closure"] == ["country", "party", "society"]
    assert list(values) == sorted(values)


def test_the_last_used_come_first() -> None:
    made = {
        "built": Manifest(digest="1", name="built", created=50.0),
        "used": Manifest(digest="2", name="used", created=10.0, used=60.0),
        "old": Manifest(digest="3", name="old", created=20.0, used=20.0),
    }
    found = sorted_by_use(iter(made.values()))
    assert [one.name for one in found] == ["used", "built", "old"]
