# SPDX-License-Identifier: GPL-3.0-or-later
"""Suites in a browser."""
