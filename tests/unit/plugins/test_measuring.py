# SPDX-License-Identifier: GPL-3.0-or-later
"""What coverage is told for a suite."""

from configparser import RawConfigParser
from pathlib import Path

import pytest
from coverage import exceptions

from harness.plugins import measuring

SETTINGS = """\
[tool.coverage.run]
omit = ["web/left.py", "*/made/*"]
source = ["elsewhere"]
data_file = "elsewhere"
branch = false
patch = ["subprocess"]
concurrency = ["multiprocessing", "thread"]
"""


def told(tmp_path: Path, settings: str, *, apart: bool = False) -> dict[str, list[str]]:
    order = {
        "data": str(tmp_path / "web-$1"),
        "sources": ["/src/web"],
        "settings": settings,
        "apart": apart,
    }
    parser = RawConfigParser()
    parser.read(measuring.written(order))
    return {name: text.split() for name, text in parser["run"].items()}


def test_the_sources_own_settings(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    found = told(tmp_path, str(tmp_path / "pyproject.toml"))
    assert found["patch"] == ["subprocess"]
    assert found["concurrency"] == ["multiprocessing", "thread"]
    assert found["omit"] == ["/src/web/tests/*", f"{tmp_path}/web/left.py", "*/made/*"]
    assert found["source"] == ["/src/web"]
    assert found["data_file"] == [f"{tmp_path}/web-$$1"]
    assert found["branch"] == found["parallel"] == ["True"]


def test_without_any(tmp_path: Path) -> None:
    found = told(tmp_path, "")
    assert found["omit"] == ["/src/web/tests/*"]
    assert "patch" not in found


def test_an_option_that_this_coverage_does_not_know_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Images have older ones: in 7.2 this error is no CoverageException."""

    class Old(Exception):
        pass

    class Older:
        def get_option(self, name: str) -> None:
            raise Old(name)

    monkeypatch.setattr(exceptions, "ConfigError", Old)
    assert measuring._option(Older(), "patch") is None


def test_contexts_are_the_harness_s_where_tests_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.coverage.run]\ncontext = "all"\ndynamic_context = "test_function"\n'
    )
    settings = str(tmp_path / "pyproject.toml")
    assert told(tmp_path, settings)["context"] == ["all"]
    assert (
        not {"context", "dynamic_context"} & told(tmp_path, settings, apart=True).keys()
    )
