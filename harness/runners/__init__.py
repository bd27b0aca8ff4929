# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs a suite: one module per kind of suite."""
