# SPDX-License-Identifier: GPL-3.0-or-later
import hashlib

import pytest

from collecting_society_worker.errors import Rejected, WorkerError
from collecting_society_worker.stages import (
    archive,
    checksum,
    fingerprint,
    format,
    preview,
)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "file"


def test_checksum(file, content, bench):
    file.write_bytes(b"sound")
    found = checksum.measure(file, content(size=5), bench)
    assert (found.size, found.code) == (5, hashlib.sha256(b"sound").hexdigest())


@pytest.mark.parametrize(
    ("data", "announced", "reason", "said"),
    [
        (b"", 5, "format", "empty"),
        (b"soun", 5, "format", "4 bytes, 5 were announced"),
        (b"s" * 11, None, "size", "11 bytes, 10 are the limit"),
    ],
)
def test_checksum_rejects(file, content, make_bench, data, announced, reason, said):
    file.write_bytes(data)
    with pytest.raises(Rejected, match=said) as caught:
        checksum.measure(file, content(size=announced), make_bench(size=10))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("seconds", "reason", "said"),
    [(0.5, "format", "0.50 seconds, 1 are wanted"), (3, "size", "2 are the limit")],
)
def test_length(file, content, make_bench, sound, seconds, reason, said):
    with pytest.raises(Rejected, match=said) as caught:
        format.check(sound(file, seconds), content(), make_bench(maximum=2))
    assert caught.value.reason == reason


def test_lossy_where_lossless_is_wanted(file, content, make_bench, sound, convert):
    lossy = convert(sound(file), file.with_suffix(".mp3"), "-ar", "44100")
    assert format.check(lossy, content(), make_bench()).kind == "MP3"
    with pytest.raises(Rejected, match="MP3 is lossy"):
        format.check(lossy, content(), make_bench(lossless=True))


@pytest.mark.parametrize(
    ("category", "data", "good"),
    [
        ("sheet", b"%PDF-1.7", True),
        ("sheet", b"la la la", False),
        ("lyrics", b"%PDF-1.7", True),
        ("lyrics", "Lá la".encode(), True),
        ("lyrics", b"\0\0", False),
        ("lyrics", b"\xff\xfe", False),
        ("audio", b"%PDF-1.7", False),
    ],
)
def test_a_file_is_of_its_category(file, content, bench, category, data, good):
    file.write_bytes(data)
    if good:
        assert format.check(file, content(category=category), bench) is None
    else:
        with pytest.raises(Rejected):
            format.check(file, content(category=category), bench)


def test_fingerprint_is_the_recordings(tmp_path, content, make_bench, sound, convert):
    "Another format or a tag makes no other recording, another sample does"
    bench = make_bench()
    one = sound(tmp_path / "one.wav")
    other = sound(tmp_path / "other.wav")
    tagged = convert(one, tmp_path / "tagged.wav", "-metadata", "title=Tide")
    assert tagged.read_bytes() != one.read_bytes()
    marks = [
        fingerprint.take(file, content(), format.check(file, content(), bench), bench)
        for file in (one, tagged, other)
    ]
    assert marks[0] == marks[1]
    assert marks[0] != marks[2]


def test_flac_has_the_fingerprint_of_its_wav(
    tmp_path, content, make_bench, sound, convert, ffmpeg
):
    bench = make_bench(decoder=ffmpeg)
    one = sound(tmp_path / "one.wav")
    flac = convert(one, tmp_path / "one.flac")
    marks = {
        fingerprint.take(file, content(), format.check(file, content(), bench), bench)
        for file in (one, flac)
    }
    assert len(marks) == 1


@pytest.mark.parametrize("width", [1, 2, 3])
def test_silence(file, content, bench, sound, width):
    sound(file, width=width, silent=True)
    found = format.check(file, content(), bench)
    with pytest.raises(Rejected) as caught:
        fingerprint.take(file, content(), found, bench)
    assert caught.value.reason == "silence"


def test_audio_that_breaks_off(file, content, bench, sound):
    sound(file, 2)
    file.write_bytes(file.read_bytes()[: -8000 * 2])
    with pytest.raises(Rejected, match=r"breaks off after 1\.00 of 2\.00"):
        found = format.check(file, content(), bench)
        fingerprint.take(file, content(), found, bench)


def test_preview_is_of_the_middle(file, files, content, make_bench, sound):
    bench = make_bench(excerpt=0.5)
    one = content()
    found = format.check(sound(file, 2), one, bench)
    target = preview.cut(file, one, found, bench, files.root)
    assert target == files.root / "excerpts" / f"{one.uuid}.wav"
    middle = file.read_bytes()[44 + 6000 * 2 : 44 + 10000 * 2]
    assert target.read_bytes()[44:] == middle


def test_preview_of_what_is_shorter_is_all(file, files, content, make_bench, sound):
    bench = make_bench(excerpt=60)
    one = content()
    found = format.check(sound(file, 2), one, bench)
    target = preview.cut(file, one, found, bench, files.root)
    assert target.read_bytes() == file.read_bytes()


def test_archive_takes_what_was_examined(file, content):
    file.write_bytes(b"sound")
    code = hashlib.sha256(b"sound").hexdigest()
    archive.verify(file, content(checksum=code))
    file.write_bytes(b"sounD")
    with pytest.raises(WorkerError, match="has changed since"):
        archive.verify(file, content(checksum=code))
