# SPDX-License-Identifier: GPL-3.0-or-later
"""What code depends on: seen while it runs, stored, and compared with what is now."""
