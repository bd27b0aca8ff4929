# SPDX-License-Identifier: GPL-3.0-or-later
"""Languages: nothing is left in another one."""

import datetime as dt
import io
import re
import string
from decimal import Decimal
from importlib.resources import files

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from nose.plugins.attrib import attr
from nose.tools import assert_equal, assert_false, assert_true, eq_, nottest

import portal_web
from portal_web import i18n

KEYWORDS = {"_": None, "N_": None, "translate": None, "_n": (1, 2), "plural": (1, 2)}
PACKAGE = files(portal_web)


@nottest
def messages():
    """What the sources have to say: each message, with one of its places."""
    methods = [("**.py", "python"), ("templates/**.jinja2", "jinja2")]
    found = {}
    for path, line, message, *_ in extract_from_dir(
        str(PACKAGE), methods, {}, keywords=KEYWORDS, comment_tags=()
    ):
        if not path.startswith("tests/"):
            single = message[0] if isinstance(message, tuple) else message
            found[single] = f"{path}:{line}"
    return found


@nottest
def german():
    source = PACKAGE / "locale" / "de" / "LC_MESSAGES" / "portal_web.po"
    return read_po(io.BytesIO(source.read_bytes()), locale="de", abort_invalid=True)


class TestCatalogue:
    """The German one."""

    @classmethod
    def setup_class(cls):
        cls.messages = messages()
        cls.german = german()

    def test_there_are_messages(self):
        assert_true(len(self.messages) > 150)

    def test_none_is_missing(self):
        known = {message.id for message in self.german if message.string}
        missing = {m: place for m, place in self.messages.items() if m not in known}
        assert_equal(missing, {})

    def test_none_is_left_over(self):
        left = {message.id for message in self.german if message.id} - set(
            self.messages
        )
        assert_equal(left, set())

    def test_none_is_fuzzy(self):
        assert_false([message.id for message in self.german if message.fuzzy])

    def test_what_is_put_in_is_the_same(self):
        def placeholders(text):
            return sorted(re.findall(r"%\(\w+\)s|%%", text))

        wrong = [
            message.id
            for message in self.german
            if placeholders(message.id) != placeholders(message.string)
        ]
        assert_equal(wrong, [])

    def test_how_a_sentence_ends_is_the_same(self):
        marks = set(string.punctuation) - {"%", ")", "s"}
        wrong = [
            message.id
            for message in self.german
            if message.id
            and {message.id[-1], message.string[-1]} & marks
            and message.id[-1] != message.string[-1]
        ]
        assert_equal(wrong, [])

    def test_the_pattern_for_translators_is_up_to_date(self):
        pattern = PACKAGE / "locale" / "portal_web.pot"
        known = {m.id for m in read_po(io.BytesIO(pattern.read_bytes())) if m.id}
        assert_equal(known ^ set(self.messages), set())


class TestTranslator:
    @classmethod
    def setUpAll(cls):
        cls.english, cls.german = i18n.Translator("en"), i18n.Translator("de")

    @classmethod
    def tearDownAll(cls):
        del cls.english, cls.german

    def test_english_is_the_key(self):
        assert_equal(self.english("Save"), "Save")

    def test_german(self):
        assert_equal(self.german("Save"), "Speichern")

    def test_values(self):
        text = self.german("You are logged in as %(name)s.", name="Ada")
        assert_equal(text, "Sie sind als Ada angemeldet.")

    def test_values_are_not_patterns(self):
        text = self.english("You are logged in as %(name)s.", name="%(name)s")
        assert_equal(text, "You are logged in as %(name)s.")

    def test_nothing_is_not_the_head_of_the_catalogue(self):
        assert_equal(self.german(""), "")

    def test_unknown_messages_stay(self):
        assert_equal(self.german("Ada Lark"), "Ada Lark")


@nottest
def shown(method, value, english, german):
    eq_(getattr(i18n.Translator("en"), method)(value), english)
    eq_(getattr(i18n.Translator("de"), method)(value), german)


@attr(area="numbers")
def test_shown():
    yield shown, "date", dt.date(2025, 3, 14), "Mar 14, 2025", "14.03.2025"
    yield shown, "date", None, "", ""
    yield shown, "number", Decimal("1234.50"), "1,234.5", "1.234,5"
    yield shown, "number", Decimal(0), "0", "0"
    yield shown, "number", None, "", ""


class FakeRequest:
    def __init__(self, accepted=None, chosen=None):
        from webob.acceptparse import create_accept_language_header

        self.accept_language = create_accept_language_header(accepted)
        self.session = {"language": chosen} if chosen else {}


@nottest
def negotiated(accepted, chosen, expected):
    eq_(i18n.negotiate(FakeRequest(accepted, chosen)), expected)


def test_negotiated():
    for accepted, chosen, expected in [
        (None, None, "en"),
        ("de", None, "de"),
        ("de-AT,de;q=0.8,en;q=0.5", None, "de"),
        ("en;q=0.3,de;q=0.7", None, "de"),
        ("fr", None, "en"),
        ("fr,de;q=0.1", None, "de"),
        ("xx;;q=nonsense", None, "en"),
        ("de", "en", "en"),
        ("en", "de", "de"),
        ("en", "xx", "en"),
        ("*", None, "en"),
    ]:
        yield negotiated, accepted, chosen, expected
