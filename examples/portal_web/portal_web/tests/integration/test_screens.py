# SPDX-License-Identifier: GPL-3.0-or-later
"""Every page on every screen: nothing sticks out, axe finds nothing."""

from __future__ import annotations

import pytest

from portal_web.tests.integration.pages import ADA, Portal

PUBLIC = ("/", "/repertoire", "/licences", "/login", "/register", "/nowhere")
MEMBERS = (
    "/artists", "/artists/new", "/creations", "/creations/new", "/releases",
    "/releases/new", "/uploads", "/uploads/new", "/profile", "/profile/password",
)  # fmt: skip


def check(portal: Portal, paths: tuple[str, ...], *, axe: bool) -> None:
    for path in paths:
        portal.open(path)
        assert portal.too_wide == [], path
        if axe:
            assert portal.axe() == [], path


@pytest.mark.parametrize("size", ["xs", "sm", "md", "lg"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_public(portal: Portal, language: str, size: str) -> None:
    portal.browser.resize(size)
    portal.open().speak(language)
    check(portal, PUBLIC, axe=size in ("xs", "lg"))


@pytest.mark.parametrize("size", ["xs", "sm", "md", "lg"])
def test_members(portal: Portal, size: str) -> None:
    portal.browser.resize(size)
    portal.log_in(ADA)
    check(portal, MEMBERS, axe=size in ("xs", "lg"))
