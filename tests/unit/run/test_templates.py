# SPDX-License-Identifier: GPL-3.0-or-later
"""What the templates of a step are made of."""

import io
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.config import Config
from harness.errors import Superseded
from harness.model import Module, Origin
from harness.modules import Graph
from harness.output import Console
from harness.run import templates
from harness.template.layer import Layer, Request
from tests.unit.run.test_needs import STEP


def test_reports_in_a_module_are_no_part_of_it(tmp_path: Path) -> None:
    """Its directory is the project's; else each run would build its layer anew."""
    (tmp_path / "alpha.py").touch()
    for written in ("reports/r1/run.json", "backups/a.dump", "state/envs/x.py"):
        (tmp_path / written).parent.mkdir(parents=True)
        (tmp_path / written).touch()
    module = Module(name="alpha", path=tmp_path, version="7.0.0", origin=Origin.SRC)
    context: Any = SimpleNamespace(
        config=Config(root=tmp_path), store=SimpleNamespace(path=tmp_path / "state")
    )
    environment: Any = SimpleNamespace(
        interpreter=SimpleNamespace(name="3.11"), site=tmp_path / "site"
    )
    layers = templates.layers(context, STEP, environment, Graph([module]), "sqlite")

    facts = layers.resolve(Request(modules=("alpha",))).facts
    assert {one for one in facts if one.startswith("file ")} == {"file alpha/alpha.py"}


def interrupted(wanted: list[Layer]) -> bool:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        (lambda wanted: True, Superseded, "templates: files saved again, ended after"),
        (interrupted, KeyboardInterrupt, "templates: interrupted after"),
    ],
)
def test_a_build_that_is_of_no_use_any_more_is_ended(
    asked: templates.Superseding, error: type[BaseException], said: str
) -> None:
    ended = threading.Event()

    class Builder:
        finder: Any = SimpleNamespace(find=lambda layer: None)

        def end(self) -> None:
            ended.set()

        def ensure(self, layer: str) -> None:
            if not ended.wait(20):
                raise AssertionError("nobody has ended it")
            raise Superseded

    stream = io.StringIO()
    context: Any = SimpleNamespace(
        config=Config(root=Path()), console=Console(stream, {})
    )
    builder: Any = Builder()
    layers: Any = ["alpha", "beta"]
    telling = templates.Telling(context)
    with pytest.raises(error):
        templates.ensure_all(context, builder, layers, telling, asked)
    assert said in stream.getvalue()
    assert ended.is_set()
