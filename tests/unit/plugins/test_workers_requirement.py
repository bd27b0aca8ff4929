# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pytest-xdist is enough."""

from importlib import metadata

import pytest

from harness.plugins.workers import requirement


def having(monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    def known(name: str) -> str:
        assert name == "pytest-xdist"
        if version is None:
            raise metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(metadata, "version", known)


@pytest.mark.parametrize("version", ["3.0.2", "3.8.0", "4", "3.9.dev1", "3.dev0"])
def test_what_is_new_enough(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    having(monkeypatch, version)
    assert requirement.why_not() == ""


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (None, "pytest-xdist is missing here, which runs the tests in parallel: "),
        ("2.5.0", "pytest-xdist 2.5.0 is too old here, which runs the tests"),
        ("1", "pytest-xdist 1 is too old here"),
    ],
)
def test_what_is_not(
    monkeypatch: pytest.MonkeyPatch, version: str | None, words: str
) -> None:
    having(monkeypatch, version)
    said = requirement.why_not()
    assert said.startswith(words)
    assert said.endswith(" -m pip install 'pytest-xdist>=3.0', or leave -n out")
    assert "\n" not in said
