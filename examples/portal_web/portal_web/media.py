# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file is, by what is in it: its name and what a browser says count nothing."""

from __future__ import annotations

HEAD = 4096
"""How much of the beginning tells what a file is."""

AUDIO = "audio"
SHEET = "sheet"
LYRICS = "lyrics"

_TEXT_CONTROLS = frozenset("\t\n\r\f")


def sniff(head: bytes) -> str | None:
    """The MIME type of the file that begins with `head`; None for all others."""
    return _container(head) or _plain(head)


def _container(head: bytes) -> str | None:
    kind = head[8:12]
    if head[:4] in {b"RIFF", b"RF64"} and kind == b"WAVE":
        return "audio/wav"
    if head[:4] == b"FORM" and kind in {b"AIFF", b"AIFC"}:
        return "audio/aiff"
    if head[:4] == b"fLaC":
        return "audio/flac"
    if head[:4] == b"OggS" and any(
        mark in head[:256] for mark in (b"\x01vorbis", b"OpusHead", b"\x7fFLAC")
    ):
        return "audio/ogg"
    if head[:3] == b"ID3" or _mpeg_frame(head):
        return "audio/mpeg"
    if head[:5] == b"%PDF-":
        return "application/pdf"
    return None


def _mpeg_frame(head: bytes) -> bool:
    """Whether a frame of MPEG audio, layer III, begins, with no forbidden value."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, sampling = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and 0 < bitrate < 15 and sampling != 3


def _plain(head: bytes) -> str | None:
    if not head:
        return None
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(head) < HEAD or error.start < len(head) - 3:
            return None
        text = head[: error.start].decode("utf-8-sig")  # cut within a character
    if any(c < " " and c not in _TEXT_CONTROLS for c in text):
        return None
    start = text.lstrip()[:1024]
    if start.startswith("<"):
        musical = "<score-partwise" in text or "<score-timewise" in text
        return "application/vnd.recordare.musicxml+xml" if musical else None
    return "text/plain"


ALLOWED = {
    AUDIO: frozenset(
        {"audio/wav", "audio/aiff", "audio/flac", "audio/ogg", "audio/mpeg"}
    ),
    SHEET: frozenset({"application/pdf", "application/vnd.recordare.musicxml+xml"}),
    LYRICS: frozenset({"text/plain"}),
}
"""The types of each category of ``collecting_society.content``."""


def fits(mime_type: str | None, category: str) -> bool:
    """Whether a category takes files of a type."""
    return mime_type in ALLOWED.get(category, ())
