# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of the stack: what they are made of, and their builds by BuildKit."""
