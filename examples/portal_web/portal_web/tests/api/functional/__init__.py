# SPDX-License-Identifier: GPL-3.0-or-later
"""The API as a program sees it."""
