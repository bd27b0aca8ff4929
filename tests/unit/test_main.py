# SPDX-License-Identifier: GPL-3.0-or-later
import sys

import pytest

from harness import __main__ as program


def test_windows_is_told_before_anything_is_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit, match="does not run on Windows") as caught:
        program.run()
    assert "WSL" in str(caught.value)
