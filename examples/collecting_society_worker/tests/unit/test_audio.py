# SPDX-License-Identifier: GPL-3.0-or-later
import wave

import pytest
from mutagen.oggvorbis import OggVorbis

from collecting_society_worker.audio import (
    KINDS,
    FFmpeg,
    Standard,
    choose,
    describe,
    sniff,
)
from collecting_society_worker.errors import Rejected, ToolMissing, WorkerError

FORMATS = {
    "WAV": ("x.wav",),
    "AIFF": ("x.aiff",),
    "FLAC": ("x.flac",),
    "MP3": ("x.mp3", "-ar", "44100"),
    "Ogg FLAC": ("x.ogg", "-c:a", "flac"),
    "Ogg Opus": ("x.ogg", "-c:a", "libopus"),
    "Ogg Vorbis": ("x.ogg", "-c:a", "libvorbis"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_known_by_its_content(kind, tmp_path, sound, convert):
    name, *options = FORMATS[kind]
    source = convert(sound(tmp_path / "s.wav"), tmp_path / name, *options)
    nameless = source.rename(tmp_path / "nameless")
    found = describe(nameless)
    assert found.kind == kind
    assert found.channels == 1
    assert found.seconds == pytest.approx(1.5, abs=0.1)
    assert found.lossless == (kind not in ("MP3", "Ogg Opus", "Ogg Vorbis"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.7 and more",
        b"plain text" * 100,
        "RIFF as text".encode("utf-16"),
        b"RIFF\x10\0\0\0WAVEfmt ",
        b"FORM\0\0\0\x10AIFFCOMM",
        b"fLaC\0\0\0",
        b"OggS" + b"\0" * 100,
        b"OggS" + b"\0" * 24 + b"\x01vorbis" + b"\0" * 10,
        b"ID3\x04\0\0\0\0\0\0" + b"\0" * 500,
        b"\xff\xfb" + b"\0" * 500,
    ],
)
def test_what_is_no_audio_is_rejected(data, tmp_path):
    file = tmp_path / "song.wav"
    file.write_bytes(data)
    with pytest.raises(Rejected) as caught:
        describe(file)
    assert caught.value.reason == "format"


def test_a_header_without_samples_is_rejected(tmp_path, sound):
    with pytest.raises(Rejected, match="no samples"):
        describe(sound(tmp_path / "x.wav", 0))


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_both_decoders_give_the_same_samples(width, channels, tmp_path, sound, ffmpeg):
    file = sound(tmp_path / "x.wav", 1.2, width=width, channels=channels)
    found = describe(file)
    standard = b"".join(Standard().samples(file, found))
    assert len(standard) == 1.2 * 8000 * channels * 4
    assert standard == b"".join(ffmpeg.samples(file, found))


def test_excerpt_of_the_standard_library(tmp_path, sound):
    file = sound(tmp_path / "x.wav", 2)
    Standard().excerpt(file, describe(file), tmp_path / "e", start=0.5, seconds=0.25)
    with wave.open(str(file)) as whole, wave.open(str(tmp_path / "e")) as part:
        whole.setpos(4000)
        assert part.readframes(9999) == whole.readframes(2000)
        assert part.getparams()[:3] == whole.getparams()[:3]


def test_excerpt_of_ffmpeg_is_the_same_each_time(tmp_path, sound, ffmpeg):
    file = sound(tmp_path / "x.wav", 3, channels=2)
    made = [tmp_path / "one", tmp_path / "two"]
    for target in made:
        ffmpeg.excerpt(file, describe(file), target, start=1, seconds=1)
    assert made[0].read_bytes() == made[1].read_bytes()
    info = OggVorbis(made[0]).info
    assert info.channels == 1
    assert info.length == pytest.approx(1, abs=0.05)


def test_a_failing_ffmpeg_rejects_nothing(tmp_path, sound):
    "An excerpt is made of what has been decoded: the fault is the machine's"
    file = sound(tmp_path / "x.wav")
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho no space >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(WorkerError, match="no space"):
        FFmpeg(str(program)).excerpt(
            file, describe(file), tmp_path / "e", start=0, seconds=1
        )
    program.write_text("#!/bin/sh\nkill -9 $$\n")
    with pytest.raises(WorkerError, match="signal 9"):
        list(FFmpeg(str(program)).samples(file, describe(file)))


def test_damage_is_found_by_decoding(tmp_path, sound, convert, ffmpeg):
    file = convert(sound(tmp_path / "x.wav"), tmp_path / "x.flac")
    data = bytearray(file.read_bytes())
    for place in range(len(data) // 2, len(data) // 2 + 64):
        data[place] ^= 0xFF
    file.write_bytes(data)
    with pytest.raises(Rejected, match="cannot be decoded"):
        list(ffmpeg.samples(file, describe(file)))


def test_without_ffmpeg_other_files_wait(tmp_path, sound, convert):
    file = convert(sound(tmp_path / "x.wav"), tmp_path / "x.flac")
    with pytest.raises(ToolMissing, match="waits for ffmpeg"):
        list(Standard().samples(file, describe(file)))


def test_choose(tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert choose(str(tmp_path)).program == str(program)
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    assert isinstance(choose(str(tmp_path / "nowhere")), Standard)


def test_sniff_reads_no_name(tmp_path):
    file = tmp_path / "song.mp3"
    file.write_bytes(b"fLaC" + b"\0" * 60)
    assert sniff(file) == "FLAC"
