# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers and embedded servers take of the machine, now."""
