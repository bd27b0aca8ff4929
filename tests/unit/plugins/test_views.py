# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose check of a view it is."""

import pytest

from harness.plugins import views


@pytest.mark.parametrize(
    ("module", "name", "expected"),
    [
        ("trytond.pool", "check_xml", True),
        ("trytond.modules.party.party", "create", True),
        ("trytond.modules.party.party", "check_xml", False),
        ("alpha.alpha", "get_arch", False),
    ],
)
def test_a_module_with_a_check_of_its_own(
    module: str, name: str, *, expected: bool
) -> None:
    base = type("View", (), {"__module__": "trytond.ir.ui.view", "check_xml": 1})
    made = type("Made", (base,), {"__module__": module, name: 1})
    assert views._trytonds(made) is expected
