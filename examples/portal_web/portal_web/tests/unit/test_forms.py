# SPDX-License-Identifier: GPL-3.0-or-later
"""Forms: what fields make of what is sent."""

import datetime as dt
from decimal import Decimal

from nose.plugins.attrib import attr
from nose.tools import (
    assert_equal,
    assert_false,
    assert_in,
    assert_is_none,
    assert_raises,
    assert_true,
    eq_,
    nottest,
)
from webob.multidict import MultiDict

from portal_web import forms

TODAY = None


def setup_module():
    global TODAY
    TODAY = dt.date.today()


def teardown_module():
    global TODAY
    TODAY = None


@nottest
def refused(field, text, words):
    with assert_raises(forms.Invalid) as caught:
        field.read([text])
    assert_in(words, caught.exception.message)


@nottest
def read(field, text, value):
    eq_(field.read([text]), value)


def test_text_is_kept_in_one_line():
    field = forms.Field("a", "A")
    for text, value in [
        ("  a  b ", "a b"),
        ("a\nb", "a b"),
        ("a\x00b", "ab"),
        ("e\u0301", "é"),
        ("\ud800", None),
        ("   ", None),
        ("", None),
        ("<b>", "<b>"),
    ]:
        yield read, field, text, value


def test_email():
    field = forms.Email("a", "A")
    for text, value in [
        ("a@example.com", "a@example.com"),
        (" A.B@Example.COM ", "a.b@example.com"),
        ("a+b@sub.example.org", "a+b@sub.example.org"),
        ("o'neil@example.com", "o'neil@example.com"),
    ]:
        yield read, field, text, value


def test_email_refused():
    field = forms.Email("a", "A")
    for text in [
        "a",
        "a@",
        "@example.com",
        "a@example",
        "a b@example.com",
        "a@@example.com",
        "a@-example.com",
        "a@example.com,b@example.com",
        "<a@example.com>",
        "x" * 65 + "@example.com",
    ]:
        yield refused, field, text, "e-mail"


def test_date_refused():
    field = forms.Date("a", "A", latest=lambda: TODAY)
    yield refused, field, "31.12.2000", "not a date"
    yield refused, field, "2001-02-29", "not a date"
    yield refused, field, "tomorrow", "not a date"
    yield refused, field, "1492-10-12", "too long ago"
    yield refused, field, "2999-01-01", "future"


def test_number():
    field = forms.Number("a", "A", least=Decimal(0), most=Decimal(100))
    for text, value in [
        ("0", "0.00"),
        ("12.5", "12.50"),
        ("12,5", "12.50"),
        ("1e1", "10.00"),
        ("100", "100.00"),
    ]:
        yield read, field, text, Decimal(value)


def test_number_refused():
    field = forms.Number("a", "A", least=Decimal(0), most=Decimal(100))
    for text, words in [
        ("x", "not a number"),
        ("NaN", "not a number"),
        ("Infinity", "not a number"),
        ("-0.01", "must be from"),
        ("100.01", "must be from"),
        ("1e999", "must be from"),
        ("0.001", "places"),
    ]:
        yield refused, field, text, words


def test_duration():
    field = forms.Duration("a", "A")
    for text, seconds in [
        ("0:01", 1),
        ("3:25", 205),
        ("125:00", 7500),
        ("1:02:03", 3723),
    ]:
        yield read, field, text, dt.timedelta(seconds=seconds)


def test_duration_refused():
    field = forms.Duration("a", "A")
    for text in ["3", "3:5", "3:60", "1:60:00", "a:bc", "-1:00"]:
        yield refused, field, text, "minutes and seconds"
    yield refused, field, "0:00", "longer than nothing"


def test_duration_shown():
    for seconds, text in [
        (0, "0:00"),
        (59, "0:59"),
        (60, "1:00"),
        (3599, "59:59"),
        (3600, "1:00:00"),
    ]:
        yield eq_, forms.show_duration(dt.timedelta(seconds=seconds)), text
    yield eq_, forms.show_duration(None), ""


class TestField:
    """One field, made anew for each test."""

    def setup(self):
        self.field = forms.Field("a", "A", required=True, longest=5)

    def test_nothing_is_sent(self):
        with assert_raises(forms.Invalid):
            self.field.read([])

    def test_too_long(self):
        with assert_raises(forms.Invalid) as caught:
            self.field.read(["123456"])
        assert_equal(caught.exception.values, {"longest": 5})

    def test_longest(self):
        assert_equal(self.field.read(["12345"]), "12345")

    def test_length_is_that_of_what_is_kept(self):
        assert_equal(self.field.read(["  12345  "]), "12345")

    @attr("check")
    def test_a_check_is_called_last(self):
        seen = []
        self.field.check = seen.append
        self.field.read([" ab "])
        assert_equal(seen, ["ab"])

    def test_a_check_is_not_called_for_nothing(self):
        field = forms.Field("a", "A", check=lambda value: 1 / 0)
        assert_is_none(field.read([""]))


class TestPassword:
    @classmethod
    def setUpClass(cls):
        cls.field = forms.Password("a", "A", shortest=8)

    def test_blanks_count(self):
        assert_equal(self.field.read(["  a b   "]), "  a b   ")

    def test_too_short(self):
        with assert_raises(forms.Invalid):
            self.field.read(["1234567"])

    def test_is_composed(self):
        assert_equal(self.field.read(["e\u0301" * 8]), "é" * 8)

    def test_nul(self):
        with assert_raises(forms.Invalid):
            self.field.read(["12345678\x00"])

    def test_is_never_shown(self):
        assert_equal(self.field.show("secret"), "")


class TestChoices:
    def setUp(self):
        pairs = [(1, "One"), (2, "Two")]
        self.one = forms.Choice("a", "A", pairs)
        self.many = forms.Choices("b", "B", pairs)

    def test_keys_are_text(self):
        assert_equal(self.one.read(["2"]), "2")

    def test_others_cannot_be_chosen(self):
        for key in ["3", "One", "1 2"]:
            with assert_raises(forms.Invalid):
                self.one.read([key])

    def test_many(self):
        assert_equal(self.many.read(["2", "1", "2", ""]), ["2", "1"])

    def test_one_of_many_is_wrong(self):
        with assert_raises(forms.Invalid):
            self.many.read(["1", "3"])

    def test_none_of_many(self):
        assert_equal(self.many.read([]), [])


class TestCheck:
    field = forms.Check("a", "A", required=True)

    def test_ticked(self):
        assert_true(self.field.read(["1"]))

    def test_must_be_accepted(self):
        for sent in [[], [""], ["0"]]:
            with assert_raises(forms.Invalid):
                self.field.read(sent)

    def test_may_be_left(self):
        assert_false(forms.Check("a", "A").read([]))


class TestForm:
    """A form as a whole: ``setup_all`` makes the fields once."""

    @classmethod
    def setup_all(cls):
        cls.fields = [forms.Field("a", "A", required=True), forms.Check("b", "B")]

    @classmethod
    def teardown_all(cls):
        del cls.fields

    def test_good(self):
        form = forms.Form(self.fields, MultiDict(a=" x ", b="1"))
        assert_true(form.validate())
        assert_equal(form.values, {"a": "x", "b": True})

    def test_errors_are_by_field(self):
        form = forms.Form(self.fields, MultiDict())
        assert_false(form.validate())
        assert_equal(list(form.errors), ["a"])

    def test_what_was_sent_is_shown_again(self):
        form = forms.Form(self.fields, MultiDict(a="<i>", b="1"))
        assert_equal([form.shown(field) for field in form], ["<i>", True])

    def test_initial_values_are_shown_first(self):
        form = forms.Form(self.fields, None, {"a": "x"})
        assert_equal([form.shown(field) for field in form], ["x", False])

    def test_a_reason_makes_it_bad(self):
        form = forms.Form(self.fields, MultiDict(a="x"))
        form.validate()
        form.reject("a", "no")
        assert_false(form.good)

    def test_a_refusal_makes_it_bad(self):
        form = forms.Form(self.fields, MultiDict(a="x"))
        form.validate()
        form.problems.append("no")
        assert_false(form.good)

    def test_fields_that_are_unknown_are_not_read(self):
        form = forms.Form(self.fields, MultiDict(a="x", admin="1"))
        form.validate()
        assert_false("admin" in form.values)
