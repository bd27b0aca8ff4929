# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files may configure pytest."""

from pathlib import Path

from harness.run.given import configuring
from harness.runners import base


def test_a_file_that_would_configure_pytest_is_told(tmp_path: Path) -> None:
    (tmp_path / "tox.ini").write_text("[pytest]\n")
    found = [one.name for one in configuring(tmp_path)]
    assert found == ["tox.ini", *base.CONFIGURING]
    (tmp_path / "pytest.ini").touch()
    found = [one.name for one in configuring(tmp_path)]
    assert found == ["pytest.ini", "pytest.toml", ".pytest.toml", ".pytest.ini"]
