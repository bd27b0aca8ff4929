# SPDX-License-Identifier: GPL-3.0-or-later
"""What the portal and the API do with records; each function wants a transaction."""
