# SPDX-License-Identifier: GPL-3.0-or-later
"""Continuous integration: what its jobs are, and the files that providers read."""
