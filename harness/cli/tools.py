# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness docs``, ``lint``, ``completion``."""


def add(commands):
    pass
