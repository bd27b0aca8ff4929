# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates as files: what is in them is looked at before anything is done."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import TemplateError
from harness.template import digest, portable
from harness.template.base import Manifest

FACTS = {"module party": "7.0.1"}
GOOD = Manifest(
    digest=digest.combine("", FACTS),
    name="party",
    series="7.0",
    modules=("party",),
    closure=("country", "party"),
    facts=FACTS,
)


@pytest.fixture
def content(tmp_path: Path) -> Path:
    path = tmp_path / "dump"
    path.write_bytes(b"rows")
    return path


def packed(tmp_path: Path, content: Path, manifest: Manifest = GOOD) -> Path:
    path = tmp_path / "x.template"
    portable.write(path, manifest, "sqlite", content)
    return path


def test_what_is_written_is_read(tmp_path: Path, content: Path) -> None:
    found = portable.read(packed(tmp_path, content), tmp_path)
    assert (found.manifest, found.kind) == (GOOD, "sqlite")
    assert found.content.read_bytes() == b"rows"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"digest": "../../../outside"}, "is no digest of a template"),
        ({"digest": "/etc/passwd"}, "is no digest"),
        ({"digest": GOOD.digest.upper()}, "is no digest|another version"),
        ({"digest": "0" * 20}, "not that of what it says it is made of"),
        ({"parent": "../up"}, "is no digest"),
        ({"name": "a\x1b[2Jb"}, "is no name"),
        ({"name": "../party"}, "is no name"),
        ({"modules": ("party; DROP",)}, "is no name"),
        ({"closure": ("a/b",)}, "is no name"),
        ({"language": "en\n"}, "is no name"),
        ({"series": "7.0 "}, "is no name"),
        ({"facts": {"module party": "7.0.2"}}, "not that of what it says"),
    ],
)
def test_a_manifest_that_is_not_what_it_says(
    tmp_path: Path, content: Path, change: dict[str, object], expected: str
) -> None:
    path = packed(tmp_path, content, replace(GOOD, **change))  # type: ignore[arg-type]
    with pytest.raises(TemplateError, match=expected):
        portable.read(path, tmp_path / "scratch")


@pytest.mark.parametrize("part", ["manifest.json", "kind", "content"])
def test_a_part_that_was_changed(tmp_path: Path, content: Path, part: str) -> None:
    path = packed(tmp_path, content)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = json.dumps({**json.loads(GOOD.dump()), "size": 7}).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    with pytest.raises(TemplateError, match="damaged, a checksum is another one"):
        portable.read(path, tmp_path / "scratch")


@pytest.mark.parametrize(
    "left_out", ["manifest.json", "kind", "content", "sha256.json"]
)
def test_a_part_that_is_not_there(tmp_path: Path, content: Path, left_out: str) -> None:
    path = packed(tmp_path, content)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name in parts.keys() - {left_out}:
            archive.writestr(name, parts[name])
    with pytest.raises(TemplateError, match="cannot be imported"):
        portable.read(path, tmp_path / "scratch")


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("no template")
    with pytest.raises(TemplateError, match="cannot be imported"):
        portable.read(tmp_path / "x", tmp_path)
