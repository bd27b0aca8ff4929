# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody's own Tryton module, and how the campaign of traces edits a copy of it."""

import ast
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from tests.chaos.affected import constant, raising
from tests.chaos.ground import Ground

CONFIGURATION = """\
[tool.harness]
requirements = ["requests"]
[tool.harness.source.{name}]
[tool.harness.suite.tryton]
"""
LEFT_OUT = shutil.ignore_patterns(".git", "*.egg-info", "__pycache__")
IDENTITY = "def _chaos(function):\n    return function\n\n\n"
Change = Callable[[str, Random, str], str]
"""Of a text, with a new word."""


class SourceGround(Ground):
    """A project with a copy of one source; the original is not touched."""

    def __init__(self, place: Path, origin: Path) -> None:
        self.origin = origin.resolve()
        super().__init__(place / origin.name)

    @property
    def module(self) -> Path:
        return self.project / "src" / self.origin.name

    def write(self) -> None:
        """The copy as the original is; what is the same keeps its time."""
        text = CONFIGURATION.format(name=self.origin.name)
        (self.project / "pyproject.toml").write_text(text)
        if not self.module.exists():
            shutil.copytree(self.origin, self.module, ignore=LEFT_OUT)


class Clone:
    """The files of the copy; each edit is of the original, and ends with the next."""

    def __init__(self, ground: SourceGround, random: Random) -> None:
        self.ground = ground
        self.random = random
        self.mode = ""
        self.changed: dict[Path, str | None] = {}
        """What is to be in files; None: they are to be gone."""
        self.before: dict[Path, str | None] = {}

    def edits(self) -> dict[str, Callable[[str], None]]:
        """By what they change; each is given a new word."""
        made = {
            name: self._edit(pattern, change)
            for name, (pattern, change) in CHANGES.items()
            if any(self.ground.origin.glob(pattern))
        }
        made["file added"] = lambda word: self._set(
            {f"view/chaos_{word}.xml": "<form/>"}
        )
        made["code added"] = lambda word: self._set({f"chaos_{word}.py": "X = 1\n"})
        made["variable"] = lambda word: setattr(self, "mode", word)
        made["file removed"] = lambda word: self._set({self._view(): None})
        made["file renamed"] = self._rename
        return made

    def write(self) -> None:
        """Save the edit, and take back the one before."""
        for path, text in {**self.before, **self.changed}.items():
            if text is None:
                path.unlink(missing_ok=True)
            else:
                path.write_text(text)
        self.before = {path: _text(path, self.ground) for path in self.changed}
        self.changed = {}

    def _edit(self, pattern: str, change: Change) -> Callable[[str], None]:
        def edit(word: str) -> None:
            paths = sorted(self.ground.origin.glob(pattern))
            for path in self.random.sample(paths, len(paths)):
                text = path.read_text("utf-8")
                made = change(text, self.random, word)
                if made != text and _compiles(path, made):
                    self._set({str(path.relative_to(self.ground.origin)): made})
                    return

        return edit

    def _set(self, texts: Mapping[str, str | None]) -> None:
        self.changed = {self.ground.module / name: t for name, t in texts.items()}

    def _view(self) -> str:
        path = self.random.choice(sorted(self.ground.origin.glob("view/*.xml")))
        return str(path.relative_to(self.ground.origin))

    def _rename(self, word: str) -> None:
        old = self._view()
        text = (self.ground.origin / old).read_text("utf-8")
        self._set({old: None, f"view/{word}.xml": text})


def _text(path: Path, ground: SourceGround) -> str | None:
    origin = ground.origin / path.relative_to(ground.module)
    return origin.read_text("utf-8") if origin.exists() else None


def _compiles(path: Path, text: str) -> bool:
    try:
        return path.suffix != ".py" or bool(compile(text, path, "exec"))
    except SyntaxError:
        return False


def _replaced(pattern: str, new: str) -> Change:
    """One of the places of a pattern is another one."""

    def change(text: str, random: Random, word: str) -> str:
        found = list(re.finditer(pattern, text, re.MULTILINE))
        if not found:
            return text
        one = random.choice(found)
        return (
            text[: one.start()]
            + one.expand(new.replace("WORD", word))
            + text[one.end() :]
        )

    return change


def _returned(text: str, random: Random, word: str) -> str:
    """A text that some function returns is another one."""
    nodes = [
        one.value
        for one in ast.walk(ast.parse(text))
        if isinstance(one, ast.Return)
        and isinstance(one.value, ast.Constant)
        and isinstance(one.value.value, str)
        and one.value.lineno == one.value.end_lineno
    ]
    if not nodes:
        return text
    node = random.choice(nodes)
    lines = text.splitlines(keepends=True)
    line = lines[node.lineno - 1]
    lines[node.lineno - 1] = (
        line[: node.col_offset] + repr(word) + line[node.end_col_offset :]
    )
    return "".join(lines)


PYTHON, VIEWS = "*.py", "view/*.xml"
DEF = r"^( +)(def \w+\([^()]*[^,()])\):$"
BODY = rf"{DEF}\n(?! +['\"])"
CHANGES: dict[str, tuple[str, Change]] = {
    "body": (PYTHON, _replaced(BODY, r"\1\2):\n\1    'WORD'.upper()\n")),
    "raises": (PYTHON, lambda text, random, word: raising(text, random)[0]),
    "returned": (PYTHON, _returned),
    "anything": (PYTHON, lambda text, random, word: constant(text, random)[0]),
    "comment": (PYTHON, _replaced(DEF, r"\1\2):  # WORD")),
    "signature": (PYTHON, _replaced(DEF, r"\1\2, WORD=None):")),
    "constant": (PYTHON, lambda text, random, word: f"{text}\nCHAOS = {word!r}\n"),
    "attribute": (
        PYTHON,
        _replaced(r"^    __name__ = .*$", r"\g<0>\n    chaos = 'WORD'"),
    ),
    "field": (
        PYTHON,
        _replaced(r"^    \w+ = fields\.Char\(", r"    WORD = fields.Char('A')\n\g<0>"),
    ),
    "label": (PYTHON, _replaced(r"(fields\.\w+\(\s*)'[^']*'", r"\1'WORD'")),
    "decorator": (
        PYTHON,
        _replaced(r"\A([\s\S]*?)^class ", rf"\1{IDENTITY}@_chaos\nclass "),
    ),
    "record": ("*.xml", _replaced(r'(<field name="name">)[^<]+', r"\1WORD")),
    "menu": ("*.xml", _replaced(r'(<menuitem[^>]* name=")[^"]+', r"\1WORD")),
    "view": (VIEWS, _replaced(r"<(form|tree)\b", r'<\1 string="WORD"')),
    "view's label": (VIEWS, _replaced(r'(<label [^>]*name=")\w+', r"\1WORD")),
    "view's field": (VIEWS, _replaced(r'(<field name=")\w+', r"\1WORD")),
    "wrong view": (VIEWS, _replaced(r"<(form|tree)\b", r'<\1 WORD="1"')),
    "translation": ("locale/*.po", _replaced(r'^msgstr ".+"$', 'msgstr "WORD"')),
    "tests' code": ("tests/*.py", lambda text, random, word: f"{text}\nC = {word!r}\n"),
    "scenario": ("tests/*.rst", lambda text, random, word: f"{text}\n{word}\n"),
    "data": ("**/*.csv", lambda text, random, word: f"{text}{word}\n"),
}
"""Of the files that are called so, each by its name."""
