# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack: its services, its secrets, Compose, and the database in it."""
