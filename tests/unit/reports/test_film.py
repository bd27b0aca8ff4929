# SPDX-License-Identifier: GPL-3.0-or-later
"""The last steps of a failure, on the page of a run."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.model import Evidence, Outcome
from harness.reports import film, html
from tests.unit.reports.conftest import Build


def step(words: str, picture: str = "", **more: Any) -> dict[str, Any]:
    told = {"at": 1.25, "words": words, "times": 1, "failed": "", "url": ""}
    return {**told, "picture": picture, **more}


@pytest.fixture
def evidence(tmp_path: Path) -> list[Evidence]:
    steps = [
        *(step(f"early {number}") for number in range(8)),
        step("open <it>", "film-09.jpg", url="http://a/1"),
        step("wait", times=3),
        step("click", failed="it is gone"),
    ]
    (tmp_path / "x-film.json").write_text(json.dumps({"steps": steps}))
    (tmp_path / "x-film-09.jpg").write_bytes(b"picture")
    return [
        Evidence(title="film-09.jpg", file="x-film-09.jpg"),
        Evidence(title="film.json", file="x-film.json"),
        Evidence(title="lg.png", file="lg.png"),
    ]


def test_scenes_are_pictures_with_what_led_to_them(
    evidence: list[Evidence], tmp_path: Path
) -> None:
    [scenes], others = film.split(evidence, tmp_path)
    assert [one.title for one in others] == ["lg.png"]
    first, last = scenes
    assert first.picture == evidence[0]
    assert [one.words for one in first.steps] == [
        *(f"early {number}" for number in range(3, 8)),
        "open <it>",
    ]
    assert first.more == 3
    assert first.url == "http://a/1"
    assert last.picture is None
    assert [one.words for one in last.steps] == ["wait", "click"]


def test_each_try_of_a_test_has_its_film(
    evidence: list[Evidence], tmp_path: Path
) -> None:
    films, others = film.split([*evidence, *evidence], tmp_path)
    assert len(films) == 2
    assert all(scenes[0].picture for scenes in films)
    assert [one.title for one in others] == ["lg.png", "lg.png"]


@pytest.mark.parametrize("text", ["", "[]", '{"steps": [1]}', '{"steps": [{}]}'])
def test_a_film_that_cannot_be_read_is_linked(
    evidence: list[Evidence], tmp_path: Path, text: str
) -> None:
    (tmp_path / "x-film.json").write_text(text)
    films, others = film.split(evidence, tmp_path)
    assert films == []
    assert sorted(one.title for one in others) == [
        "film-09.jpg", "film.json", "lg.png",
    ]  # fmt: skip


def test_the_page_shows_a_film(
    build: Build, evidence: list[Evidence], tmp_path: Path
) -> None:
    run = build(2, failed=0)
    test = replace(run.tests[0], outcome=Outcome.FAILED, evidence=tuple(evidence))
    run = replace(run, steps=(replace(run.steps[0], tests=(test,)),))
    text = html.page(run, directory=tmp_path)
    assert text.count("data:image/jpeg;base64,") == 1
    assert "open &lt;it&gt;" in text
    assert "3 times" in text
    assert "it is gone" in text
    assert text.count("film-09.jpg") == 1


def test_pictures_are_tabs_and_the_one_of_the_failure_is_open(
    evidence: list[Evidence], tmp_path: Path, build: Build
) -> None:
    (tmp_path / "lg.png").write_bytes(b"picture")
    run = build(2)
    bad = next(test for test in run.tests if test.outcome is Outcome.FAILED)
    for pieces, title in ((evidence, "lg.png"), (evidence[:2], "the last steps")):
        made = replace(bad, evidence=tuple(pieces))
        tests = tuple(made if test is bad else test for test in run.tests)
        whole = replace(run, steps=(replace(run.steps[0], tests=tests),))
        text = html.page(whole, directory=tmp_path)
        tabs = re.findall(r'<details name="e0"( open)?><summary>([^<]+)', text)
        assert [name for opened, name in tabs if opened] == [
            name for _, name in tabs if name.startswith(title)
        ]
