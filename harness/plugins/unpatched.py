# SPDX-License-Identifier: GPL-3.0-or-later
"""The standard library as it was when the session began, whatever a test replaces.

A test may set `os.getpid` or `time.time` to something else (``monkeypatch``, freezegun,
pyfakefs). pytest takes that back when the test's fixtures end; our hooks run before.
These are no modules, since some tools look for those everywhere.
"""

from __future__ import annotations

import json as _json
import os as _os
import os.path as _path
import time as _time
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import json
    import os
    import time
else:
    json = SimpleNamespace(**vars(_json))
    os = SimpleNamespace(**{**vars(_os), "path": SimpleNamespace(**vars(_path))})
    time = SimpleNamespace(**vars(_time))

__all__ = ["json", "os", "time"]
