# SPDX-License-Identifier: GPL-3.0-or-later
"""Services, the Dockerfile's targets, the bases' pins: they belong together."""

import re
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.images import base, dockerfile, services
from harness.model import Source

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "Dockerfiles" / "Dockerfile").read_text("utf-8")
RULES = re.MULTILINE | re.DOTALL
VARIANTS = ("development", "production")


def test_one_that_is_no_service_is_chosen_by_its_name() -> None:
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
    needed = dockerfile.closure(stages, service)
    assert {stage.base for stage in needed} - {*stages, "scratch"} == {"base:1"}
    for stage in needed:
        for path in stage.paths:
            assert (ROOT / "Dockerfiles" / path).exists(), path


def test_nothing_is_mounted_that_another_service_uses() -> None:
    stages = dockerfile.parse(TEXT, {})
    for service in services.SERVICES:
        paths = {p for s in dockerfile.closure(stages, service) for p in s.paths}
        assert not {".", "requirements"} & paths
        own = services.APPLICATIONS.get(service)
        packages = {one for one in paths if one.startswith("packages")}
        assert packages == ({f"packages/{own}"} if own else set())


def test_no_frontend_is_pulled() -> None:
    assert not TEXT.startswith("# syntax")


def test_a_pin_is_used_where_there_is_one() -> None:
    assert base.pinned("a:1", {"a:1": "sha256:0"}) == "a:1@sha256:0"
    assert base.pinned("a:1", {"a:1": base.HERE}) == "a:1"
    assert base.pinned("b:1", {}) == "b:1"
    assert "debian:bookworm-slim" in base.pins()


@pytest.mark.parametrize("service", services.APPLICATIONS)
def test_an_application_is_installed_and_started(service: str) -> None:
    stages = dockerfile.parse(TEXT, {"VARIANT": "development"})
    text = "\n".join(
        line
        for stage in dockerfile.closure(stages, service)
        for line in stage.instructions
    )
    name = services.APPLICATIONS[service]
    assert re.findall(r"\bAPPLICATION=(\w+)", text) == [name]
    start = (ROOT / "Dockerfiles" / "common" / "start").read_text("utf-8")
    case = re.search(rf"^(?:\w+ \| )*{service}(?: \| \w+)*\)\n(.*?);;", start, RULES)
    assert case
    assert f"source={name}\n" in case[1]


def test_a_source_that_cannot_be_started_is_none(tmp_path: Path) -> None:
    source = Source(name="portal_web", path=tmp_path, origin="src")
    sources = {"portal_web": source}
    assert services.application("portal", {}) is None
    assert services.application("portal", sources) is None
    (tmp_path / "portal_web").mkdir()
    (tmp_path / "portal_web" / "__main__.py").touch()
    assert services.application("api", sources) is source
    assert services.application("processing", sources) is None
    assert services.application("nginx", sources) is None
