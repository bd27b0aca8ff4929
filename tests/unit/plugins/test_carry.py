# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence that comes from another machine with the reports."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from harness.plugins import carry
from harness.plugins.carry import Carrier


def sent(carrier: Carrier, *paths: Path | str) -> dict[str, Any]:
    """What is sent of a report that names files."""
    properties = [("other", "x"), *(("evidence", str(path)) for path in paths)]
    hook = carrier.pytest_report_to_serializable(
        SimpleNamespace(user_properties=properties)
    )
    next(hook)
    try:
        hook.send({"nodeid": "a"})
    except StopIteration as end:
        return dict(end.value)
    raise AssertionError


def test_files_go_with_the_first_report_that_names_them(tmp_path: Path) -> None:
    carrier, path = Carrier(), tmp_path / "a.png"
    path.write_bytes(b"picture")
    assert sent(carrier) == {"nodeid": "a"}
    assert sent(carrier, path)[carry.FILES] == {str(path): b"picture"}
    assert sent(carrier, path)[carry.FILES] == {}
    path.write_bytes(b"another")
    os.utime(path, ns=(5, 5))
    assert sent(carrier, path)[carry.FILES] == {str(path): b"another"}


def test_a_file_that_is_missing_is_not_sent(tmp_path: Path) -> None:
    assert sent(Carrier(), tmp_path / "gone")[carry.FILES] == {}


def test_what_was_sent_is_kept(tmp_path: Path) -> None:
    kept = carry.keep("/there/a.png", str(tmp_path), "key", b"picture")
    assert kept["missing"] == ""
    [file] = tmp_path.iterdir()
    assert file.read_bytes() == b"picture"
    assert kept["file"] == f"evidence/{file.name}"
