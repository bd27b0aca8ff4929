# SPDX-License-Identifier: GPL-3.0-or-later
"""Suites of the API, for pytest as it is."""
