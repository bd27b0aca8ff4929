# SPDX-License-Identifier: GPL-3.0-or-later
"""People's databases on any server: made under another name, renamed last."""
