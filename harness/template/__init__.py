# SPDX-License-Identifier: GPL-3.0-or-later
"""Template databases: digest → layers → build → pool of clones → lease."""
