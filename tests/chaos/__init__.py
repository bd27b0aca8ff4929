# SPDX-License-Identifier: GPL-3.0-or-later
"""The chaos campaign: what a run must survive, tried at random; see ``__main__``."""
