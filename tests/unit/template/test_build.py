# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a layer that cannot be built."""

import pytest

from harness.template.layer import Layer
from harness.template.process import _failed

BASE = Layer(name="base", digest="ba5e", parent=None, language="en")


@pytest.mark.parametrize(
    "words",
    [
        "OperationalError: database or disk is full",
        'DiskFull: could not extend file "base/1": No space left on device',
        "OSError: [Errno 122] Disk quota exceeded",
    ],
)
def test_a_full_disk_is_mended_by_room(words: str) -> None:
    error = _failed(BASE, {"error": words, "trace": "a\nb"})
    assert "there is no space left" in error.message
    assert words in error.message
    assert "prune" in error.remedy
    assert error.checked == ""


def test_another_error_is_mended_in_the_source() -> None:
    error = _failed(BASE, {"error": "KeyError: 'party'", "trace": "File x"})
    assert error.message.endswith("(ir, res): KeyError: 'party'")
    assert "File x" in error.checked
    assert "mend what" in error.remedy


def test_an_import_that_nobody_requires_is_said_to_be_one() -> None:
    trace = (
        "File \"/r/a.py\", line 4, in m\nModuleNotFoundError: No module named 'pytz'"
    )
    error = _failed(BASE, {"error": "ModuleNotFoundError", "trace": trace})
    assert error.message == "/r/a.py imports pytz, which nothing requires"
    assert "checked: line 4 there" in str(error)
