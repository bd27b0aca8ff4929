# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads: the file first, whole and safe on disk, then its record.

A file without a record, left by a crash between the two, is for the worker.
"""

from __future__ import annotations

import contextlib
import os
import unicodedata
import uuid
from pathlib import Path
from typing import Any, BinaryIO

from trytond.pool import Pool

from .. import media
from ..i18n import N_
from ..tdb import Work

MODEL = "collecting_society.content"
CATEGORIES = (media.AUDIO, media.SHEET, media.LYRICS)
MEGABYTE = 1 << 20
CHUNK = 1 << 18
NAME_LENGTH = 200


class UploadError(Exception):
    """A file is not taken."""

    status = 422

    def __init__(self, message: str, **values: Any) -> None:
        super().__init__(message)
        self.message = message
        self.values = values


class TooLarge(UploadError):
    """It is larger than allowed."""

    status = 413


class WrongType(UploadError):
    """What is in it is nothing that its category takes."""

    status = 415


def own(user: Any) -> list[Any]:
    """The domain of the uploads of a web user."""
    return [("web_user", "=", user.id)]


def limit() -> int:
    """How large an upload may be, in bytes."""
    Configuration = Pool().get("collecting_society.configuration")
    return int(Configuration(1).max_upload_size) * MEGABYTE


def clean_name(name: str) -> str:
    """The last part of a file's name, in one line."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(c for c in last if unicodedata.category(c) not in {"Cc", "Cs", "Cf"})
    kept = unicodedata.normalize("NFC", " ".join(kept.split())).strip(". ")
    if len(kept) > NAME_LENGTH:
        stem, dot, ending = kept.rpartition(".")
        keep = NAME_LENGTH - len(ending) - 1
        kept = f"{stem[:keep]}{dot}{ending}" if dot and keep > 0 else kept[:NAME_LENGTH]
    return kept or "unnamed"


def write(source: BinaryIO, directory: Path, name: str, most: int) -> int:
    """Copy `source` to ``directory/name``, whole or not at all; its size.

    Raises `TooLarge` as soon as more than `most` bytes came.
    """
    directory.mkdir(parents=True, exist_ok=True)
    half = directory / f"{name}.part"
    size = 0
    try:
        with half.open("xb") as target:
            while chunk := source.read(CHUNK):
                size += len(chunk)
                if size > most:
                    raise TooLarge(
                        N_("At most %(most)s MB are allowed."), most=most // MEGABYTE
                    )
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        half.rename(directory / name)
        _sync(directory)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    return size


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some file systems cannot
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def receive(
    source: BinaryIO,
    *,
    name: str,
    category: str,
    creation: Any,
    user: Any,
    files: Path,
    work: Work,
) -> Any:
    """Take a file of a web user; its record.  Raises `UploadError`."""
    if category not in CATEGORIES:
        raise UploadError(N_("This cannot be chosen."))
    source.seek(0)
    mime_type = media.sniff(source.read(media.HEAD))
    source.seek(0)
    if not media.fits(mime_type, category):
        raise WrongType(N_("This is no file of a type that can be taken."))
    identity = str(uuid.uuid4())
    directory = files / "uploaded"
    size = write(source, directory, identity, limit())
    work.on_rollback(lambda: (directory / identity).unlink(missing_ok=True))
    (content,) = (
        Pool()
        .get(MODEL)
        .create(
            [
                {
                    "uuid": identity,
                    "name": clean_name(name),
                    "category": category,
                    "mime_type": mime_type,
                    "size": size,
                    "web_user": user.id,
                    "party": user.party.id,
                    "creation": creation.id if creation else None,
                }
            ]
        )
    )
    return content
