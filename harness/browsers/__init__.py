# SPDX-License-Identifier: GPL-3.0-or-later
"""Where browsers come from: this machine, containers, a grid."""

from harness.browsers.base import BrowserRequest, Browsers, Endpoint, Reach
from harness.browsers.choice import choose
from harness.browsers.docker import DockerBrowsers
from harness.browsers.grid import Grid
from harness.browsers.local import LocalBrowsers

__all__ = [
    "BrowserRequest",
    "Browsers",
    "DockerBrowsers",
    "Endpoint",
    "Grid",
    "LocalBrowsers",
    "Reach",
    "choose",
]  # fmt: skip
