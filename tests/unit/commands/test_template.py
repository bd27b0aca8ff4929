# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``harness template`` is asked for, and how it explains a change."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.commands.template_facts import differences
from harness.config import Config, Templates, TemplateTable
from harness.plugins.trace.facts import Now
from harness.run.needs import request
from harness.template.base import Manifest
from harness.template.layer import Document, Layer, Request

ROOT = Path("/stack")
TEMPLATES = {
    "master": TemplateTable(
        modules=("collecting_society", "account_de_skr03"),
        data=("data/master.txt",),
        reclimit=2000,
        language="de",
    ),
    "demo": TemplateTable(
        parent="master",
        modules=("party", "collecting_society"),
        data=("data/demo.txt", "data/artists.txt"),
    ),
    "small": TemplateTable(parent="demo", reclimit=1500, language="fr"),
    "bare": TemplateTable(modules=("party",)),
}


def asked(*names: str) -> Request:
    config = Config(
        root=ROOT, template=TEMPLATES, templates=Templates(language="en_GB")
    )
    return request(config, names)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("party",), Request(modules=("party",), language="en_GB")),
        (("party", "bank"), Request(modules=("party", "bank"), language="en_GB")),
        (("party", "master"), Request(modules=("party", "master"), language="en_GB")),
        (("bare",), Request(modules=("party",), language="en_GB")),
        (
            ("master",),
            Request(
                modules=("collecting_society", "account_de_skr03"),
                language="de",
                data=(Document(path=ROOT / "data/master.txt", root=ROOT),),
                reclimit=2000,
            ),
        ),
        (
            ("demo",),
            Request(
                modules=("party", "collecting_society", "account_de_skr03"),
                language="de",
                data=(
                    Document(path=ROOT / "data/master.txt", root=ROOT),
                    Document(path=ROOT / "data/demo.txt", root=ROOT),
                    Document(path=ROOT / "data/artists.txt", root=ROOT),
                ),
                reclimit=2000,
            ),
        ),
    ],
)
def test_request(names: tuple[str, ...], expected: Request) -> None:
    assert asked(*names) == expected


def test_the_nearest_setting_counts() -> None:
    small = asked("small")
    assert (small.reclimit, small.language) == (1500, "fr")
    assert small.data == asked("demo").data


# -- differences -------------------------------------------------------------

LAYER = Layer(
    name="society",
    digest="2f",
    parent=None,
    language="en",
    facts={"file society/a.py": "11", "file society/b.py": "22", "records": "trusted"},
)


def known(created: float, **facts: str) -> Manifest:
    files = {f"file society/{name}.py": value for name, value in facts.items()}
    return Manifest(
        digest=f"{created}",
        name="society",
        created=created,
        facts={"records": "trusted", **files},
    )


SAME = known(1.0, a="11", b="22")
OTHER = Manifest(digest="0f", name="party", created=9.0)


@pytest.mark.parametrize(
    ("manifests", "below", "expected"),
    [
        ((), False, ["it was never built here"]),
        ((OTHER,), True, ["it was never built here"]),
        (
            (known(1.0, a="11", b="33"), OTHER),
            False,
            ["changed: file society/b.py (33 → 22)"],
        ),
        (
            (known(1.0, a="10", c="44"),),
            False,
            [
                "changed: file society/a.py (10 → 11)",
                "new: file society/b.py",
                "gone: file society/c.py",
            ],
        ),
        ((SAME,), True, ["a layer below it must be built"]),
        ((SAME,), False, ["it stands on another layer than the last one"]),
        (
            (known(1.0, a="11"),),
            True,
            ["new: file society/b.py", "a layer below it must be built"],
        ),
        (
            (SAME, known(3.0, a="11"), known(2.0)),
            False,
            ["new: file society/b.py"],
        ),
    ],
)
def test_differences(
    manifests: tuple[Manifest, ...], expected: list[str], *, below: bool
) -> None:
    assert list(differences(LAYER, manifests, Now(""), below=below)) == expected


def test_what_a_build_saw_is_named_before_files() -> None:
    traced = replace(
        SAME,
        declared="dd",
        trace={"function a.py:Thing.create": "11", "variable X": ""},
    )
    now, layer = Now("/nowhere"), replace(LAYER, declared="dd")
    assert list(differences(layer, (traced,), now, below=False)) == [
        "a.py: Thing.create() is gone"
    ]
