# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of variables, read as Docker Compose reads an ``env_file``.

No library does exactly that: python-dotenv, for one, knows neither ``$NAME`` nor
``${NAME:?why}``, and keeps ``\\$``.  What Compose makes of a file is compared in the
integration tests.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from unicodedata import category

from harness.errors import ConfigError

BLANKS: Final = "\t\v\f\r \x85\xa0"
"""What may stand around a name; a line ends it."""
SPACES: Final = (
    BLANKS
    + "\n\u1680\u2028\u2029\u202f\u205f\u3000"
    + "".join(map(chr, range(0x2000, 0x200B)))
)
EXPORT: Final = re.compile(r"export[\t\n\f\r ]+")
ESCAPED: Final = re.compile(r'\\(?:[abcfnrtv$"\\]|0[0-9]{0,3})')
LETTERS: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    '"': '"', "\\": "\\", "$": "$$",
}  # fmt: skip
"""By what follows the backslash; a dollar is doubled, as it is filled in later."""
REFERENCE: Final = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<named>[_a-z][_a-z0-9]*)"
    r"|\{(?:(?P<braced>[_a-z][_a-z0-9]*(?::?[-+?].*)?)\}|(?P<invalid>)))",
    re.IGNORECASE | re.ASCII,
)
OPERATOR: Final = re.compile(r":?[-+?]")

Lookup = Callable[[str], str | None]


class BadFile(ValueError):
    """What is wrong in a file, and in which line."""


def read(
    text: str,
    known: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The variables of a file, over those that are `known` from files before it.

    A value may name others: of `environ`, the caller's own environment, which wins,
    of the same file further up, or known.  A name without a value takes that of
    `environ`.  Raises `BadFile`.
    """
    found = dict(known or {})
    outside = environ or {}

    def lookup(name: str) -> str | None:
        return outside.get(name, found.get(name))

    text = text.removeprefix("\ufeff")
    rest = text = text if text.endswith("\n") else f"{text}\n"
    while rest := _statement(rest):
        try:
            name, after, rest = _name(rest)
            if after == "\n":
                if name in outside:
                    found[name] = outside[name]
            else:
                found[name], rest = _value(rest, lookup)
        except ValueError as error:
            line = text.count("\n", 0, len(text) - len(rest)) + 1
            raise BadFile(f"line {line}: {error}") from None
    return found


def load(
    path: Path, known: Mapping[str, str], environ: Mapping[str, str]
) -> dict[str, str]:
    """The same of a file; raises `ConfigError` for one that Compose refuses."""
    try:
        return read(path.read_text("utf-8"), known, environ)
    except UnicodeDecodeError:
        why = "it is not UTF-8"
    except BadFile as error:
        why = str(error)
    raise ConfigError(
        f"{path} cannot be read as Compose reads it: {why}",
        remedy="correct the file: NAME=VALUE, quotes around what is not plain",
    )


def _statement(text: str) -> str:
    """The text from the next statement on; comments are none."""
    text = text.lstrip(SPACES)
    while text.startswith("#"):
        text = text.partition("\n")[2].lstrip(SPACES)
    return text


def _name(text: str) -> tuple[str, str, str]:
    """A name, what ends it, and the text behind that."""
    if EXPORT.match(text):
        text = text.removeprefix("export").lstrip(BLANKS)
    for place, letter in enumerate(text):
        if letter in "=:\n":
            name = text[:place].rstrip(SPACES)
            if " " in name:
                raise ValueError(f"the name {name!r} has a space in it")
            return name, letter, text[place + 1 :].lstrip(BLANKS)
        if letter not in BLANKS + "_.-[]" and category(letter)[0] not in "LN":
            raise ValueError(f"a name cannot have {letter!r} in it")
    raise ValueError("a name has no end")  # only a lone "export"


def _value(text: str, lookup: Lookup) -> tuple[str, str]:
    """A value, and the text behind it."""
    if text[:1] in ("'", '"'):
        return _quoted(text, lookup)
    value, _, rest = text.partition("\n")
    return filled(value.partition(" #")[0].rstrip(SPACES), lookup), rest


def _quoted(text: str, lookup: Lookup) -> tuple[str, str]:
    """A value in quotes, of as many lines as it takes."""
    quote, letters, place = text[0], "", 1
    while place < len(text):
        letter = text[place]
        if letter == quote:
            value = letters
            if quote == '"':
                value = filled(ESCAPED.sub(_unescaped, letters), lookup)
            return value, text[place + 1 :]
        if letter == "\\":
            following = text[place + 1 : place + 2]
            letters += following if following == quote else letter + following
            place += 1
        else:
            letters += letter
        place += 1
    raise ValueError(f"{text.partition(chr(10))[0]} has no closing quote")


def _unescaped(match: re.Match[str]) -> str:
    letters = match[0][1:]
    if letters[0] != "0":
        return LETTERS.get(letters, match[0])
    octal = letters[1:]
    if re.fullmatch("[0-3][0-7]{2}", octal):
        return chr(int(octal, 8))
    return f"\\{octal}"  # what Compose leaves of it


def filled(text: str, lookup: Lookup) -> str:
    """A text with its references filled in, those within others too."""
    return REFERENCE.sub(lambda match: _referred(match[0], lookup), text)


def _referred(text: str, lookup: Lookup) -> str:
    """What a reference stands for, and the text that was taken for a part of it."""
    end = _closing(text)
    text, rest = text[:end], text[end:]
    match = REFERENCE.match(text)
    if match is None or match["invalid"] is not None:
        raise ValueError(f"{text} is no reference to a variable")
    if match["escaped"]:
        return "$"
    words = match["named"] or match["braced"]
    operator = OPERATOR.search(words)
    if operator is None:
        return (lookup(words) or "") + rest
    name, more = words[: operator.start()], words[operator.end() :]
    return _chosen(name, operator[0], more, lookup) + filled(rest, lookup)


def _closing(text: str) -> int:
    """Where the first braces of a text end; the whole where they do not."""
    depth = place = 0
    while place < len(text):
        if text[place] == "{":
            depth += 1
            place += 1  # what follows an opening brace opens or closes nothing
        elif text[place] == "}":
            depth -= 1
            if not depth:
                return place + 1
        place += 1
    return len(text)


def _chosen(name: str, operator: str, more: str, lookup: Lookup) -> str:
    """What ``${NAME<operator>more}`` stands for."""
    value = lookup(name)
    given = value if operator.startswith(":") else value is not None
    match operator[-1]:
        case "-":
            return (value or "") if given else filled(more, lookup)
        case "+":
            return filled(more, lookup) if given else (value or "")
    if not given:
        why = filled(more, lookup)
        raise ValueError(f"{name} has no value{f': {why}' if why else ''}")
    return value or ""
