# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose image it is, and whether it is made of what is here."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from harness.commands import image_jobs, stack_images
from harness.config import Config
from harness.config.services import ServiceTable
from harness.context import Context
from harness.errors import ImageError
from harness.images import services
from harness.images.build import DIGEST, PROJECT, SERIES, ImageJob
from harness.output import Console
from harness.stack.project import derived

WANTED = [
    ImageJob(service=name, image=f"x/{name}:production", digest="now")
    for name in ("db", "portal", "api")
]


def labels(**digests: str) -> dict[str, dict[str, str]]:
    """Of the form ``SERVICE=DIGEST[ PROJECT]``."""
    found = {}
    for name, text in digests.items():
        digest, _, project = text.partition(" ")
        owner = {PROJECT: project} if project else {}
        found[f"x/{name}:production"] = {DIGEST: digest, **owner}
    return found


@pytest.mark.parametrize(
    ("there", "old", "foreign"),
    [
        (labels(db="now", portal="now mine", api="now theirs"), [], {}),
        (labels(db="then", portal="then mine", api="now"), ["db", "portal"], {}),
        (labels(db="now", portal="else y", api="then"), ["api"], {"portal": "y"}),
        ({"x/db:production": {}}, [], {}),
    ],
    ids=["the same, whoever built it", "older", "another checkout's", "not ours"],
)  # fmt: skip
def test_images_are_compared(
    there: dict[str, dict[str, str]], old: list[str], foreign: dict[str, str]
) -> None:
    assert stack_images.compared(WANTED, there, "mine") == (old, foreign)


def test_another_series_is_none_of_ours() -> None:
    """Its own of before is refused, too: Tryton's modules would not load."""
    [_, job, _] = WANTED
    wanted = [replace(job, labels={SERIES: "7.0"})]
    there = {job.image: {DIGEST: "then", SERIES: "6.6"}}
    assert stack_images.compared(wanted, there, "") == ([], {"portal": "series 6.6"})
    del there[job.image][SERIES]
    assert stack_images.compared(wanted, there, "") == (["portal"], {})


@pytest.mark.parametrize(
    ("made_of", "foreign"),
    [
        ("society (examples 12 dirty)", False),
        ("", False),
        ("society (src 12)", True),
        ("society (examples 12), portal (src 3)", True),
    ],
)
def test_other_sources_are_another_checkouts_or_its_own_of_before(
    made_of: str, *, foreign: bool
) -> None:
    """The modules of the example are none of a society's, nor is their series."""
    revision = {stack_images.REVISION: "society (examples 34)"}
    job = replace(WANTED[1], labels=revision)
    there = {job.image: {DIGEST: "then", stack_images.REVISION: made_of}}
    expected = ([], {"portal": made_of}) if foreign else (["portal"], {})
    assert stack_images.compared([job], there, "mine") == expected
    # A server has none of them in it.
    server = replace(job, service="db")
    assert stack_images.compared([server], there, "mine") == (["db"], {})


def test_a_foreign_image_is_refused_and_an_older_one_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.StringIO()
    context = Context(
        config=Config(root=tmp_path), environ={}, console=Console(shown, {}), line=""
    )
    own = derived(tmp_path)
    monkeypatch.setattr(stack_images, "expected", lambda *words: WANTED)
    found = labels(db="now", portal=f"then {own}", api="now")
    monkeypatch.setattr(stack_images, "_labels", lambda *words: found)
    stack_images.check(context, ["db", "portal", "api"], "production")
    assert "harness build --variant production portal builds them" in shown.getvalue()
    assert stack_images.stale(context, [], "production")
    found |= labels(api="else theirs")
    with pytest.raises(ImageError, match=r"api \(of theirs\)") as caught:
        stack_images.check(context, ["db", "portal", "api"], "production")
    assert caught.value.remedy.startswith(
        "harness build --variant production api portal"
    )


def test_what_is_built_is_what_the_stack_runs(tmp_path: Path) -> None:
    """Without names: no placeholder that no service is."""

    def chosen(**tables: ServiceTable) -> tuple[str, ...]:
        config = Config(root=tmp_path, service=tables)
        console = Console(io.StringIO(), {})
        made = Context(config=config, environ={}, console=console, line="")
        assert image_jobs.chosen_of(made, ["nginx", "db"]) == ("db", "nginx")
        return image_jobs.chosen_of(made, [])

    assert chosen() == services.SERVICES
    own = {one: ServiceTable(image="tests") for one in ("portal", "api", "erpserver")}
    mail = ServiceTable(image="somebody/mail:1", environments=("development",))
    assert chosen(**own, mail=mail) == (
        "db", "processing", "nginx", "selenium", "documentation", "tests",
    )  # fmt: skip
