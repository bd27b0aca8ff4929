# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with records, without pages around it."""

import io
import shutil
import tempfile
import unittest
from decimal import Decimal
from pathlib import Path

from nose.tools import assert_equal, assert_is_none, assert_raises, eq_, nottest

from portal_web.models import artist, content, creation, web_user
from portal_web.tests import support
from portal_web.views.general import local


@nottest
def is_local(address, expected):
    eq_(local(address), expected)


def test_local():
    for address in ["/", "/artists?q=a&page=2", "/artists#list"]:
        yield is_local, address, address
    for address in [
        None,
        "",
        "artists",
        "//evil.test",
        "/\\evil.test",
        "https://evil.test",
        "javascript:alert(1)",
        "/a\nb",
        "/a b",
        "/\t/evil.test",
    ]:
        yield is_local, address, None


@nottest
def is_cleaned(name, expected):
    eq_(content.clean_name(name), expected)


def test_clean_name():
    for name, expected in [
        ("a.flac", "a.flac"),
        ("/x/y/a.flac", "a.flac"),
        ("x\\a.flac", "a.flac"),
        ("a\x00\nb.flac", "ab.flac"),
        ("a\u202egnp.flac", "agnp.flac"),
        ("  a   b  ", "a b"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("x" * 250, "x" * 200),
        ("x" * 250 + ".mp3", "x" * 196 + ".mp3"),
    ]:
        yield is_cleaned, name, expected


class Writing(unittest.TestCase):
    """Files are there as a whole, or not at all."""

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)

    def write(self, data, most=1 << 20):
        return content.write(io.BytesIO(data), self.directory / "in", "name", most)

    def names(self):
        return [path.name for path in (self.directory / "in").iterdir()]

    def test_whole(self):
        self.assertEqual(self.write(b"x" * 1000), 1000)
        self.assertEqual(self.names(), ["name"])

    def test_as_large_as_allowed(self):
        self.assertEqual(self.write(b"x" * 1000, most=1000), 1000)

    def test_too_large(self):
        with self.assertRaises(content.TooLarge):
            self.write(b"x" * 1001, most=1000)
        self.assertEqual(self.names(), [])

    def test_broken_off(self):
        class Broken:
            def read(self, size):
                raise OSError("gone")

        with self.assertRaises(OSError):
            content.write(Broken(), self.directory / "in", "name", 1000)
        self.assertEqual(self.names(), [])

    def test_an_old_one_is_never_written_over(self):
        self.write(b"old")
        (self.directory / "in" / "name.part").write_bytes(b"half")
        with self.assertRaises(FileExistsError):
            self.write(b"new")
        self.assertEqual((self.directory / "in" / "name").read_bytes(), b"old")


class TestWebUser:
    def test_find(self):
        with support.transaction(readonly=True):
            assert_equal(web_user.find("ADA@example.com"), support.user())
            assert_is_none(web_user.find("nobody@example.com"))

    def test_token(self):
        with support.transaction():
            user = web_user.find_token("carla-has-not-followed-this-link")
            assert_equal(user.email, support.CARLA)
            assert_is_none(web_user.find_token("carla-has-not-followed-this-lin_"))

    def test_register(self):
        with support.transaction() as work:
            user = web_user.register(
                email="new@example.com", password="p" * 12, name="New", language="de"
            )
            assert_equal(user.email_valid, False)
            assert_equal(len(user.email_token) >= 32, True)
            assert_equal(web_user.language(user), "de")
            work.rollback()

    def test_log_in(self):
        with support.transaction() as work:
            key = web_user.log_in(support.ADA, support.PASSWORD)
            assert_equal(type(support.user()).get_user(key), support.user())
            work.rollback()


class TestLookup:
    def test_codes_before_names(self):
        with support.transaction() as work:
            support.get("artist").create([{"name": "A000001"}])
            (found,) = artist.lookup("A000001")
            assert_equal(found.name, "Ada Lark")
            work.rollback()

    def test_case_does_not_count(self):
        with support.transaction(readonly=True):
            (found,) = creation.lookup("copper WIRE")
            assert_equal(found.title, "Copper Wire")

    def test_part_of_a_name_is_not_enough(self):
        with support.transaction(readonly=True):
            assert_equal(artist.lookup("Ada"), [])


class TestShares:
    def test_what_is_distributed(self):
        with support.transaction(readonly=True):
            (found,) = creation.lookup("Morning Field")
            full = {"performing": Decimal(100), "mechanical": Decimal(100)}
            assert_equal(creation.shares(found), full)

    def test_nothing(self):
        with support.transaction() as work:
            (made,) = support.get("creation").create(
                [{"title": "Bare", "artist": support.user().default_artist.id}]
            )
            assert_equal(set(creation.shares(made).values()), {Decimal(0)})
            work.rollback()


class TestReceive:
    def test_a_category_that_is_none(self):
        with support.transaction() as work, assert_raises(content.UploadError):
            content.receive(
                io.BytesIO(support.flac()),
                name="a",
                category="video",
                creation=None,
                user=support.user(),
                files=Path("nowhere"),
                work=work,
            )
