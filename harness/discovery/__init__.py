# SPDX-License-Identifier: GPL-3.0-or-later
"""What a repository of Tryton modules says without any configuration.

Nothing of it is run, and nothing is written: `look` reads ``tryton.cfg``, packaging,
tests and what lies beside the repository; `Discovered` is a ``[tool.harness]`` table,
with where each part of it was taken from.
"""

from harness.discovery.found import Discovered, Member
from harness.discovery.look import look

__all__ = ["Discovered", "Member", "look"]
