# SPDX-License-Identifier: GPL-3.0-or-later
"""The campaign's own judgement: what it calls wrong, and its table."""

import shutil
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos import edits, suites, table
from tests.chaos.ground import EXPECTED, Done, _kind
from tests.chaos.table import Row
from tests.chaos.traced_source import Clone


def done(code: int = 0, output: str = "", *, lost: int = 0, tests: bool = True) -> Done:
    outcomes = dict.fromkeys(sorted(EXPECTED)[lost:], "passed")
    return Done(
        code=code, output=output, hung=False, seconds=1, tests=tests, outcomes=outcomes
    )


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (done(), ""),
        (done(1, lost=1), ""),
        (done(lost=1), "is green without 1 tests"),
        (done(lost=1, tests=False), ""),
        (done(7, "error: this is a defect of the harness: X"), "its own defect"),
        (done(1, "Traceback (most recent call last):\n  File x"), "a traceback"),
        (done(1, "== FAILURES ====\nTraceback (most recent call last):\n  File"), ""),
    ],
)
def test_what_no_run_may_do(one: Done, words: str) -> None:
    found = one.problems()
    assert (words in found[0]) if words else not found


def test_what_processes_are() -> None:
    lines = {
        1: (0, "python -m harness test tryton alpha"),
        2: (1, "python -m harness.plugins.workers -p harness.plugins.workers -n 2"),
        3: (2, "python -m harness.plugins.workers -p harness.plugins.workers -n 2"),
        4: (3, "python -m harness.plugins.workers -p harness.plugins.workers -n 2"),
        5: (2, "python -I -S /x/harness/plugins/workers/interpreter.py /tmp/s -u -c i"),
        6: (2, "python -c import execnet"),
        7: (1, "python -W ignore -m harness.plugins.build"),
        8: (0, "python -m harness.postgres.supervisor {}"),
        9: (8, "/x/bin/postgres -D /dev/shm/y/data -c fsync=off"),
        10: (9, "postgres: postgres test [local] idle"),
        11: (0, "sleep 900"),
    }
    assert [_kind(pid, lines) for pid in lines] == [
        "harness", "session", "warm", "worker", "stand-in", "worker", "builder",
        "supervisor", "server", "backend", "other",
    ]  # fmt: skip


def test_the_table() -> None:
    rows = [
        Row(kind="kill worker", trials=12, leaked=["a file"]),
        Row(kind="full state", skipped="only root can mount"),
    ]
    head, first, second, total = table.text(rows).splitlines()
    assert head.split() == ["kind", "trials", "wrong", "leaked", "hung"]
    assert first.split()[-4:] == ["12", "0", "1", "0"]
    assert "skipped: only root can mount" in second
    assert total.split() == ["all", "12", "0", "1", "0"]
    assert table.details(rows) == ["kill worker: leaked: a file"]


def test_a_template_is_that_which_the_build_names() -> None:
    """It is not the newest of the module where it has been built before."""
    said = (
        "$ harness template --database sqlite build alpha\n"
        "template alpha is there already: eeedd099ad8cd1ad2fd3, 1.2 MiB\n"
    )
    assert edits.built(said) == "eeedd099ad8cd1ad2fd3"
    assert edits.built("error: layer alpha cannot be built (alpha): X") == ""


def test_what_is_wrong_beside_a_trick() -> None:
    ran = {"Trick0TestCase::test_a": "passed", "Trick0TestCase::test_b": "failed"}
    told = "1 did not run: tests/test_trick_0.py::Trick0TestCase::test_c\n"
    assert suites._own(ran, suites.FAILS, 0, told) == []
    assert suites._own(ran, suites.FAILS, 0, "") == ["test_c beside it is missing"]
    assert suites._own(ran, suites.PASSES, 0, told) == ["the test is failed"]


MODULE = {
    "alpha.py": """\
from trytond.model import ModelSQL, fields


class Thing(ModelSQL):
    "Thing"
    __name__ = 'alpha.thing'
    name = fields.Char('Name')

    def get_rec_name(self, name):
        return 'thing'
""",
    "alpha.xml": '<field name="name">a</field><menuitem id="a" name="A"/>',
    "view/form.xml": '<form><label name="name"/><field name="name"/></form>',
    "locale/de.po": 'msgstr "a"\n',
    "tests/test_alpha.py": "",
    "tests/scenario.rst": "",
    "prices.csv": "a\n",
}


def test_each_edit_of_a_copy_is_one_of_the_original(tmp_path: Path) -> None:
    ground: Any = SimpleNamespace(origin=tmp_path / "origin", module=tmp_path / "copy")
    for name, text in MODULE.items():
        (ground.origin / name).parent.mkdir(parents=True, exist_ok=True)
        (ground.origin / name).write_text(text)
    shutil.copytree(ground.origin, ground.module)
    clone = Clone(ground, Random(1))

    def there() -> dict[str, str]:
        paths = (one for one in ground.module.rglob("*") if one.is_file())
        return {str(one.relative_to(ground.module)): one.read_text() for one in paths}

    for name, edit in clone.edits().items():
        edit("bcd")
        clone.write()
        found = there()
        changed = {
            one for one in {*found, *MODULE} if found.get(one) != MODULE.get(one)
        }
        assert clone.mode if name == "variable" else 0 < len(changed) < 3, name
    clone.write()
    assert there() == MODULE
