# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats and decoders.

mutagen tells what a file is.  ffmpeg decodes it and makes Ogg excerpts: the system's,
or the one that the package imageio-ffmpeg brings.  Without it the standard library
does the same for PCM in WAV files, with WAV excerpts; other files wait.
"""

import shutil
import subprocess
import tempfile
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import mutagen
from mutagen.aiff import AIFF
from mutagen.flac import FLAC
from mutagen.mp3 import MP3
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from .errors import Rejected, ToolMissing, WorkerError
from .model import Sound

WIDTH: Final = 4
"""Bytes of a sample as decoders give it: signed, little-endian."""
FULL_SCALE: Final = 2**31
FRAMES: Final = 1 << 16
"""Frames in a piece."""


class Kind(NamedTuple):
    """One format: who reads its header, its names, whether it keeps every sample."""

    reader: Any
    mime_type: str
    demuxer: str
    lossless: bool


KINDS: Final = {
    "WAV": Kind(WAVE, "audio/wav", "wav", True),
    "AIFF": Kind(AIFF, "audio/aiff", "aiff", True),
    "FLAC": Kind(FLAC, "audio/flac", "flac", True),
    "MP3": Kind(MP3, "audio/mpeg", "mp3", False),
    "Ogg FLAC": Kind(OggFLAC, "audio/ogg", "ogg", True),
    "Ogg Opus": Kind(OggOpus, "audio/ogg", "ogg", False),
    "Ogg Vorbis": Kind(OggVorbis, "audio/ogg", "ogg", False),
}
OGG: Final = {
    b"\x7fFLAC": "Ogg FLAC",
    b"OpusHead": "Ogg Opus",
    b"\x01vorbis": "Ogg Vorbis",
}
OPUS_RATE: Final = 48000


def sniff(file: Path) -> str | None:
    """The kind of a file by its first bytes."""
    with file.open("rb") as stream:
        head = stream.read(64)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "WAV"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "AIFF"
    if head[:4] == b"OggS":
        return next((kind for mark, kind in OGG.items() if mark in head), None)
    if head[:4] == b"fLaC":
        return "FLAC"
    if head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] > b"\xe1"):
        return "MP3"
    return None


def describe(file: Path) -> Sound:
    """What the file says about itself; rejects what is no audio or broken."""
    kind = sniff(file)
    if kind is None:
        raise Rejected("format", "The file is not audio of a known format.")
    known = KINDS[kind]
    try:
        info = known.reader(file).info
        sound = Sound(
            kind=kind,
            mime_type=known.mime_type,
            seconds=float(info.length or 0),
            rate=int(getattr(info, "sample_rate", OPUS_RATE) or 0),
            channels=int(info.channels or 0),
            lossless=known.lossless,
        )
    except (mutagen.MutagenError, AttributeError, EOFError, ValueError) as error:
        raise Rejected("format", f"The file is not whole {kind}: {error}") from None
    if not (sound.seconds and sound.rate and sound.channels):
        raise Rejected("format", f"The {kind} file has no samples.")
    return sound


class Decoder(Protocol):
    """What reads audio."""

    suffix: str
    """Of an excerpt's name."""

    def samples(self, file: Path, sound: Sound) -> Iterator[bytes]:
        """All samples, in pieces of whole frames that are not empty."""

    def excerpt(
        self, file: Path, sound: Sound, target: Path, *, start: float, seconds: float
    ) -> None:
        """Write a part of the file, as it will be heard on the portal."""


class FFmpeg:
    """By the program ffmpeg."""

    suffix = ".ogg"

    def __init__(self, program: str) -> None:
        self.program = program

    def samples(self, file: Path, sound: Sound) -> Iterator[bytes]:
        raw = ["-c:a", "pcm_s32le", "-f", "s32le", "pipe:1"]
        size = FRAMES * WIDTH * sound.channels
        with (
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(
                [*self._input(file, sound), *raw], stdout=subprocess.PIPE, stderr=errors
            ) as process,
        ):
            assert process.stdout is not None
            while piece := process.stdout.read(size):
                yield piece
            code = process.wait()
            errors.seek(0)
            said = errors.read().decode(errors="replace")
        if code < 0:
            raise WorkerError(f"ffmpeg was ended by signal {-code} in {file}")
        if code:
            raise Rejected("format", f"The audio cannot be decoded: {_last(said)}")

    def excerpt(
        self, file: Path, sound: Sound, target: Path, *, start: float, seconds: float
    ) -> None:
        span = ["-ss", f"{start:.3f}", "-t", f"{seconds:.3f}"]
        shape = ["-ac", "1", "-ar", "44100", "-c:a", "libvorbis", "-q:a", "2"]
        plain = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"]
        done = subprocess.run(
            [
                *self._input(file, sound, *span),
                *shape,
                *plain,
                "-f",
                "ogg",
                "-y",
                target,
            ],
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            # It has been decoded before: the fault is ours, not the file's.
            raise WorkerError(f"ffmpeg wrote no excerpt: {_last(done.stderr)}")

    def _input(self, file: Path, sound: Sound, *span: str) -> list[str]:
        # What the worker has found it to be, and nothing that it may point to.
        only = ["-protocol_whitelist", "file,pipe", "-f", KINDS[sound.kind].demuxer]
        # Every sample counts, or it was lossy before: foreign tags are no harm then.
        strict = (
            ["-xerror", "-err_detect", "crccheck+explode"] if sound.lossless else []
        )
        source = [*span, "-i", f"file:{file}", "-map", "0:a:0"]
        return [self.program, "-v", "error", "-nostdin", *only, *strict, *source]


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1]


class Standard:
    """By the standard library: PCM in WAV files."""

    suffix = ".wav"

    def samples(self, file: Path, sound: Sound) -> Iterator[bytes]:
        with self._open(file) as source:
            widen = WIDEN[source.getsampwidth()]
            frame = source.getsampwidth() * source.getnchannels()
            while piece := source.readframes(FRAMES):
                yield widen(piece[: len(piece) // frame * frame])

    def excerpt(
        self, file: Path, sound: Sound, target: Path, *, start: float, seconds: float
    ) -> None:
        with self._open(file) as source, target.open("wb") as stream:
            rate = source.getframerate()
            source.setpos(int(start * rate))
            with wave.open(stream, "wb") as part:
                part.setparams(source.getparams()._replace(nframes=0))
                part.writeframes(source.readframes(round(seconds * rate)))

    def _open(self, file: Path) -> wave.Wave_read:
        try:
            return wave.open(str(file), "rb")
        except (wave.Error, EOFError) as error:
            raise ToolMissing(
                f"{file} waits for ffmpeg, which is not installed ({error});"
                " apt install ffmpeg, or pip install imageio-ffmpeg"
            ) from None


def _spread(width: int) -> Callable[[bytes], bytes]:
    """From `width` bytes to the upper ones of four."""

    def widen(piece: bytes) -> bytes:
        wide = bytearray(len(piece) // width * WIDTH)
        for byte in range(width):
            wide[WIDTH - width + byte :: WIDTH] = piece[byte::width]
        return bytes(wide)

    return widen


_SIGNED = bytes(byte ^ 0x80 for byte in range(256))
WIDEN: Final[dict[int, Callable[[bytes], bytes]]] = {
    1: lambda piece: _spread(1)(piece.translate(_SIGNED)),  # 8 bits have no sign
    **{width: _spread(width) for width in (2, 3, 4)},
}


def choose(path: str | None = None) -> Decoder:
    """The best decoder there is; `path` is where programs are looked for."""
    program = shutil.which("ffmpeg", path=path)
    if program is None:
        try:
            from imageio_ffmpeg import get_ffmpeg_exe

            program = get_ffmpeg_exe()
        except (ImportError, RuntimeError):
            return Standard()
    return FFmpeg(program)
