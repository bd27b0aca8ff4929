# SPDX-License-Identifier: GPL-3.0-or-later
"""Forms: fields that read what was sent, and say what is wrong with it."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from .i18n import N_

EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+"
)
DURATION = re.compile(r"(?:(\d{1,2}):)?(\d{1,3}):(\d{2})")


class Invalid(Exception):
    """What is wrong with a value, as a message that can be translated."""

    def __init__(self, message: str, **values: Any) -> None:
        super().__init__(message)
        self.message = message
        self.values = values


class Field:
    """One line of text; the base of all others."""

    type = "text"
    multiple = False

    def __init__(
        self,
        name: str,
        label: str,
        *,
        required: bool = False,
        help: str = "",
        longest: int = 200,
        autocomplete: str | None = None,
        check: Callable[[Any], None] | None = None,
    ) -> None:
        self.name = name
        self.label = label
        self.required = required
        self.help = help
        self.longest = longest
        self.autocomplete = autocomplete
        self.check = check

    def read(self, sent: Sequence[str]) -> Any:
        """The value of what was sent; None for nothing.  Raises `Invalid`."""
        text = self.clean(sent[0]) if sent else ""
        if not text:
            if self.required:
                raise Invalid(N_("This field is needed."))
            return None
        if len(text) > self.longest:
            raise Invalid(
                N_("At most %(longest)s characters are allowed."), longest=self.longest
            )
        value = self.parse(text)
        if self.check:
            self.check(value)
        return value

    def clean(self, text: str) -> str:
        """Text as it is kept: composed, one line, without control characters."""
        return " ".join(printable(text).split())

    def parse(self, text: str) -> Any:
        """The value of text that is not empty.  Raises `Invalid`."""
        return text

    def show(self, value: Any) -> Any:
        """What the input shows for a value."""
        return "" if value is None else str(value)


def printable(text: str) -> str:
    """Text composed (NFC), without control characters but line feeds and tabs."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    return "".join(
        c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"}
    )


class TextArea(Field):
    """Text of several lines."""

    type = "textarea"

    def __init__(self, name: str, label: str, *, longest: int = 10_000, **more: Any):
        super().__init__(name, label, longest=longest, **more)

    def clean(self, text: str) -> str:
        """Lines stay."""
        return printable(text).strip()


class Email(Field):
    """The address of a mailbox, in lower case."""

    type = "email"

    def __init__(self, name: str, label: str, **more: Any) -> None:
        super().__init__(name, label, longest=254, autocomplete="username", **more)

    def parse(self, text: str) -> str:
        """See `Field`."""
        if not EMAIL.fullmatch(text) or len(text.partition("@")[0]) > 64:
            raise Invalid(N_("This is not an e-mail address."))
        return text.lower()


class Password(Field):
    """A secret: taken as it is, never shown again."""

    type = "password"

    def __init__(
        self, name: str, label: str, *, shortest: int = 0, **more: Any
    ) -> None:
        super().__init__(name, label, longest=1024, **more)
        self.shortest = shortest

    def clean(self, text: str) -> str:
        """Blanks count."""
        return unicodedata.normalize("NFC", text)

    def parse(self, text: str) -> str:
        """See `Field`."""
        if len(text) < self.shortest:
            raise Invalid(
                N_("At least %(shortest)s characters are needed."),
                shortest=self.shortest,
            )
        if "\x00" in text:
            raise Invalid(N_("This character is not allowed."))
        return text

    def show(self, value: Any) -> str:
        """Nothing."""
        return ""


class Date(Field):
    """A day, as browsers send it."""

    type = "date"

    def __init__(
        self,
        name: str,
        label: str,
        *,
        latest: Callable[[], dt.date] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(name, label, **more)
        self.latest = latest

    def parse(self, text: str) -> dt.date:
        """See `Field`."""
        try:
            value = dt.datetime.strptime(text, "%Y-%m-%d").date()
        except ValueError:
            raise Invalid(N_("This is not a date.")) from None
        if value.year < 1850:
            raise Invalid(N_("This is too long ago."))
        if self.latest and value > self.latest():
            raise Invalid(N_("This is in the future."))
        return value

    def show(self, value: Any) -> str:
        """As browsers want it."""
        return value.isoformat() if isinstance(value, dt.date) else value or ""


class Number(Field):
    """A decimal number within limits, with a point or a comma."""

    type = "number"

    def __init__(
        self,
        name: str,
        label: str,
        *,
        least: Decimal,
        most: Decimal,
        places: int = 2,
        **more: Any,
    ) -> None:
        super().__init__(name, label, longest=20, **more)
        self.least = least
        self.most = most
        self.places = places

    @property
    def step(self) -> str:
        """The smallest difference."""
        return str(Decimal(1).scaleb(-self.places))

    def parse(self, text: str) -> Decimal:
        """See `Field`."""
        try:
            value = Decimal(text.replace(",", "."))
        except InvalidOperation:
            raise Invalid(N_("This is not a number.")) from None
        if not value.is_finite():
            raise Invalid(N_("This is not a number."))
        if not self.least <= value <= self.most:
            raise Invalid(
                N_("This must be from %(least)s to %(most)s."),
                least=self.least,
                most=self.most,
            )
        if value != round(value, self.places):
            raise Invalid(
                N_("At most %(places)s places are allowed."), places=self.places
            )
        return value.quantize(Decimal(self.step))


class Duration(Field):
    """Minutes and seconds, with hours before if there are any."""

    def parse(self, text: str) -> dt.timedelta:
        """See `Field`."""
        found = DURATION.fullmatch(text)
        if not found:
            raise Invalid(N_("Write minutes and seconds, as in 3:25."))
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        if seconds > 59 or (found[1] and minutes > 59):
            raise Invalid(N_("Write minutes and seconds, as in 3:25."))
        value = dt.timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if not value:
            raise Invalid(N_("This must be longer than nothing."))
        return value

    def show(self, value: Any) -> str:
        """As it is written."""
        return show_duration(value) if isinstance(value, dt.timedelta) else value or ""


def show_duration(value: dt.timedelta | None) -> str:
    """``3:25``, ``1:03:25``; nothing for None."""
    if value is None:
        return ""
    minutes, seconds = divmod(int(value.total_seconds()), 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours}:{rest:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Check(Field):
    """Yes or no; if it is needed, yes."""

    type = "checkbox"

    def read(self, sent: Sequence[str]) -> bool:
        """See `Field`."""
        value = bool(sent) and sent[0] not in {"", "0"}
        if self.required and not value:
            raise Invalid(N_("This must be accepted."))
        return value

    def show(self, value: Any) -> bool:
        """Whether it is ticked."""
        return bool(value)


class Choice(Field):
    """One of the choices: pairs of a key and what is shown."""

    type = "select"

    def __init__(
        self, name: str, label: str, choices: Iterable[tuple[str, str]], **more: Any
    ) -> None:
        super().__init__(name, label, **more)
        self.choices = [(str(key), text) for key, text in choices]

    def parse(self, text: str) -> str:
        """See `Field`."""
        if text not in dict(self.choices):
            raise Invalid(N_("This cannot be chosen."))
        return text


class Choices(Choice):
    """Any number of the choices."""

    type = "checkboxes"
    multiple = True

    def read(self, sent: Sequence[str]) -> list[str]:
        """See `Field`."""
        values = [self.parse(text) for text in dict.fromkeys(sent) if text]
        if self.required and not values:
            raise Invalid(N_("This field is needed."))
        return values

    def show(self, value: Any) -> list[str]:
        """The keys that are ticked."""
        return [str(one) for one in value or ()]


class Upload(Field):
    """A file; what is in it is checked where it is received."""

    type = "file"

    def read(self, sent: Sequence[Any]) -> Any:
        """See `Field`: what the browser sent, with ``filename`` and ``file``."""
        if not sent or not getattr(sent[0], "filename", None):
            if self.required:
                raise Invalid(N_("This field is needed."))
            return None
        return sent[0]

    def show(self, value: Any) -> str:
        """Nothing: browsers do not take it."""
        return ""


class Form:
    """Fields with their values and errors.

    `sent` is what a browser sent (``request.POST``), or None for a form that is
    shown for the first time, with `initial` values.
    """

    def __init__(
        self,
        fields: Iterable[Field],
        sent: Any = None,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        self.fields = {field.name: field for field in fields}
        self.sent = sent
        self.initial = dict(initial or {})
        self.values: dict[str, Any] = {}
        self.errors: dict[str, Invalid] = {}
        self.problems: list[str] = []

    def __iter__(self) -> Any:
        return iter(self.fields.values())

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def good(self) -> bool:
        """Whether nothing is wrong so far."""
        return not self.errors and not self.problems

    def validate(self) -> bool:
        """Read all that was sent into ``values``; whether it is all right."""
        for name, field in self.fields.items():
            try:
                self.values[name] = field.read(self.sent.getall(name))
            except Invalid as error:
                self.errors[name] = error
        return self.good

    def reject(self, name: str, message: str, **values: Any) -> None:
        """Say what is wrong with a field, beyond the field itself."""
        self.errors[name] = Invalid(message, **values)

    def shown(self, field: Field) -> Any:
        """What the input of a field shows."""
        if self.sent is None:
            return field.show(self.initial.get(field.name))
        texts = [text for text in self.sent.getall(field.name) if isinstance(text, str)]
        if field.multiple:
            return field.show(texts)
        return field.show(texts[0] if texts else None)
