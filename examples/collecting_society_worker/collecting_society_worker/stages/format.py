# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file is, by its content; its name and MIME type are only claims."""

from pathlib import Path

from .. import audio
from ..errors import Rejected
from ..model import Content, Sound
from . import Bench


def check(file: Path, content: Content, bench: Bench) -> Sound | None:
    """Reject what is not of its category; for audio, what it says about itself."""
    if content.category == "audio":
        return _audio(file, bench)
    if not _is_pdf(file) and not (content.category == "lyrics" and _is_text(file)):
        allowed = "PDF or plain text" if content.category == "lyrics" else "PDF"
        raise Rejected("format", f"The file is not {allowed}.")
    return None


def _audio(file: Path, bench: Bench) -> Sound:
    sound = audio.describe(file)
    if bench.lossless and not sound.lossless:
        raise Rejected("format", f"{sound.kind} is lossy, lossless audio is wanted.")
    length = f"The audio has {sound.seconds:.2f} seconds"
    if sound.seconds < bench.minimum:
        raise Rejected("format", f"{length}, {bench.minimum:g} are wanted.")
    if sound.seconds > bench.maximum:
        raise Rejected("size", f"{length}, {bench.maximum:g} are the limit.")
    return sound


def _is_pdf(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(5) == b"%PDF-"


def _is_text(file: Path) -> bool:
    try:
        with file.open(encoding="utf-8") as stream:
            return not any("\0" in line for line in stream)
    except UnicodeDecodeError:
        return False
