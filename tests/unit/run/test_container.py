# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image has to have."""

from pathlib import Path

from harness.model import Module, Origin
from harness.modules import Graph
from harness.run import container


def test_modules_that_an_image_lacks(tmp_path: Path) -> None:
    party = tmp_path / "trytond" / "modules" / "party"
    party.mkdir(parents=True)
    (party / "tryton.cfg").write_text("[tryton]\nversion=7.0.0\ndepends:\n  country\n")
    info = tmp_path / "alpha-7.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: alpha\nVersion: 7\n")
    (info / "entry_points.txt").write_text("[trytond.modules]\nalpha = alpha\n")
    depends = {"alpha": ("ir", "party"), "beta": ("alpha", "sale")}
    sources = Graph(
        Module(
            name=name, path=tmp_path, version="7.0.0", depends=needs, origin=Origin.SRC
        )
        for name, needs in depends.items()
    )

    assert container.absent(tmp_path, ["alpha"], sources) == ["country"]
    assert container.absent(tmp_path, ["beta"], sources) == ["beta", "sale", "country"]
    assert container.absent(tmp_path, ["party", "res"], sources) == ["country"]
