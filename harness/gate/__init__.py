# SPDX-License-Identifier: GPL-3.0-or-later
"""What a merge needs: its parts, how they are run and judged, one verdict."""
