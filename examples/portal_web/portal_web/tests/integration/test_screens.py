# SPDX-License-Identifier: GPL-3.0-or-later
"""Every page on every screen: nothing sticks out, axe finds nothing.

A class is what one worker takes: there are several, so that all have some.
"""

from __future__ import annotations

import pytest

from portal_web.tests.integration.pages import ADA, Portal

PUBLIC = ("/", "/repertoire", "/licences", "/login", "/register", "/nowhere")
MEMBERS = (
    "/artists", "/artists/new", "/creations", "/creations/new", "/releases",
    "/releases/new", "/uploads", "/uploads/new", "/profile", "/profile/password",
)  # fmt: skip


class Public:
    """What everybody sees, in a language."""

    language = "en"

    @pytest.mark.parametrize("size", ["xs", "sm", "md", "lg"])
    def test_public(self, portal: Portal, size: str) -> None:
        portal.browser.resize(size)
        portal.open().speak(self.language)
        check(portal, PUBLIC, axe=size in ("xs", "lg"))
        assert portal.language == self.language


class TestEnglish(Public):
    pass


class TestGerman(Public):
    language = "de"


class TestMembersNarrow:
    @pytest.mark.parametrize("size", ["xs", "sm"])
    def test_members(self, portal: Portal, size: str) -> None:
        as_member(portal, size)


class TestMembersWide:
    @pytest.mark.parametrize("size", ["md", "lg"])
    def test_members(self, portal: Portal, size: str) -> None:
        as_member(portal, size)


def as_member(portal: Portal, size: str) -> None:
    portal.browser.resize(size)
    portal.log_in(ADA)
    check(portal, MEMBERS, axe=size in ("xs", "lg"))


def check(portal: Portal, paths: tuple[str, ...], *, axe: bool) -> None:
    for path in paths:
        portal.open(path)
        assert portal.too_wide == [], path
        if axe:
            assert portal.axe() == [], path
