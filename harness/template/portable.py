# SPDX-License-Identifier: GPL-3.0-or-later
"""A template as one file: its manifest, its content, and the checksums of both."""

import hashlib
import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import TemplateError
from harness.template import digest
from harness.template.base import Manifest

MANIFEST: Final = "manifest.json"
KIND: Final = "kind"
CONTENT: Final = "content"
SUMS: Final = "sha256.json"
SMALL: Final = 1 << 24
"""Bytes that all but the content may have."""
DIGEST: Final = re.compile(rf"[0-9a-f]{{{digest.LENGTH}}}", re.ASCII)
NAME: Final = re.compile(r"[\w.+-]{1,100}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Packed:
    """What a file has; the content is unpacked."""

    manifest: Manifest
    kind: str
    content: Path


def write(path: Path, manifest: Manifest, kind: str, content: Path) -> None:
    """Pack a template."""
    parts = {MANIFEST: manifest.dump().encode(), KIND: kind.encode()}
    sums = {name: hashlib.sha256(part).hexdigest() for name, part in parts.items()}
    with content.open("rb") as stream:
        sums[CONTENT] = hashlib.file_digest(stream, "sha256").hexdigest()
    parts[SUMS] = json.dumps(sums).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
        archive.write(content, CONTENT)


def read(path: Path, scratch: Path) -> Packed:
    """Unpack a file into a directory.

    Raises `TemplateError` when it is none, damaged, or not of what it says.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            sums = json.loads(_part(archive, SUMS))
            parts = {name: _part(archive, name) for name in (MANIFEST, KIND)}
            content = Path(archive.extract(CONTENT, scratch))
        found = {name: hashlib.sha256(part).hexdigest() for name, part in parts.items()}
        with content.open("rb") as stream:
            found[CONTENT] = hashlib.file_digest(stream, "sha256").hexdigest()
        manifest, kind = Manifest.parse(parts[MANIFEST].decode()), parts[KIND].decode()
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise _refusal(path, str(error)) from error
    if sums != found:
        raise _refusal(path, "it is damaged, a checksum is another one")
    _require_names(path, manifest)
    return Packed(manifest=manifest, kind=kind, content=content)


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > SMALL:
        raise ValueError(f"{name} in it is too large")
    return archive.read(name)


def _require_names(path: Path, manifest: Manifest) -> None:
    """Whatever becomes a name of a file or a database is one."""
    for one in (manifest.digest, *filter(None, [manifest.parent])):
        if not (isinstance(one, str) and DIGEST.fullmatch(one)):
            raise _refusal(path, f"{one!r} is no digest of a template")
    names = (manifest.name, manifest.language, *manifest.modules, *manifest.closure)
    for one in (*names, *filter(None, [manifest.series])):
        if not (isinstance(one, str) and NAME.fullmatch(one)):
            raise _refusal(path, f"{one!r} is no name")
    if digest.combine(manifest.parent, manifest.facts) != manifest.digest:
        raise _refusal(
            path,
            "its digest is not that of what it says it is made of,"
            " or of another version of the harness",
        )


def _refusal(path: Path, why: str) -> TemplateError:
    return TemplateError(
        f"{path} cannot be imported: {why}",
        checked="its parts, their checksums, and its names",
        remedy="write it with harness template export, of this version",
    )
