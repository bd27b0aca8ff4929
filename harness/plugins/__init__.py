# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in the suite's interpreter: any Tryton series, pytest 7.2 or newer.

Nothing here imports the rest of the harness.
"""
