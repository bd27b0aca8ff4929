# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file is, by what is in it."""

from nose.tools import assert_false, assert_is_none, assert_true, eq_, istest, nottest

from portal_web import media

KNOWN = {}


def setup():
    """The plainest of the five names of a module's setup."""
    KNOWN.update(
        {
            "wav": (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
            "rf64": (b"RF64\xff\xff\xff\xffWAVEds64", "audio/wav"),
            "aiff": (b"FORM\x00\x00\x00\x00AIFFCOMM", "audio/aiff"),
            "aifc": (b"FORM\x00\x00\x00\x00AIFCFVER", "audio/aiff"),
            "flac": (b"fLaC\x00\x00\x00\x22", "audio/flac"),
            "vorbis": (b"OggS" + bytes(24) + b"\x01vorbis", "audio/ogg"),
            "opus": (b"OggS" + bytes(24) + b"OpusHead", "audio/ogg"),
            "id3": (b"ID3\x04\x00\x00", "audio/mpeg"),
            "mp3": (b"\xff\xfb\x90\x64", "audio/mpeg"),
            "pdf": (b"%PDF-1.7\n", "application/pdf"),
            "text": ("Größe\n\tzwei".encode(), "text/plain"),
            "bom": (b"\xef\xbb\xbfla la", "text/plain"),
            "musicxml": (
                b'<?xml version="1.0"?><score-partwise version="4.0">',
                "application/vnd.recordare.musicxml+xml",
            ),
        }
    )


def teardown():
    KNOWN.clear()


@nottest
def is_known(name):
    head, expected = KNOWN[name]
    eq_(media.sniff(head), expected)


def test_known():
    for name in [
        "wav",
        "rf64",
        "aiff",
        "aifc",
        "flac",
        "vorbis",
        "opus",
        "id3",
        "mp3",
        "pdf",
        "text",
        "bom",
        "musicxml",
    ]:
        yield is_known, name


@nottest
def is_unknown(head):
    assert_is_none(media.sniff(head))


def test_unknown():
    for head in [
        b"",
        b"MZ\x90\x00\x03\x00",
        b"\x7fELF\x02\x01\x01\x00",
        b"PK\x03\x04\x14\x00",
        b"\x89PNG\r\n\x1a\n",
        b"<html><script>alert(1)</script></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"RIFF\x24\x00\x00\x00AVI LIST",
        b"OggS" + bytes(24) + b"\x80theora",
        b"\xff\xff\xff\xff",
        b"\xff\xe2\x00\x00",
        b"text with \x00 inside",
        b"\xc3\x28",
    ]:
        yield is_unknown, head


class TestFits:
    def test_audio_is_audio(self):
        assert_true(media.fits("audio/flac", "audio"))

    def test_text_is_no_audio(self):
        assert_false(media.fits("text/plain", "audio"))

    def test_nothing_fits_an_unknown_category(self):
        assert_false(media.fits("audio/flac", "video"))

    def test_unknown_fits_nothing(self):
        for category in media.ALLOWED:
            assert_false(media.fits(None, category))


@istest
def a_character_that_is_cut_at_the_end_is_no_error():
    """Its name does not look like a test's."""
    head = ("a" + "ü" * media.HEAD).encode()[: media.HEAD]
    eq_(media.sniff(head), "text/plain")


def a_test_of_which_nose_knows_by_its_name():
    eq_(media.sniff(b"hello"), "text/plain")


def test_of_something_that_is_no_test():
    raise AssertionError("__test__ keeps it from being run")


test_of_something_that_is_no_test.__test__ = False
