# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests share: sounds, made here and never the same twice."""

import random
import subprocess
import uuid
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from collecting_society_worker.audio import FFmpeg, Standard, choose
from collecting_society_worker.files import Files
from collecting_society_worker.model import Content
from collecting_society_worker.stages import Bench

RATE = 8000


@pytest.fixture(scope="session")
def sound() -> Callable[..., Path]:
    """Write a WAV file; other formats are made of it by ffmpeg."""

    def write(
        path: Path,
        seconds: float = 1.5,
        *,
        channels: int = 1,
        width: int = 2,
        silent: bool = False,
    ) -> Path:
        size = int(seconds * RATE) * channels * width
        quiet = b"\x80" if width == 1 else b"\0"
        with path.open("wb") as stream, wave.open(stream, "wb") as target:
            target.setnchannels(channels)
            target.setsampwidth(width)
            target.setframerate(RATE)
            target.writeframes(quiet * size if silent else random.randbytes(size))
        return path

    return write


@pytest.fixture(scope="session")
def ffmpeg() -> FFmpeg:
    decoder = choose()
    if not isinstance(decoder, FFmpeg):
        pytest.skip("there is no ffmpeg")
    return decoder


@pytest.fixture(scope="session")
def convert(ffmpeg: FFmpeg) -> Callable[[Path, Path], Path]:
    """Write a file again, in the format of the other's name."""

    def convert(source: Path, target: Path, *options: str) -> Path:
        command = [ffmpeg.program, "-v", "error", "-nostdin", "-y", "-i", source]
        subprocess.run([*command, *options, target], check=True)
        return target

    return convert


@pytest.fixture
def make_bench() -> Callable[..., Bench]:
    """The limits of the tests, and the decoder that is always there."""

    def make(**values: object) -> Bench:
        limits: dict[str, object] = {
            "size": 10**6,
            "minimum": 1.0,
            "maximum": 10.0,
            "lossless": False,
            "excerpt": 0.5,
            "decoder": Standard(),
        }
        return Bench(**{**limits, **values})  # type: ignore[arg-type]

    return make


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    root = tmp_path / "files"
    root.mkdir()
    files = Files(root)
    files.prepare()
    return files


@pytest.fixture
def content() -> Callable[..., Content]:
    def make(**values: object) -> Content:
        defaults: dict[str, object] = {
            "id": 1,
            "uuid": str(uuid.uuid4()),
            "name": "song.wav",
            "state": "uploaded",
            "category": "audio",
            "size": None,
            "data": 0,
            "checksum": None,
        }
        return Content(**{**defaults, **values})  # type: ignore[arg-type]

    return make
