# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of the portal by themselves; those of models with a database."""

import os

_language = None

_multiprocess_can_split_ = True  # nothing that processes could share


def setUpPackage():
    """A browser's or a shell's language is nothing to these tests."""
    global _language
    _language = os.environ.pop("LANGUAGE", None)


def tearDownPackage():
    if _language is not None:
        os.environ["LANGUAGE"] = _language
