# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of names, time and text."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.doctor import place
from harness.proc import Completed

NOW = 1_800_000_000.0
Make = Callable[..., Any]
Told = Callable[..., tuple[str, str, str]]


# -- /etc/hosts ----------------------------------------------------------------


def test_all_names_are_there(make: Make, told: Told) -> None:
    assert told(place.hosts(make()))[0] == "ok"


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("127.0.0.1 localhost\n", "repertoire.test api.repertoire.test"),
        ("127.0.0.1 x repertoire.test # api.repertoire.test", "api.repertoire.test"),
        ("# 127.0.0.1 repertoire.test\n::1 api.repertoire.test", "repertoire.test"),
    ],
)
def test_the_command_adds_what_is_absent(
    make: Make, told: Told, text: str, absent: str
) -> None:
    machine = make()
    machine.hosts.write_text(text)
    status, _, remedy = told(place.hosts(machine))
    assert status == "warning"
    assert remedy == f"echo 127.0.0.1 {absent} | sudo tee -a {machine.hosts}"


def test_a_name_that_leads_elsewhere(make: Make, told: Told) -> None:
    machine = make(uid=0)
    machine.hosts.write_text("10.0.0.1 Repertoire.test\n127.0.0.1 repertoire.test\n")
    status, text, remedy = told(place.hosts(machine))
    assert (status, remedy) == ("warning", f"editor {machine.hosts}")
    assert text.startswith("repertoire.test is 10.0.0.1 in ")


def test_no_hosts_file(make: Make, told: Told, tmp_path: Path) -> None:
    assert told(place.hosts(make(hosts=tmp_path / "none")))[0] == "skipped"


# -- clock ---------------------------------------------------------------------


def test_a_clock_in_step(make: Make, told: Told) -> None:
    text = "2027-01-15, in step with the file system and the engine"
    assert told(place.clock(make())) == ("ok", text, "")


def test_a_clock_before_the_harness(make: Make, told: Told) -> None:
    status, text, remedy = told(place.clock(make(now=lambda: 86400.0)))
    assert (status, remedy) == ("warning", "sudo timedatectl set-ntp true")
    assert text.startswith("it says 1970-01-02, but the harness is of 2027-01-15;")


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2027-01-15T08:01:00Z", "the engine is 60 s ahead of it"),
        ("2027-01-15T08:59:00+01:00", "the engine is 60 s behind it"),
    ],
)
def test_an_engine_out_of_step(
    make: Make, engine: Any, told: Told, moment: str, expected: str
) -> None:
    info = json.dumps({"SystemTime": moment})
    engine.answers["info"] = Completed(code=0, stdout=info, stderr="")
    status, text, _ = told(place.clock(make()))
    assert (status, text.split(";")[0]) == ("warning", expected)


def test_a_file_system_out_of_step(make: Make, engine: Any, told: Told) -> None:
    engine.absent()
    machine = make(stamp=lambda path: NOW - 30)
    assert told(place.clock(machine))[1].startswith("the file system is 30 s behind it")


def test_nothing_to_compare_with(make: Make, engine: Any, told: Told) -> None:
    def stamp(path: Path) -> float:
        raise PermissionError

    engine.absent()
    assert (
        told(place.clock(make(stamp=stamp)))[1] == "2027-01-15, compared with nothing"
    )


def test_an_engine_without_a_time(make: Make, engine: Any, told: Told) -> None:
    engine.answers["info"] = Completed(code=0, stdout="{}", stderr="")
    assert told(place.clock(make()))[1].endswith("in step with the file system")


@pytest.mark.parametrize(
    ("moment", "expected"), [(5.0, -5.0), (10.0, 0.0), (15.0, 0.0), (25.0, 5.0)]
)
def test_beyond(moment: float, expected: float) -> None:
    assert place.beyond(moment, 10.0, 20.0) == expected


# -- encoding ------------------------------------------------------------------


def test_utf8_by_any_name(make: Make, told: Told) -> None:
    encodings = {"standard output": "UTF8", "locale": "utf-8"}
    assert told(place.encoding(make(encodings=encodings)))[0] == "ok"


def test_other_encodings(make: Make, told: Told) -> None:
    encodings = {"standard output": "ascii", "file names": "utf-8", "locale": ""}
    status, text, remedy = told(place.encoding(make(encodings=encodings)))
    assert (status, remedy) == ("warning", "export LC_ALL=C.UTF-8")
    assert text.startswith("standard output: ascii, locale: unknown;")
