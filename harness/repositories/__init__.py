# SPDX-License-Identifier: GPL-3.0-or-later
"""The git repositories of the sources: addresses, states, careful changes."""
