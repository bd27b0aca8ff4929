# SPDX-License-Identifier: GPL-3.0-or-later
"""Services, the Dockerfile's targets, the bases' pins: they belong together."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.images import base, dockerfile, services

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "Dockerfiles" / "Dockerfile").read_text("utf-8")
VARIANTS = ("development", "production")


def test_all_are_chosen_where_none_is_named() -> None:
    assert services.choose(()) == services.SERVICES


def test_one_that_is_no_service_is_chosen_by_its_name_only() -> None:
    assert "tests" not in services.choose(())
    assert services.choose(("tests", "db")) == ("db", "tests")


def test_the_order_is_theirs_and_aliases_are_known() -> None:
    assert services.choose(("nginx", "tryton", "nginx")) == ("erpserver", "nginx")


def test_a_wrong_name_is_answered_with_the_right_one() -> None:
    with pytest.raises(UsageError) as caught:
        services.choose(("db", "erpsever"))
    assert caught.value.remedy == "did you mean erpserver?"


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("service", [*services.SERVICES, *services.MORE, "locks"])
def test_every_target_is_whole(service: str, variant: str) -> None:
    stages = dockerfile.parse(TEXT, {"VARIANT": variant, "BASE": "base:1"})
    assert dockerfile.external(stages, service) == ("base:1",)
    for stage in dockerfile.closure(stages, service):
        for path in stage.paths:
            assert (ROOT / "Dockerfiles" / path).exists(), path


def test_nothing_is_mounted_that_another_service_uses() -> None:
    stages = dockerfile.parse(TEXT, {})
    for service in services.SERVICES:
        paths = {p for s in dockerfile.closure(stages, service) for p in s.paths}
        assert not {".", "requirements"} & paths


def test_no_frontend_is_pulled() -> None:
    assert not TEXT.startswith("# syntax")


def test_a_pin_is_used_where_there_is_one() -> None:
    assert base.pinned("a:1", {"a:1": "sha256:0"}) == "a:1@sha256:0"
    assert base.pinned("a:1", {"a:1": base.HERE}) == "a:1"
    assert base.pinned("b:1", {}) == "b:1"
    assert "debian:bookworm-slim" in base.pins()
