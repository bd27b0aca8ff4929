# SPDX-License-Identifier: GPL-3.0-or-later
"""Suites of the portal, in nose's style, and of the API, in pytest's."""
