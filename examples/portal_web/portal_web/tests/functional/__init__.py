# SPDX-License-Identifier: GPL-3.0-or-later
"""The portal as a browser without scripts sees it."""

from portal_web.tests import support

_multiprocess_can_split_ = True  # each process makes an application of its own


def setup_package():
    """The application is made once; all that follows asks the same one."""
    support.application()
