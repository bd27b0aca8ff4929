# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages and what is searched for."""

from nose.tools import assert_equal, assert_is_none, assert_less_equal, eq_

from portal_web import paging
from portal_web.paging import Page


def check_number(text, expected):
    eq_(paging.number(text, most=7), expected)


def test_number():
    for text, expected in [
        (None, 1),
        ("", 1),
        ("3", 3),
        ("0", 1),
        ("-1", 1),
        ("7", 7),
        ("8", 7),
        ("9" * 50, 7),
        ("x", 1),
        ("1.5", 1),
        ("²", 1),
        ("٣", 1),
    ]:
        yield check_number, text, expected


class TestPage:
    @classmethod
    def setupAll(cls):
        cls.middle = Page(number=2, size=10, total=25)
        cls.last = Page(number=3, size=10, total=25)
        cls.empty = Page(number=1, size=10, total=0)

    def test_pages(self):
        assert_equal([self.middle.pages, self.empty.pages], [3, 1])

    def test_neighbours(self):
        assert_equal((self.middle.previous, self.middle.next), (1, 3))

    def test_nothing_after_the_last(self):
        assert_is_none(self.last.next)

    def test_nothing_around_the_only_one(self):
        assert_is_none(self.empty.previous or self.empty.next)

    def test_items_are_counted(self):
        assert_equal((self.middle.first_item, self.middle.last_item), (11, 20))

    def test_the_last_is_not_full(self):
        assert_equal((self.last.first_item, self.last.last_item), (21, 25))

    def test_nothing_is_counted_as_nothing(self):
        assert_equal((self.empty.first_item, self.empty.last_item), (0, 0))

    def test_a_full_page_has_no_empty_one_after_it(self):
        assert_equal(Page(number=1, size=10, total=10).pages, 1)


def check_clean(text, expected):
    eq_(paging.clean(text), expected)


def test_clean():
    for text, expected in [
        (None, ""),
        ("  a   b ", "a b"),
        ("a\x00b", "a b"),
        ("a\nb", "a b"),
        ("\ud800a", "a"),
        ("%_", "%_"),
    ]:
        yield check_clean, text, expected


def test_clean_is_not_too_long():
    assert_less_equal(len(paging.clean("x" * 1000)), paging.QUERY_LENGTH)


class TestContaining:
    def test_nothing(self):
        assert_equal(paging.containing("", "a"), [])

    def test_each_field(self):
        clause = paging.containing("x", "a", "b")
        assert_equal(clause, ["OR", ("a", "ilike", "%x%"), ("b", "ilike", "%x%")])

    def test_wildcards_are_meant_as_they_are(self):
        (_, (_, _, pattern)) = paging.containing("50%_", "a")
        assert_equal(pattern, "%50\\%\\_%")
