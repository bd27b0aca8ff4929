# SPDX-License-Identifier: GPL-3.0-or-later
"""Test, CI and maintenance harness of the collecting society stack."""

__version__ = "0.1.0"
