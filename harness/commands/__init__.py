# SPDX-License-Identifier: GPL-3.0-or-later
"""One module per command, each a short list of stages."""
