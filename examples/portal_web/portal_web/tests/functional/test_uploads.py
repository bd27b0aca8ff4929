# SPDX-License-Identifier: GPL-3.0-or-later
"""One's uploads."""

from nose.tools import assert_equal, assert_false, assert_in, assert_true, eq_, nottest
from webtest import Upload

from portal_web.tests import support
from portal_web.tests.support import ADA, BELA, flac

app = None


def setup_module():
    global app
    app = support.browser(who=ADA)


def teardown_module():
    app.reset()


@nottest
def files():
    """What lies where uploads are put, by name."""
    directory = support.settings().files / "uploaded"
    return {path.name for path in directory.iterdir()} if directory.is_dir() else set()


@nottest
def upload(name, content, category="audio", **values):
    form = app.get("/uploads/new").forms["form"]
    form["category"] = category
    form["file"] = Upload(name, content)
    for key, value in values.items():
        form[key].force_value(value)
    return form.submit(status="*")


class TestUpload:
    def test_1_a_file(self):
        before = files()
        page = upload("song.flac", flac(5000)).follow()
        assert_in("song.flac", page.text)
        assert_in("Uploaded", page.text)
        (name,) = files() - before
        with support.transaction(readonly=True):
            (content,) = support.get("content").search([("uuid", "=", name)])
            user = support.user()
            assert_equal(content.web_user, user)
            assert_equal(content.party, user.party)
            assert_equal(content.size, 5004)
            assert_equal(content.mime_type, "audio/flac")
            assert_equal(content.processing_state, "uploaded")
        path = support.settings().files / "uploaded" / name
        assert_equal(path.read_bytes(), flac(5000))

    def test_2_with_its_creation(self):
        number = support.number("creation", "Morning Field")
        page = upload("field.flac", flac(), creation=str(number)).follow()
        assert_in("Morning Field", page.text)

    def test_3_it_is_nobody_elses(self):
        page = support.browser(who=BELA).get("/uploads")
        assert_in("There is nothing yet.", page.text)

    def test_4_it_can_be_searched(self):
        page = app.get("/uploads", {"q": "morning"})
        names = [tag.get_text() for tag in page.html.select("#list strong")]
        assert_equal(names, ["field.flac"])


@nottest
def is_refused(name, content, category, words):
    before = files(), support.count("content")
    page = upload(name, content, category)
    eq_(page.status_int, 422)
    assert_in(words, page.html.find(id="file-error").get_text())
    eq_((files(), support.count("content")), before)


def test_is_refused():
    for name, content, category in [
        ("song.flac", b"MZ\x90\x00", "audio"),
        ("song.mp3", b"<html>", "audio"),
        ("empty.flac", b"", "audio"),
        ("song.flac", b"just text", "audio"),
        ("sheet.pdf", flac(), "sheet"),
        ("page.xml", b"<?xml version='1.0'?><html/>", "sheet"),
        ("words.txt", b"\x00\x01\x02", "lyrics"),
    ]:
        yield is_refused, name, content, category, "no file of a type"


@nottest
def is_taken(name, content, category, mime_type):
    eq_(upload(name, content, category).status_int, 303)
    eq_(support.count("content", ("name", "=", name), ("mime_type", "=", mime_type)), 1)


def test_is_taken():
    yield is_taken, "a.wav", b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio", "audio/wav"
    yield is_taken, "a.bin", b"ID3\x04\x00\x00", "audio", "audio/mpeg"
    yield is_taken, "a.pdf", b"%PDF-1.7\n", "sheet", "application/pdf"
    yield is_taken, "a.txt", "Größe".encode(), "lyrics", "text/plain"


@nottest
def is_named(sent, kept):
    upload(sent, flac())
    eq_(support.count("content", ("name", "=", kept)), 1)


def test_is_named():
    for sent, kept in [
        ("../../etc/passwd", "passwd"),
        ("C:\\Music\\song one.flac", "song one.flac"),
        ("ümläut.flac", "ümläut.flac"),
        ("x" * 300 + ".flac", "x" * 195 + ".flac"),
        ("<b>.flac", "<b>.flac"),
    ]:
        yield is_named, sent, kept


class TestWithoutFile:
    def test_it_is_needed(self):
        page = app.get("/uploads/new").forms["form"].submit(status=422)
        assert_in("needed", page.html.find(id="file-error").get_text())


class TestLimit:
    @classmethod
    def setUpClass(cls):
        with support.transaction():
            Configuration = support.get("configuration")
            configuration = Configuration(1)
            configuration.max_upload_size = 1
            configuration.save()

    def test_it_is_said(self):
        assert_in("At most 1 MB", app.get("/uploads/new").text)

    def test_the_largest(self):
        assert_equal(upload("a.flac", flac((1 << 20) - 4)).status_int, 303)

    def test_too_large(self):
        before = files()
        page = upload("a.flac", flac((1 << 20) - 3))
        assert_in("At most 1 MB", page.html.find(id="file-error").get_text())
        assert_equal(files(), before)


class TestCreationOfOthers:
    def test_it_cannot_be_chosen(self):
        number = support.number("creation", "Copper Wire")
        page = upload("a.flac", flac(), creation=str(number))
        assert_equal(page.status_int, 422)
        assert_true(page.html.find(id="creation-error"))


class TestRollback:
    """A file whose record cannot be kept goes too."""

    def test_the_file_goes(self):
        from portal_web.models import content

        before = files()
        try:
            with support.transaction() as work:
                import io

                user = support.user()
                content.receive(
                    io.BytesIO(flac()),
                    name="a.flac",
                    category="audio",
                    creation=None,
                    user=user,
                    files=support.settings().files,
                    work=work,
                )
                assert_equal(len(files() - before), 1)
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass
        assert_false(files() - before)
