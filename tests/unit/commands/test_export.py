# SPDX-License-Identifier: GPL-3.0-or-later
"""Where exports go, and what begins them."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli.base import folder
from harness.commands import stack_export
from harness.errors import UsageError
from tests.unit.commands.test_stack_health import Docker, stack


def test_a_directory_is_made_only_where_it_can_be(tmp_path: Path) -> None:
    new = tmp_path / "new" / "one"
    assert folder(str(new)) == new
    assert not new.parent.exists()
    (tmp_path / "file").touch()
    for one in ("file", "file/below"):
        with pytest.raises(UsageError, match="cannot be written: Not a directory"):
            folder(str(tmp_path / one))


def test_a_namespace_has_a_name_of_kubernetes(tmp_path: Path) -> None:
    """A project of Compose may be called otherwise, and is, after its checkout."""
    found, _ = stack(tmp_path, Docker())
    found = replace(found, project=replace(found.project, name="my_society-1f2e3d"))
    lines = list(stack_export._cluster(found, [], tmp_path / "pods.json"))
    assert lines[0] == "kubectl create namespace my-society-1f2e3d"
    assert "--namespace my-society-1f2e3d apply" in lines[1]
