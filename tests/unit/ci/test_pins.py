# SPDX-License-Identifier: GPL-3.0-or-later
import re
from pathlib import Path

import pytest

from harness.ci import pins
from harness.ci.pins import Pin

LISTED = """\
1111111111111111111111111111111111111111\trefs/tags/v4
2222222222222222222222222222222222222222\trefs/tags/v4.9.9
3333333333333333333333333333333333333333\trefs/tags/v4.10.0
4444444444444444444444444444444444444444\trefs/tags/v4.10.0^{}
5555555555555555555555555555555555555555\trefs/tags/v5.0.0-beta.1
6666666666666666666666666666666666666666\trefs/tags/4.11.0
"""


def test_the_newest_release_by_its_commit() -> None:
    assert pins.newest(LISTED) == Pin(version="v4.10.0", commit="4" * 40)


@pytest.mark.parametrize("turn", [1, -1])
def test_a_tags_own_object_is_not_its_commit(turn: int) -> None:
    lines = LISTED.splitlines()[2:4][::turn]
    found = pins.newest("\n".join(lines))
    assert found is not None
    assert found.commit == "4" * 40


def test_no_release_is_none() -> None:
    assert pins.newest("") is None
    assert pins.newest(LISTED.splitlines()[0]) is None


def test_pins_are_written_as_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "actions.toml"
    known = pins.read()
    pins.write(known, path)
    assert path.read_text("utf-8") == pins.DATA.read_text("utf-8")


@pytest.mark.parametrize("name", sorted(pins.read()))
def test_every_pin_is_a_release_and_a_commit(name: str) -> None:
    pin = pins.read()[name]
    assert re.fullmatch(r"v\d+\.\d+\.\d+", pin.version)
    assert re.fullmatch(r"[0-9a-f]{40}", pin.commit)
