# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources that the campaign of traces edits, and how each kind of edit is made."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.chaos.ground import Ground
from tests.chaos.traced_texts import (
    ALPHA,
    CASE,
    CONFIGURATION,
    HELPERS,
    HELPING,
    LOOKUP,
    PO,
    RECORDS,
    SCRIPT,
    SHARES,
    TESTS,
    TOOLS,
    VALUES,
    VIEW,
)

VARIABLE = "ALPHA_MODE"
PACKAGE = "harness_chaos_rates"
IN_CODE = (
    "constant", "decorated", "decorator", "attribute", "field", "signature", "entered",
    "script", "comment", "never", "label", "idle", "cached", "tool", "unused",
    "renamed", "tests_constant", "tests_helper", "remembered", "said", "lent",
    "factor", "default", "given", "turned", "shadow", "added",
)  # fmt: skip
"""What of the Python is edited."""
IN_FILES = ("record", "value", "names", "prices", "rates", "translation", "view")


class Sources:
    """The files as they are, and what changes them."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.words = {**dict.fromkeys(IN_CODE, "a"), "constant": "1", "field": ""}
        self.words |= {"comment": "# a", "decorator": "shout", "shadow": ""}
        self.files = {**dict.fromkeys(IN_FILES, "a"), "value": "3"}
        self.extras = {"one"}
        self.there: set[str] = set()
        """Files that need not be there."""
        self.mode = ""
        self.version = "1"

    def edits(self) -> dict[str, Callable[[str], None]]:
        """By what they change; each is given a new word."""

        def code(key: str) -> Callable[[str], None]:
            return lambda word: self.words.update({key: self._as(key, word)})

        def file(key: str) -> Callable[[str], None]:
            return lambda word: self.files.update({key: self._as(key, word)})

        def there(name: str) -> Callable[[str], None]:
            return lambda word: self.there.symmetric_difference_update({name})

        made = {key: code(key) for key in IN_CODE}
        made |= {key: file(key) for key in IN_FILES}
        made["variable"] = lambda word: setattr(self, "mode", word)
        made["package"] = lambda word: setattr(self, "version", _number(word))
        made["extra file"] = lambda word: setattr(
            self, "extras", self.extras ^ {f"x{len(word)}"}
        )
        made["renamed file"] = lambda word: setattr(
            self, "extras", {*list(self.extras)[1:], word}
        )
        made["more code"] = there("more.py")
        made["optional file"] = there("optional.txt")
        return made

    def write(self) -> None:
        """Save them all; who is as before keeps its time."""
        module, project = self.ground.module, self.ground.project
        texts = dict(self._texts(module, project))
        for name, text in texts.items():
            name.parent.mkdir(parents=True, exist_ok=True)
            if not name.exists() or name.read_text() != text:
                name.write_text(text)
        known = [module / "more.py", project / "optional.txt"]
        known += [*(project / "extras").iterdir(), *module.glob("part_*.py")]
        for path in {*known} - texts.keys():
            path.unlink(missing_ok=True)
        self._install()

    def _texts(self, module: Path, project: Path) -> Iterator[tuple[Path, str]]:
        yield module / "alpha.py", ALPHA.format(**self.words)
        yield module / "helpers.py", HELPERS.format(**self.words)
        yield module / "shares.py", SHARES
        yield module / "lookup.py", LOOKUP
        yield module / f"part_{self.words['renamed']}.py", "PART = 'part'\n"
        yield module / "tests/helping.py", HELPING.format(**self.words)
        cases = (
            CASE.format(
                title=title, value=value, language="de" if "Tran" in title else "en"
            )
            for title, value in VALUES.items()
        )
        tests = TESTS.replace("{added}", self.words["added"])
        yield module / "tests/test_traced.py", tests + "".join(cases)
        yield project / "tools.py", TOOLS.format(**self.words)
        yield project / "fill.txt", SCRIPT
        yield project / "pyproject.toml", CONFIGURATION
        files = self.files
        yield module / "names.csv", files["names"]
        yield module / "locale/de.po", PO.format(**files)
        yield module / "view/thing.xml", VIEW.format(**files)
        yield module / "alpha.xml", RECORDS.format(**files)
        yield project / "prices.json", f'["{files["prices"]}"]'
        yield project / "rates.csv", f"rate,{files['rates']}\n"
        for name in self.there:
            place = module if name.endswith(".py") else project
            yield place / name, "MORE = 1\n"
        for name in self.extras:
            yield project / "extras" / name, ""

    def _install(self) -> None:
        """The package, in the version that it has now, wherever alpha is installed."""
        for site in sites(self.ground):
            remove(site)
            (site / f"{PACKAGE}.py").write_text(f"RATE = {self.version}\n")
            place = site / f"{PACKAGE}-{self.version}.dist-info"
            place.mkdir()
            (place / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {self.version}\n"
            )
            (place / "RECORD").write_text(f"{PACKAGE}.py,,\n")

    def _as(self, key: str, word: str) -> str:
        """A word where a key stands in the sources."""
        other = "plain" if self.words["decorator"] == "shout" else "shout"
        forms = {
            "constant": _number(word),
            "value": _number(word),
            "comment": f"# {word}",
            "decorator": other,
            "shadow": f"def repr(thing):\n    return {word!r}\n",
            "field": f"    field_{word} = fields.Char('{word}')\n",
        }
        return forms.get(key, word)


def _number(word: str) -> str:
    return str(len(word) * 1000 + ord(word[-1]))


def sites(ground: Ground) -> list[Path]:
    """Where the module of the ground is installed."""
    name = "envs/*/lib/python*/site-packages/*harness_chaos_alpha*"
    return sorted({one.parent for one in ground.state.glob(name)})


def remove(site: Path) -> None:
    """The package goes."""
    (site / f"{PACKAGE}.py").unlink(missing_ok=True)
    for path in site.glob(f"{PACKAGE}-*.dist-info"):
        shutil.rmtree(path)


def clear(ground: Ground) -> None:
    """What only this kind has goes."""
    project, module = ground.project, ground.module
    for name in ("tools.py", "fill.txt", "prices.json", "rates.csv", "optional.txt"):
        (project / name).unlink(missing_ok=True)
    for name in ("helpers.py", "shares.py", "lookup.py", "names.csv", "more.py"):
        (module / name).unlink(missing_ok=True)
    for path in module.glob("part_*.py"):
        path.unlink()
    for path in (project / "extras", module / "locale", module / "view"):
        shutil.rmtree(path, ignore_errors=True)
    (module / "alpha.py").unlink()
    for site in sites(ground):
        remove(site)
