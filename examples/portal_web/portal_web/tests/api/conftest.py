# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the API's suites."""

from __future__ import annotations

from typing import Any

import pytest
from webtest import TestApp

from portal_web.tests import support


@pytest.fixture(scope="session")
def application() -> Any:
    """The API, made once in a process."""
    return support.application("api")


@pytest.fixture
def api(application: Any) -> TestApp:
    """A program that nobody knows."""
    return TestApp(application)


@pytest.fixture
def token(api: TestApp) -> str:
    """A token of Ada."""
    login = {"email": support.ADA, "password": support.PASSWORD}
    return str(api.post_json("/v1/tokens", login, status=201).json["token"])


@pytest.fixture
def ada(application: Any, token: str) -> TestApp:
    """A program that acts for Ada."""
    made = TestApp(application)
    made.authorization = ("Bearer", token)
    return made


@pytest.fixture
def bela(application: Any) -> TestApp:
    """A program that acts for Bela."""
    made = TestApp(application)
    login = {"email": support.BELA, "password": support.PASSWORD}
    made.authorization = ("Bearer", made.post_json("/v1/tokens", login).json["token"])
    return made
