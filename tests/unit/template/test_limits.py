# SPDX-License-Identifier: GPL-3.0-or-later
"""Which templates have to go."""

import os
from pathlib import Path

import pytest

from harness.store import Store
from harness.template import limits
from harness.template.base import Manifest

NOW = 1_780_000_000.0
DAY = 86_400.0
MANY = {"count": 100, "size": 2**40, "age": 365 * DAY}


def manifest(name: str, days: float, size: int = 100) -> Manifest:
    return Manifest(digest=f"{name}0", name=name, used=NOW - days * DAY, size=size)


FOUND = [
    manifest("base", 3.0),
    manifest("party", 1.0),
    manifest("society", 0.0),
    manifest("bank", 40.0),
]


def going(manifests: list[Manifest], **limit: float) -> dict[str, str]:
    found = limits.exceeding(manifests, **{**MANY, **limit}, now=NOW)  # type: ignore
    return {one.name: why for one, why in found}


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ({}, {}),
        ({"age": 30 * DAY}, {"bank": "not used for 960 h 00 min"}),
        ({"age": 40 * DAY}, {}),
        (
            {"count": 2},
            {"base": "more than 2 templates", "bank": "more than 2 templates"},
        ),
        ({"count": 0}, dict.fromkeys(
            ("society", "party", "base", "bank"), "more than 0 templates"
        )),
        ({"size": 300}, {"bank": "more than 300 B in all"}),
        ({"size": 299}, {
            "base": "more than 299 B in all", "bank": "more than 299 B in all"
        }),
        (
            {"age": 30 * DAY, "count": 2},
            {"base": "more than 2 templates", "bank": "not used for 960 h 00 min"},
        ),
    ],
)  # fmt: skip
def test_exceeding(limit: dict[str, float], expected: dict[str, str]) -> None:
    assert going(FOUND, **limit) == expected
    assert going(FOUND[::-1], **limit) == expected


def test_one_that_is_too_large_does_not_take_others_with_it() -> None:
    found = [manifest("society", 0.0, 100), manifest("huge", 1.0, 500), FOUND[0]]
    assert going(found, size=200) == {"huge": "more than 200 B in all"}


def test_what_goes_does_not_count() -> None:
    found = [manifest("old", 40.0), manifest("older", 41.0), manifest("new", 0.0)]
    assert set(going(found, age=30 * DAY, count=1)) == {"old", "older"}


# -- the last use ------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


def test_a_use_is_noted(store: Store) -> None:
    limits.touch(store, "party0")
    assert limits.with_use(store, manifest("party", 1.0)).used > NOW - DAY
    assert [one.name for one in (store.path / "used").iterdir()] == ["party0"]


def test_one_that_is_gone_is_forgotten(store: Store) -> None:
    assert not limits.touched(store, "party0")
    limits.touch(store, "party0")
    assert limits.touched(store, "party0")
    limits.forget(store, "party0")
    limits.forget(store, "party0")
    assert not limits.touched(store, "party0")


def test_each_that_was_used_is_known_by_its_trace(store: Store) -> None:
    """What is saved back is served by the one that was there before."""
    one, two = (
        Manifest(
            digest=digest, name="shop", declared="d", trace={"module shop.py": "1"}
        )
        for digest in ("1f", "2f")
    )
    for number, used in enumerate((one, two, one)):
        limits.remember(store, used)
        path = store.path / "used" / f"d.{used.digest}.trace"
        os.utime(path, (number, number))
    assert list(limits.remembered(store, "d")) == [one, two]
    assert not list(limits.remembered(store, "e"))
    (store.path / "used" / "d.1f.trace").write_text("cut o")
    assert list(limits.remembered(store, "d")) == [two]
    limits.forget(store, "2f")
    assert not list(limits.remembered(store, "d"))


@pytest.mark.parametrize(
    ("noted", "used", "expected"), [(5.0, 3.0, 5.0), (3.0, 5.0, 5.0)]
)
def test_the_later_use_counts(
    store: Store, noted: float, used: float, expected: float
) -> None:
    limits.touch(store, "1f")
    os.utime(store.path / "used" / "1f", (noted, noted))
    one = Manifest(digest="1f", name="party", used=used)
    assert limits.with_use(store, one).used == expected


def test_one_that_was_never_used_was_used_when_it_was_made(store: Store) -> None:
    one = Manifest(digest="1f", name="party", created=7.0)
    assert limits.with_use(store, one).used == 7.0
