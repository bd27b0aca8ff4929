# SPDX-License-Identifier: GPL-3.0-or-later
"""Which templates are made before a step's tests begin."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.config import Config, TemplateTable
from harness.run.expecting import Expecting
from tests.unit.run.test_needs import STEP


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), [("party",)]),
        (("-k", "view"), [("party",)]),
        (("--collect-only",), []),
        (("-q", "--fixtures"), []),
    ],
)
def test_what_only_shows_something_waits_for_no_template(
    tmp_path: Path, options: tuple[str, ...], expected: list[tuple[str, ...]]
) -> None:
    config = Config(
        root=tmp_path, template={"small": TemplateTable(modules=("party",))}
    )
    context: Any = SimpleNamespace(config=config)
    nothing: Any = None
    expecting = Expecting(
        context=context,
        step=replace(STEP, template="small", options=options),
        environment=nothing,
        graph=nothing,
    )
    layers: Any = SimpleNamespace(resolve=lambda request: request.modules)
    assert expecting.expected(layers) == expected
