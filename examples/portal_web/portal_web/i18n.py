# SPDX-License-Identifier: GPL-3.0-or-later
"""English and German: catalogues, the choice of a language, dates and numbers.

The catalogues are read from their sources (``.po``), so there is nothing that
has to be compiled, and nothing that can be out of date.
"""

from __future__ import annotations

import datetime as dt
import gettext
import io
from functools import lru_cache
from importlib.resources import files
from typing import Any

from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from pyramid.config import Configurator
from pyramid.events import BeforeRender
from pyramid.request import Request

LANGUAGES = {"en": "English", "de": "Deutsch"}
DEFAULT = "en"


def N_(message: str) -> str:
    """Mark a message for translation."""
    return message


@lru_cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The messages of a language; those of English are the keys."""
    if language == DEFAULT:
        return gettext.NullTranslations()
    source = files(__package__) / "locale" / language / "LC_MESSAGES" / "portal_web.po"
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(source.read_bytes()), locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


class Translator:
    """Translates into one language.

    What is put into a message is put in as text: the template escapes the whole.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._catalogue = catalogue(language)

    def __call__(self, message: str, **values: Any) -> str:
        """The message in this language."""
        text = self._catalogue.gettext(message) if message else ""
        return text % values if values else text

    def plural(self, one: str, many: str, number: int, **values: Any) -> str:
        """The message for a number, which is there as ``%(number)s``."""
        text = self._catalogue.ngettext(one, many, number)
        return text % {"number": number, **values}

    def date(self, value: dt.date | None) -> str:
        """A day as it is written in this language."""
        return format_date(value, "medium", locale=self.language) if value else ""

    def moment(self, value: dt.datetime | None) -> str:
        """A point in time as it is written in this language."""
        return format_datetime(value, "medium", locale=self.language) if value else ""

    def number(self, value: Any) -> str:
        """A number as it is written in this language."""
        return "" if value is None else format_decimal(value, locale=self.language)


def negotiate(request: Request) -> str:
    """The language of the session, else the browser's best, else English."""
    chosen = request.session.get("language")
    if chosen in LANGUAGES:
        return str(chosen)
    accepted = request.accept_language
    found = accepted.lookup(tuple(LANGUAGES), default=DEFAULT) if accepted else DEFAULT
    return str(found)


def add_globals(event: BeforeRender) -> None:
    """What every template knows."""
    request = event["request"]
    if request is not None:
        _ = request.translate
        event.update({"_": _, "_n": _.plural, "languages": LANGUAGES})


def includeme(config: Configurator) -> None:
    """``request.translate``, and the language of a request."""
    config.set_locale_negotiator(negotiate)
    config.add_request_method(
        lambda request: Translator(request.locale_name), "translate", reify=True
    )
    config.add_subscriber(add_globals, BeforeRender)
