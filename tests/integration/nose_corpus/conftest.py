# SPDX-License-Identifier: GPL-3.0-or-later
"""The corpus is run where test_nose.py copies it to, not from here."""

collect_ignore_glob = ["*"]
